"""The actions on archives and the groups of failure reasons: the common knowledge of the calendar and of the backup
process, which loads nothing else.
"""

from __future__ import annotations

BACKUP, DRILL = "Backup", "Drill"
"""Reasons of the calendar, and names of tasks."""
LASTING = frozenset(
    {
        *("ClockWrong", "CredentialsRefused", "DeleteForbidden", "DirectoryMissing"),
        *("EndpointInvalid", "ExtraMissing", "Forbidden", "ListingTooLong", "NameInvalid"),
        *("NoSuchBucket", "NotAStore", "ReadForbidden", "RecipientInvalid", "RecipientIsSecret"),
        *("RecipientsTooMany", "RequestRefused", "SecretInvalid", "SecretMissing"),
        *("SecretUnreadable", "StoreFull", "TlsFailed", "UrlInvalid", "WrongRegion"),
        # For a key store in a database.
        *("AuthorityMissing", "ColumnMissing", "ColumnType", "CountedOnly", "DatabaseMissing"),
        *("DiskFull", "LoginRefused", "MemoryMissing", "NotATable", "Replica", "RightsMissing"),
        *("RowSecurity", "TableMissing"),
    }
)
"""Reasons of a failed backup that last until somebody acts, so there is no hurry to retry."""
OF_SESSION = frozenset(
    {
        *("CredentialsAbsent", "CredentialsCorrupt", "CredentialsIncomplete", "CredentialsInvalid"),
        *("CredentialsTooLarge", "CredentialsUnreadable", "NotPaired", "PermissionDenied"),
        *("EncodedTwice", "SessionTooLarge", "TooManyFiles"),
    }
)
"""Reasons in the session itself: the next slot tries again."""
OF_STORE = frozenset(
    {
        *("AnswerIncomplete", "NameUnknown", "NotAStore", "ServerError", "Throttled", "TlsFailed"),
        *("TooSlow", "Unreachable"),
    }
)
"""Reasons in the object store, which then serves nobody else either."""
PASSING = OF_STORE | {"ConnectionLost", "Interrupted", "Locked", "TimedOut", "TooManyConnections"}
"""Reasons for which a drill could not run; they do not count as a failed drill."""
