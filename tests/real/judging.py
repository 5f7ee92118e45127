"""Lives of a session for restores to be judged by, accidents that end them, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from baileys_janitor.backup.archive.archive import pack
from baileys_janitor.backup.archive.encryption import Identities, Recipients, generate
from baileys_janitor.backup.archive.unpack import UnpackedArchive, unpack
from baileys_janitor.policy.archives.restore_codes import SAFE
from baileys_janitor.volume.copies.snapshot import take_snapshot
from baileys_janitor.volume.restoring.restore_session import SessionRestoreResult, SessionRestoring
from tests.real import sessions

#: Pre-keys that were uploaded after the backup; whoever gets one of them has to write twice.
UPLOADED = 10
NEW_CONTACTS, AT_FIRST_TRY = 60, 58


class Life(NamedTuple):
    """A session that lived on after its backup: the archive, the directory then and now, and everybody else's keys."""

    archive: UnpackedArchive
    backup: Path
    session: Path
    peers: Path

    def lost_by(self, accident: str, session: Path) -> Path:
        """The directory that a restore meets after an accident."""
        shutil.copytree(self.session, session, ignore=shutil.ignore_patterns("media"))
        ACCIDENTS[accident](session)
        return session


def lived(scenario: str, room: Path, exchanges: int, **changes: Any) -> Life:
    """Write a session, or unpack the fixture if nothing changes, back it up and let everybody exchange messages."""
    backup, session, peers = room / "backup", room / "session", room / "peers"
    if changes or scenario not in sessions.scenarios():
        sessions.write(scenario, session, peers, **changes)
    else:
        sessions.unpack(scenario, session, peers=peers)
    shutil.copytree(session, backup)
    amounts = dict.fromkeys(("messages", "groups", "patches"), exchanges)
    assert sessions.talk(session, peers, preKeys=UPLOADED, **amounts)["passed"]
    return Life(archived(backup), backup, session, peers)


def archived(session: Path, *, quiesced: bool = False) -> UnpackedArchive:
    """Back a directory up as the command line does, and read the archive."""
    with opened(session) as directory:
        snapshot = take_snapshot(directory, now=time.time(), quiesced=quiesced)
    identity, recipient = generate()
    packed = pack(snapshot, namespace="bots", tenant="acme", recipients=Recipients([recipient]))
    return unpack([packed.data], Identities(identity))


def put_back(
    archive: UnpackedArchive,
    session: Path,
    mode: str = SAFE,
    acknowledged: Collection[str] = (),
) -> SessionRestoreResult:
    """Put an archived session back into a directory; the person has written the fingerprint out."""
    with opened(session) as directory:
        return SessionRestoring(
            directory,
            "run-1",
            archive.session,
            archive.content.__getitem__,
            now=time.time(),
            mode=mode,
            expected=archive.session.identity.fingerprint,
            acknowledged=acknowledged,
        ).apply()


@contextmanager
def opened(session: Path) -> Iterator[int]:
    """An open directory."""
    directory = os.open(session, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield directory
    finally:
        os.close(directory)


def _all_lost(session: Path) -> None:
    shutil.rmtree(session)
    session.mkdir()


def _half_lost(session: Path, keeping: tuple[str, ...] = (), seed: int = 1) -> None:
    names = sorted(path.name for path in session.iterdir())
    lost = {*random.Random(seed).sample(names, len(names) // 2), "creds.json"} - {*keeping}
    for name in lost:
        (session / name).unlink()


ACCIDENTS: dict[str, Callable[[Path], object]] = {
    "all lost": _all_lost,
    "creds.json torn": lambda session: os.truncate(session / "creds.json", 100),
    "half lost": _half_lost,
    "half lost but creds.json": lambda session: _half_lost(session, ("creds.json",), seed=2),
    "nothing lost": lambda session: None,
}


def broken(report: sessions.Report) -> list[str]:
    """Names of what does not hold: no contact's message is lost, and all else works at the first try."""
    return list(_broken(report))


def _broken(report: sessions.Report) -> Iterator[str]:
    own, groups, new = report["ownDevices"], report["groups"], report["newContacts"]
    holds = {
        "incoming": not report["incoming"]["lost"],
        "outgoing": _at_once(report["outgoing"]),
        "toOwnDevices": _at_once(own["outgoing"]),
        "ownDevices": _at_once(own["after"]),
        "memberGroups": _at_once(groups["incoming"]),
        "ownGroups": _at_once(groups["outgoing"]),
        "newContacts": new["first"] * NEW_CONTACTS >= AT_FIRST_TRY * new["sent"]
        and not new["lost"],
        "appState": not report["appState"]["failed"],
        "givenTwice": not report["givenTwice"],
        "again": report["again"]["read"] == report["again"]["sent"],
    }
    yield from (name for name, held in holds.items() if not held)


def _at_once(counts: dict[str, int]) -> bool:
    return counts["first"] == counts["sent"] > 0


def row(report: sessions.Report) -> str:
    """The report in one line: messages read at the first try, recovered and lost."""
    own, groups = report["ownDevices"], report["groups"]
    counts = {
        "in": report["incoming"],
        "out": report["outgoing"],
        "own before": own["before"],
        "own after": own["after"],
        "groups in": groups["incoming"],
        "groups out": groups["outgoing"],
        "new": report["newContacts"],
    }
    shown = (
        f"{name} {one['first']}/{one['recovered']}/{one['lost']}" for name, one in counts.items()
    )
    app_state = report["appState"]
    return (
        f"{', '.join(shown)}, app state {app_state['collections'] - len(app_state['failed'])}/"
        f"{app_state['collections']}, ids twice {report['givenTwice']}"
    )
