"""Reasons why an operation on a backup failed: one code and one sentence with the remedy each.

The codes go into results, status and alerts. No sentence holds a key, a file's name, or text from a store, a library
or an archive.
"""

from __future__ import annotations

from typing import Final

# Keys.
RECIPIENT_INVALID: Final = "RecipientInvalid"
RECIPIENT_IS_SECRET: Final = "RecipientIsSecret"  # noqa: S105  # a code
RECIPIENTS_TOO_MANY: Final = "RecipientsTooMany"
IDENTITY_INVALID: Final = "IdentityInvalid"
IDENTITY_MISSING: Final = "IdentityMissing"
IDENTITY_UNREADABLE: Final = "IdentityUnreadable"
WRONG_IDENTITY: Final = "WrongIdentity"
# Archives.
NOT_AN_ARCHIVE: Final = "NotAnArchive"
ARCHIVE_NOT_ENCRYPTED: Final = "ArchiveNotEncrypted"
ARCHIVE_TRUNCATED: Final = "ArchiveTruncated"
ARCHIVE_DAMAGED: Final = "ArchiveDamaged"
ARCHIVE_TOO_LARGE: Final = "ArchiveTooLarge"
ARCHIVE_VERSION: Final = "ArchiveVersion"
ARCHIVE_OF_ROWS: Final = "ArchiveOfRows"
ARCHIVE_OF_FILES: Final = "ArchiveOfFiles"
MANIFEST_INVALID: Final = "ManifestInvalid"
CREDENTIALS_INVALID: Final = "CredentialsInvalid"
NAME_INVALID: Final = "NameInvalid"
# The owner of an archive.
NO_ARCHIVE: Final = "NoArchive"
ANOTHER_TENANT: Final = "AnotherTenant"
OTHERS_ALONE: Final = "OthersAlone"
IDENTITY_UNKNOWN: Final = "IdentityUnknown"
FINGERPRINT_DIFFERS: Final = "FingerprintDiffers"
FINGERPRINT_INVALID: Final = "FingerprintInvalid"
# Stores.
URL_INVALID: Final = "UrlInvalid"
ENDPOINT_INVALID: Final = "EndpointInvalid"
CREDENTIALS_MISSING: Final = "SecretMissing"
CREDENTIALS_MALFORMED: Final = "SecretInvalid"
CREDENTIALS_UNREADABLE: Final = "SecretUnreadable"
CREDENTIALS_REFUSED: Final = "CredentialsRefused"
CLOCK_WRONG: Final = "ClockWrong"
FORBIDDEN: Final = "Forbidden"
READ_FORBIDDEN: Final = "ReadForbidden"
DELETE_FORBIDDEN: Final = "DeleteForbidden"
NO_SUCH_BUCKET: Final = "NoSuchBucket"
WRONG_REGION: Final = "WrongRegion"
UNREACHABLE: Final = "Unreachable"
NAME_UNKNOWN: Final = "NameUnknown"
TLS_FAILED: Final = "TlsFailed"
TOO_SLOW: Final = "TooSlow"
THROTTLED: Final = "Throttled"
SERVER_ERROR: Final = "ServerError"
REQUEST_REFUSED: Final = "RequestRefused"
ANSWER_INCOMPLETE: Final = "AnswerIncomplete"
NOT_A_STORE: Final = "NotAStore"
STORE_FULL: Final = "StoreFull"
STORE_FAILED: Final = "StoreFailed"
DIRECTORY_MISSING: Final = "DirectoryMissing"
ARCHIVE_MISSING: Final = "ArchiveMissing"
ARCHIVE_EXISTS: Final = "ArchiveExists"
ARCHIVE_COLD: Final = "ArchiveCold"
PUT_DAMAGED: Final = "PutDamaged"
LISTING_TOO_LONG: Final = "ListingTooLong"

