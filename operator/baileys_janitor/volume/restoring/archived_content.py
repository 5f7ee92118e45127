"""The content that a restore writes: archived bytes, checked against the archive's list, and edited where needed."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.archives.restore_codes import (
    CLOSED,
    CONTENT_DIFFERS,
    RAISED,
    SESSION_FORM_UNKNOWN,
)
from baileys_janitor.policy.files.credentials_text import with_counters
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.policy.files.session_text import with_closed_session
from baileys_janitor.policy.files.strict_json import is_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
    from baileys_janitor.policy.archives.restore_session import Put

_NS = 10**9
_MS = 1000


class Unusable(Exception):  # noqa: N818  # not an error: only this file is left out
    """A file that cannot be put back; `reason` is a code of `policy.archives.restore_codes`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ArchivedContent:
    """The content of an archived session. `read` returns the bytes of a file by its name; `now` is Unix seconds."""

    def __init__(self, source: ArchivedSession, read: Callable[[str], bytes], now: float) -> None:
        self._source = source
        self._read = read
        self._closed_ms = int(now * _MS)
        # No file gets a time after the archive's own: a fast clock may have set it.
        self._latest_ns = max(0, min(source.time, int(now))) * _NS

    def credentials_are_whole(self) -> bool:
        """Return whether the archived creds.json matches the session's description."""
        files = [each for each in self._source.files if each.name == CREDS_NAME]
        try:
            data = self._checked(files[0])
        except (Unusable, IndexError):
            return False
        found, told = read_credentials(data), self._source.credentials
        return (
            found is not None
            and read_identity(data).fingerprint == self._source.identity.fingerprint
            and found.lid_user in ("", told.lid_user)
            and replace(found, lid_user=told.lid_user) == told
        )

    def of(self, put: Put, next_pre_key_id: int, own: bytes = b"") -> bytes:
        """Return the content to write for a file; `own` is the directory's own creds.json. Raises Unusable."""
        data = own if put.own else self._checked(put.file)
        try:
            if put.how == RAISED:
                return with_counters(data, next_pre_key_id)
            return with_closed_session(data, self._closed_ms) if put.how == CLOSED else data
        except ValueError as error:
            raise Unusable(SESSION_FORM_UNKNOWN) from error

    def time_ns(self, file: ArchivedFile) -> int:
        """Return the modification time to give to a file."""
        return min(max(0, file.mtime_ns), self._latest_ns)

    def _checked(self, file: ArchivedFile) -> bytes:
        try:
            data = self._read(file.name)
        except LookupError as error:
            raise Unusable(CONTENT_DIFFERS) from error
        if len(data) != file.size or sha256(data).hexdigest() != file.sha256:
            raise Unusable(CONTENT_DIFFERS)
        if not is_whole(data):
            raise Unusable(CONTENT_DIFFERS)
        return data
