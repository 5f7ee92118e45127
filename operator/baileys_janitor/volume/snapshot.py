"""A snapshot of a session in memory: every file as its writer left it, beside a process that goes on writing.

The library writes in place, so one read may find a file empty or cut. A file is taken when its status is the same
before and after the read and its content parses; creds.json last, once two reads agree.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from baileys_janitor.policy.archived import ArchivedSession


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """A session as it was read: `content` holds the bytes of each of `session.files` by name.

    `missing` are the names of session files that changed at every look, so that they are not in it.
    """

    session: ArchivedSession
    content: Mapping[str, bytes]
    missing: Sequence[str] = ()

    def __repr__(self) -> str:
        return f"Snapshot(files={len(self.content)}, missing={len(self.missing)})"