#: By code. A word in braces is a detail given to the problem: a number or a word of this program's own.
SENTENCES: Final[dict[str, str]] = {
    RECIPIENT_INVALID: "Recipient {position} is not a public key that archives can be encrypted to: give one that "
    'begins with "age1", as `baileys-janitor backup keygen` prints it, or an SSH public key (ssh-ed25519 or ssh-rsa).',
    RECIPIENT_IS_SECRET: "Recipient {position} is a secret key: give its public key, which `age-keygen -y` prints, and "
    "do not use that secret key any more if others can read where it stood.",
    RECIPIENTS_TOO_MANY: "There are more than {most} recipients: leave out unused ones.",
    IDENTITY_INVALID: "Line {position} of the identity file is not a secret key that opens archives: it must begin "
    'with "AGE-SECRET-KEY-1", or the file must be an SSH private key without a passphrase.',
    IDENTITY_UNREADABLE: "The identity cannot be read ({what}; {why}): {way_out}.",
    IDENTITY_MISSING: "The archive is encrypted and no identity was given: name the file with the secret key that "
    "belongs to one of its recipients.",
    WRONG_IDENTITY: "None of the identities opens the archive: it was encrypted to other recipients. Look for the "
    "secret key that was kept when backups were set up.",
    NOT_AN_ARCHIVE: "The object is not an archive of this program: check the prefix and the name.",
    ARCHIVE_NOT_ENCRYPTED: "The archive is not encrypted, and an identity was given: if that is meant, read it without "
    "one; if all archives there should be encrypted, somebody else has made it.",
    ARCHIVE_TRUNCATED: "The archive ends before it is complete, so nothing of it is used: take another archive, or "
    "this one from another repository.",
    ARCHIVE_DAMAGED: "The archive is damaged or cut off: what it holds does not match its checksums, so nothing of "
    "it is used. Take another archive, or this one from another repository.",
    ARCHIVE_TOO_LARGE: "The archive holds more than {mebibytes} MiB, more than this program ever puts into one, so "
    "nothing of it is used: somebody else has made it.",
    ARCHIVE_VERSION: "The archive has format version {version}, which this program does not know: use a newer version "
    "of baileys-janitor.",
    ARCHIVE_OF_ROWS: "The archive holds rows of a database, not files: `baileys-janitor keystore drill` and "
    "`baileys-janitor keystore restore` read it.",
    ARCHIVE_OF_FILES: "The archive holds the files of a session directory, not rows: `baileys-janitor drill` and "
    "`baileys-janitor restore` read it.",
    MANIFEST_INVALID: "The archive's manifest is not one that this program writes ({what}), so nothing of it is used: "
    "somebody else has made it. Take another archive.",
    CREDENTIALS_INVALID: "The creds.json in the archive is not the one that its manifest names, so nothing of it is "
    "used: somebody else has made it. Take another archive.",
    NAME_INVALID: "The {field} cannot stand in the name of an archive: use lower-case letters, digits and dashes.",
    NO_ARCHIVE: "The repository holds no archive of this session: check the URL; `baileys-janitor archives` lists "
    "the sessions that it has.",
    ANOTHER_TENANT: "The archive says that it is of another session, time or content than its name does, so nothing "
    "of it is used: somebody has moved or forged it. Take another archive.",
    OTHERS_ALONE: "None of the newest {tried} archives is one of this session that can be used, so somebody may be "
    "putting forged ones there: name an older one that `baileys-janitor archives` lists (--archive), and let nobody "
    "else put archives there.",
    IDENTITY_UNKNOWN: "It is unknown which account this session belongs to, and anyone with the public key can make an "
    "archive: compare the fingerprint of this one, {found}, with the one that you have recorded, and write it out "
    "(--fingerprint).",
    FINGERPRINT_DIFFERS: "The archive is of another session than the one that was written out: its fingerprint is "
    "{found}.",
    FINGERPRINT_INVALID: "A fingerprint is 16 hexadecimal digits, or twice 16 with a hyphen between them, as "
    "`baileys-janitor backup fingerprints` prints it.",
    URL_INVALID: "The repository's URL names no place for archives: give s3://bucket/prefix, gs://bucket/prefix, "
    "az://container/prefix, or the absolute path of a directory, without credentials.",
    ENDPOINT_INVALID: "The repository's endpoint or region cannot be used: give https://host:port without credentials "
    "and query (http:// is for S3, or this machine itself; a directory has none), and a region such as eu-central-1.",
    CREDENTIALS_MISSING: "There are no credentials for the store: put {names} into the credentials file or directory, "
    "or into the environment.",
    CREDENTIALS_MALFORMED: "The credentials are malformed ({name}): correct them in the credentials file, "
    "directory or environment.",
    CREDENTIALS_UNREADABLE: "The credentials file or directory cannot be read: check its path, and that the user who "
    "runs this may read it.",
    CREDENTIALS_REFUSED: "The store does not accept the credentials: check the access key, the secret that belongs to "
    "it, and whether they have expired.",
    CLOCK_WRONG: "The store refuses requests from this machine's clock: set the clock right (NTP).",
    FORBIDDEN: "The store accepts the credentials but forbids putting archives: allow them to put objects below the "
    "repository's prefix.",
    READ_FORBIDDEN: "The store forbids reading: the credentials may be put-only. Use those that may list and get "
    "objects below the repository's prefix.",
    DELETE_FORBIDDEN: "The store forbids deleting archives: allow it below the repository's prefix, or leave it to the "
    "bucket's lifecycle (retention by: Bucket).",
    NO_SUCH_BUCKET: "The store has no bucket of that name: check the URL and the endpoint, or create the bucket.",
    WRONG_REGION: "The bucket lies in another region, or the store answers at another address: set the region or the "
    "endpoint of the repository.",
    UNREACHABLE: "The store cannot be reached: check host and port of its endpoint, and that the network lets it "
    "through.",
    NAME_UNKNOWN: "The host name of the store is not known: check the endpoint, and name resolution on this machine.",
    TLS_FAILED: "TLS with the store failed: its certificate is for another host, has expired or is of a CA that is not "
    "trusted here (AWS_CA_BUNDLE names one), or the endpoint is served without TLS.",
    TOO_SLOW: "The store took too long to answer and was given up: check the network, and whether the store is "
    "overloaded. The next run tries again.",
    THROTTLED: "The store asks for fewer requests: back up less often, or spread the tenants. The next run tries "
    "again.",
    SERVER_ERROR: "The store reported an error of its own (HTTP {status}): look into its log. The next run tries "
    "again.",
    REQUEST_REFUSED: "The store refused the request (HTTP {status}): check URL, endpoint and region, and that it "
    "speaks this protocol.",
    ANSWER_INCOMPLETE: "The store's answer ended early, so nothing of it was used: check the network. The next run "
    "tries again.",
    NOT_A_STORE: "The server that answered is not a store of this kind: check endpoint and port, and whether a "
    "proxy or a login page stands in between.",
    STORE_FULL: "The store has no room for the archive: free some, or raise its quota.",
    STORE_FAILED: "The directory of the repository reported an input/output error: look at its disk or network file "
    "system.",
    DIRECTORY_MISSING: "The repository's directory does not exist, or is not a directory: mount or create it first. "
    "It is not created here, so that archives never land beneath an empty mount point.",
    ARCHIVE_MISSING: "The repository has no such archive: `baileys-janitor archives` lists those that it has.",
    ARCHIVE_EXISTS: "Another object already has the archive's name, and was not changed: the next run uses another "
    "name.",
    ARCHIVE_COLD: "The archive lies in a cold storage class: have the store restore it first, and try again.",
    PUT_DAMAGED: "The archive arrived damaged, and does not count: check the network and the store. The next run tries "
    "again.",
    LISTING_TOO_LONG: "More than {most} objects lie below the repository's prefix: give it a prefix of its own, or let "
    "retention remove archives.",
}

