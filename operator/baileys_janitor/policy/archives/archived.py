"""The input of a restore plan: an archived session's files without their content, and its identity.

Names are personal data, so they are in no printed form.
"""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.files.file_kinds import classify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.policy.archives.pairing import Credentials
    from baileys_janitor.policy.files.identity import Identity

#: The maximal memory of a session: the bytes of its files, plus this overhead for each file.
LIMIT_BYTES = 64 * 1024 * 1024
FILE_OVERHEAD_BYTES = 1024

#: The setting for archives that are not encrypted.
ENCRYPTION_NONE = "None"


@dataclass(frozen=True, slots=True, repr=False)
class ArchivedFile:
    """One file of an archive: size in bytes, modification time in ns, permission bits, SHA-256 in hex digits."""

    name: str
    size: int
    mtime_ns: int
    mode: int
    sha256: str

    @property
    def kind(self) -> str:
        """The kind of session file, derived from its name."""
        return classify(self.name)[0]

    @property
    def ident(self) -> str:
        """The id in its name."""
        return classify(self.name)[1]

    def __repr__(self) -> str:
        return f"ArchivedFile({self.kind}, size={self.size})"


@dataclass(frozen=True, slots=True, repr=False)
class ArchivedSession:
    """An archived session: when it was read (Unix seconds), whether its process was stopped then, and its files.

    `identity` and `credentials` are read from its creds.json, with the own LID from its mapping files.
    """

    time: int
    quiesced: bool
    files: Sequence[ArchivedFile]
    identity: Identity
    credentials: Credentials

    def __repr__(self) -> str:
        return f"ArchivedSession(time={self.time}, files={len(self.files)})"
