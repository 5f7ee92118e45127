"""Sessions and archives of them for the tests of this room."""

from __future__ import annotations

from pathlib import Path

from baileys_janitor.backup.archive.archive import PackedArchive, pack
from baileys_janitor.backup.archive.encryption import Identities, Recipients, generate
from baileys_janitor.volume.copies.snapshot import Snapshot, take_snapshot
from tests.pairings import whole
from tests.volume.directories import FILES, HOUR, NOW, build, opened, write

SECRET, RECIPIENT = generate()
IDENTITIES = Identities(SECRET)
RECIPIENTS = Recipients([RECIPIENT])
PLAIN = Recipients()
ARCHIVED = {name for name in FILES if name != "notes.txt"}
#: A name that one tar header has no room for.
LONG_NAME = f"app-state-sync-key-{'A' * 220}.json"


def session_in(path: Path) -> Path:
    """Make a paired session directory that can be archived."""
    build(path)
    write(path / LONG_NAME, b"{}", NOW - HOUR)
    write(path / "creds.json", whole(), NOW - HOUR)
    return path


def snapshot_of(path: Path, **more: bool) -> Snapshot:
    with opened(path) as directory:
        return take_snapshot(directory, now=NOW, pause=lambda _: None, **more)


def packed(
    snapshot: Snapshot, recipients: Recipients = RECIPIENTS, tenant: str = "acme"
) -> PackedArchive:
    return pack(
        snapshot, namespace="bots", tenant=tenant, recipients=recipients, cluster="Moskva 1 \u2713"
    )