#: Codes for a problem with one archive; another one in the same repository may be fine.
OF_ONE_ARCHIVE: Final = frozenset(
    (
        NOT_AN_ARCHIVE,
        ARCHIVE_NOT_ENCRYPTED,
        ARCHIVE_TRUNCATED,
        ARCHIVE_DAMAGED,
        ARCHIVE_TOO_LARGE,
        ARCHIVE_VERSION,
        ARCHIVE_OF_ROWS,
        ARCHIVE_OF_FILES,
        ARCHIVE_MISSING,
        ARCHIVE_COLD,
        MANIFEST_INVALID,
        CREDENTIALS_INVALID,
        WRONG_IDENTITY,
        ANOTHER_TENANT,
        FINGERPRINT_DIFFERS,
    )
)

#: Codes for work that was declined because of its input, rather than tried and failed.
DECLINED: Final = frozenset(
    (
        RECIPIENT_INVALID,
        RECIPIENT_IS_SECRET,
        RECIPIENTS_TOO_MANY,
        IDENTITY_INVALID,
        IDENTITY_MISSING,
        NAME_INVALID,
    )
)


class BackupProblem(Exception):  # noqa: N818  # as often a refusal as an error
    """An operation that could not be done; `code` is one of the codes above, the text its sentence.

    `details` fill the sentence. They are numbers, and words of this program's own: never a key or a name.
    """

    def __init__(self, code: str, **details: int | str) -> None:
        super().__init__(SENTENCES.get(code, code).format(**details))
        self.code = code
        self.details = details

    @property
    def sentence(self) -> str:
        """The problem and the remedy."""
        return str(self)
