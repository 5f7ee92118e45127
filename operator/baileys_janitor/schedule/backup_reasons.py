"""What is done with archives, and what kinds of reasons a failure has: all that both the calendar and the process that
backs up know, which loads nothing else.
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
        # Of a database of keys.
        *("AuthorityMissing", "ColumnMissing", "ColumnType", "CountedOnly", "DatabaseMissing"),
        *("DiskFull", "LoginRefused", "MemoryMissing", "NotATable", "Replica", "RightsMissing"),
        *("RowSecurity", "TableMissing"),
    }
)
"""Reasons of a failed backup that somebody must end, so that there is no hurry to try again."""
OF_SESSION = frozenset(
    {
        *("CredentialsAbsent", "CredentialsCorrupt", "CredentialsIncomplete", "CredentialsInvalid"),
        *("CredentialsTooLarge", "CredentialsUnreadable", "NotPaired", "PermissionDenied"),
        *("EncodedTwice", "SessionTooLarge", "TooManyFiles"),
    }
)
"""Reasons that lie in the session itself: the next slot looks again."""
OF_STORE = frozenset(
    {
        *("AnswerIncomplete", "NameUnknown", "NotAStore", "ServerError", "Throttled", "TlsFailed"),
        *("TooSlow", "Unreachable"),
    }
)
"""Reasons that lie in the store, so that it answers nobody else either."""
PASSING = OF_STORE | {"ConnectionLost", "Interrupted", "Locked", "TimedOut", "TooManyConnections"}
"""Reasons for which a drill was not carried out, rather than failed."""
