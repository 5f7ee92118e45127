"""The problem at an object store, from the error text of the client library.

The library reports a failed request as English text that contains the request's address and the server's answer. Only
a status and known words are searched for here; the text is never passed on, because it contains names.
"""

from __future__ import annotations

import re
from typing import Final

from baileys_janitor.backup import errors
from baileys_janitor.backup.errors import BackupProblem

PUT: Final = "put"
LIST: Final = "list"
GET: Final = "get"
DELETE: Final = "delete"
TOO_MUCH: Final = "The answer has no end."
"""The text for an answer that grew too large, in place of the library's."""

_STATUS: Final = re.compile(r"returned non-2xx status code: (\d{3})")
_CODE: Final = re.compile(r"(?:<Code>\s*|\(code: )([A-Za-z]{3,64})(?:\s*</Code>|\))")
_LOOKED_AT: Final = 20_000

_BY_CODE: Final = {
    errors.CREDENTIALS_REFUSED: (
        "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidSecurity", "ExpiredToken", "InvalidToken",
        "TokenRefreshRequired", "AuthenticationFailed", "InvalidAuthenticationInfo", "AuthenticationRequired",
        "NotSignedUp", "AccountProblem", "UnauthorizedAccess",
    ),
    errors.CLOCK_WRONG: ("RequestTimeTooSkewed", "RequestExpired"),
    errors.NO_SUCH_BUCKET: ("NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "InvalidBucketName"),
    errors.WRONG_REGION: (
        "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect",
        "IllegalLocationConstraintException", "InvalidRegion",
    ),
    errors.THROTTLED: ("SlowDown", "ServerBusy", "Throttling", "ThrottlingException", "TooManyRequests"),
    errors.STORE_FULL: (
        "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "EntityTooLarge",
    ),
    errors.ARCHIVE_COLD: ("InvalidObjectState", "BlobArchived", "BlobBeingRehydrated"),
    errors.PUT_DAMAGED: ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"),
    errors.ARCHIVE_MISSING: ("NoSuchKey", "BlobNotFound"),
    errors.ARCHIVE_EXISTS: ("PreconditionFailed", "BlobAlreadyExists", "ConditionalRequestConflict"),
}  # fmt: skip
_CODES: Final = {word: code for code, words in _BY_CODE.items() for word in words}
_BY_STATUS: Final = {
    401: errors.CREDENTIALS_REFUSED,
    409: errors.ARCHIVE_EXISTS,
    412: errors.ARCHIVE_EXISTS,
    429: errors.THROTTLED,
    503: errors.THROTTLED,
    507: errors.STORE_FULL,
}
_NOT_SUPPORTED_STATUS: Final = (400, 404, 405, 411, 501)
# Words of the library and its dependencies, the most serious first.
_BY_WORDS: Final = (
    ((TOO_MUCH,), errors.NOT_A_STORE),
    (("BareRedirect",), errors.WRONG_REGION),
    (("DeleteFailed",), errors.DELETE_FORBIDDEN),
    (("dns error", "failed to lookup address"), errors.NAME_UNKNOWN),
    (("certificate", "Certificate", "InvalidContentType", "AlertReceived", "HandshakeFailure",
      "CorruptMessage", "PeerIncompatible", "PeerMisbehaved", "NoCertificates"), errors.TLS_FAILED),
    (("tcp connect error", "tcp open error"), errors.UNREACHABLE),
    (("TimedOut", "kind: Timeout"), errors.TOO_SLOW),
    (("kind: Connect",), errors.UNREACHABLE),
    (("Parse(", "invalid HTTP version", "Metadata {", "InvalidListResponse",
      "InvalidDeleteObjectsResponse", "invalid XML"), errors.NOT_A_STORE),
    (("NoContentRange", "kind: Interrupted", "IncompleteMessage", "UnexpectedEof",
      "ConnectionReset", "BrokenPipe", "ConnectionAborted", "request or response body error",
      "error decoding response body", "ListResponseBody"), errors.ANSWER_INCOMPLETE),
)  # fmt: skip


def problem_for(text: str, operation: str) -> BackupProblem:
    """Return the problem for the library's text about a failed operation (one of the above)."""
    text = text[:_LOOKED_AT]
    status = _status(text)
    found = _CODE.search(text)
    code = _CODES.get(found[1]) if found else None
    if code is None and status is not None:
        code = _by_status(status, operation)
    if code is None:
        code = next(
            (code for words, code in _BY_WORDS if any(word in text for word in words)),
            errors.UNREACHABLE,
        )
    if code in (errors.SERVER_ERROR, errors.REQUEST_REFUSED):
        return BackupProblem(code, status=status or 0)
    return BackupProblem(code)


def is_unsupported(text: str) -> bool:
    """Return whether a store refused a request that not every store supports, such as deleting many objects."""
    found = _CODE.search(text[:_LOOKED_AT])
    known = found is not None and found[1] in _CODES
    return not known and _status(text) in _NOT_SUPPORTED_STATUS


def _status(text: str) -> int | None:
    found = _STATUS.search(text[:_LOOKED_AT])
    return int(found[1]) if found else None


def _by_status(status: int, operation: str) -> str:
    if status == 403:
        return {PUT: errors.FORBIDDEN, DELETE: errors.DELETE_FORBIDDEN}.get(
            operation, errors.READ_FORBIDDEN
        )
    if status == 404:
        return errors.ARCHIVE_MISSING if operation == GET else errors.NO_SUCH_BUCKET
    if 300 <= status < 400:
        return errors.WRONG_REGION
    if status >= 500:
        return _BY_STATUS.get(status, errors.SERVER_ERROR)
    return _BY_STATUS.get(status, errors.REQUEST_REFUSED)
