"""The tenant's identity: the content of creds.json, read defensively.

The library writes creds.json in place, so a reader can see it empty or cut although nothing is wrong, and after a crash
or a full disk it can hold anything. `creds.registered` stays false after a QR pairing: a session is paired if `me.id`
and `account` are present.
"""

from __future__ import annotations

from hashlib import blake2s

from baileys_janitor.policy.files.file_kinds import base_user, is_number
from baileys_janitor.policy.files.strict_json import JsonError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAIRED = "Paired"
UNPAIRED = "Unpaired"
CORRUPT = "Corrupt"
ABSENT = "Absent"
TOO_LARGE = "TooLarge"
STATES = (PAIRED, UNPAIRED, CORRUPT, ABSENT, TOO_LARGE)

#: A larger file is not parsed. Real files have 2 to 200 kB (`processedHistoryMessages` grows), and the worst document
#: of this size takes some 40 MB as objects.
MAX_CREDS_BYTES = 1024 * 1024

#: A mapping file holds one number in quotation marks.
MAX_MAPPING_BYTES = 64

# jid-utils.ts, WAJIDDomains: LID, hosted, hosted LID. A phone number carries none.
_DOMAINS = ("", "_1", "_128", "_129")


class Identity:
    """The parts of creds.json that the rules need.

    `own_users`: the tenant's users as file names spell them, under its phone number and its LID, each in every domain.
    `knows_lid`: the tenant's own LID is known, from `me.lid` or from its own mapping files; `lid_unreadable`: `me.lid`
    is present but invalid. The two pre-key counters are None unless they are whole numbers of at least 1. `fingerprint`
    is a hash of the public identity key and the registration id: 16 hex digits when paired, else "".
    """

    __slots__ = (
        "_bases",
        "_starts",
        "fingerprint",
        "first_unuploaded_pre_key_id",
        "knows_lid",
        "lid_unreadable",
        "next_pre_key_id",
        "own_users",
        "phone_user",
        "state",
    )

    def __init__(
        self,
        state: str,
        phone_user: str = "",
        lid_user: str = "",
        next_pre_key_id: int | None = None,
        first_unuploaded_pre_key_id: int | None = None,
        fingerprint: str = "",
        lid_unreadable: bool = False,
    ) -> None:
        self.state = state
        self.phone_user = phone_user
        self.knows_lid = bool(lid_user)
        self.lid_unreadable = lid_unreadable
        self._bases = frozenset(user for user in (phone_user, lid_user) if user)
        self._starts = tuple(self._bases)
        self.own_users = frozenset(user + domain for user in self._bases for domain in _DOMAINS)
        self.next_pre_key_id = next_pre_key_id
        self.first_unuploaded_pre_key_id = first_unuploaded_pre_key_id
        self.fingerprint = fingerprint

    def owns(self, user: str) -> bool:
        """Return whether a user part of a file name is the tenant's own, in any domain."""
        return self.may_own(user) and base_user(user) in self._bases

    def may_own(self, ident: str) -> bool:
        """Return False for an id that starts with none of the tenant's users, as nearly all ids do."""
        return ident.startswith(self._starts)

    @property
    def lid_in_doubt(self) -> bool:
        """Whether any LID could be the tenant's own: creds.json is paired and does not name it."""
        return self.state == PAIRED and not self.knows_lid

    def with_lid(self, lid_user: str) -> Identity:
        """Return the same identity with the tenant's own LID."""
        return Identity(
            self.state,
            self.phone_user,
            lid_user,
            self.next_pre_key_id,
            self.first_unuploaded_pre_key_id,
            self.fingerprint,
        )

    def __repr__(self) -> str:
        return f"Identity({self.state}, fingerprint={self.fingerprint!r})"


def read_identity(data: bytes | None) -> Identity:
    """Return the identity in the bytes of creds.json; None when there is no such file. Never raises."""
    if data is None:
        return Identity(ABSENT)
    if len(data) > MAX_CREDS_BYTES:
        return Identity(TOO_LARGE)
    try:
        # As Node.js reads it: invalid UTF-8 becomes replacement characters.
        creds = parse(data.decode("utf-8", "replace"))
    except (JsonError, MemoryError):
        return Identity(CORRUPT)
    return _identity(creds) if isinstance(creds, dict) else Identity(CORRUPT)


def with_lid_of(identity: Identity, read: Callable[[str], bytes | None]) -> Identity:
    """Return the identity with the own LID of the tenant's mapping files, where `me.lid` is missing.

    `read` returns a file's bytes by its name. Both files of the pair must name each other. An invalid `me.lid` is left
    in doubt.
    """
    if not identity.lid_in_doubt or identity.lid_unreadable:
        return identity
    phone = identity.phone_user
    lid = mapped_user(read(f"lid-mapping-{phone}.json"))
    if not lid or mapped_user(read(f"lid-mapping-{lid}_reverse.json")) != phone:
        return identity
    return identity.with_lid(lid)


def mapped_user(data: bytes | None) -> str:
    """Return the user in the bytes of a lid-mapping file, "" when it holds none."""
    if data is None or len(data) > MAX_MAPPING_BYTES:
        return ""
    text = data.strip(b" \t\r\n")
    if len(text) < 3 or text[:1] != b'"' or text[-1:] != b'"':
        return ""
    user = text[1:-1].decode("ascii", "replace")
    return user if is_number(user) else ""


def _identity(creds: dict[str, object]) -> Identity:
    me = creds.get("me")
    phone = user_of(me.get("id")) if isinstance(me, dict) else ""
    if not isinstance(me, dict) or not phone or not isinstance(creds.get("account"), dict):
        return Identity(UNPAIRED)
    lid = user_of(me.get("lid"))
    return Identity(
        PAIRED,
        phone,
        lid,
        _counter(creds.get("nextPreKeyId")),
        _counter(creds.get("firstUnuploadedPreKeyId")),
        _fingerprint(creds),
        lid_unreadable=not lid and me.get("lid") not in (None, ""),
    )


def user_of(jid: object) -> str:
    """Return the user of a JID, `1100` of `1100:12@s.whatsapp.net` and `1100_128:12@hosted`; "" without one."""
    if not isinstance(jid, str) or "@" not in jid:
        return ""
    user = base_user(jid.partition("@")[0].partition(":")[0])
    return user if is_number(user) else ""


def _counter(value: object) -> int | None:
    # JavaScript has no integers: 813.0 is 813 to the library.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 1 <= value < 1e9 and value == int(value) else None


def _fingerprint(creds: dict[str, object]) -> str:
    key = creds.get("signedIdentityKey")
    public = buffer_text(key.get("public")) if isinstance(key, dict) else None
    registration = creds.get("registrationId")
    if isinstance(registration, (dict, list)):
        registration = None
    text = f"{public}|{registration}".encode("utf-8", "backslashreplace")
    return blake2s(text, digest_size=8).hexdigest()


def buffer_text(value: object) -> str | None:
    """Return the base64 text of bytes as the library's BufferJSON writes them, in any of its forms."""
    if isinstance(value, dict) and "data" in value:
        value = value["data"]
    elif isinstance(value, dict):
        value = list(value.values())  # a Uint8Array serialized by plain JSON.stringify
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(_is_byte(each) for each in value):
        from binascii import b2a_base64  # rare, so imported only here

        return b2a_base64(bytes(value), newline=False).decode()
    return None


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255
