"""Genuine Baileys session directories, from fixtures or freshly written by the real library.

The fixtures under ``tests/fixtures/sessions`` were written by ``tests/baileys`` and need nothing
but this module. Writing new ones and checking need Node.js and the tool's dependencies. Standard
library only: the demo uses it too.

    python tests/real/sessions.py list                          the scenarios
    python tests/real/sessions.py unpack SCENARIO DIRECTORY     its files as old as they should be
    python tests/real/sessions.py pack [SCENARIO ...]           write fixtures again (Node.js)
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from tests.all_checks import ALL_CHECKS as ALL_CHECKS

TESTS = Path(__file__).resolve().parent.parent
TOOL = TESTS / "baileys"
FIXTURES = TESTS / "fixtures" / "sessions"

#: The moment that stands for "now" in an archive: a file's age is this minus its mtime.
EPOCH = 1_700_000_000

Report = dict[str, Any]


class ToolError(RuntimeError):
    """The Node.js tool could not do its work; the message is its own."""


def scenarios() -> list[str]:
    """Names of the committed fixtures."""
    return sorted(path.name.removesuffix(".tar.gz") for path in FIXTURES.glob("*.tar.gz"))


def unpack(
    scenario: str,
    session: Path,
    now: float | None = None,
    peers: Path | None = None,
    without: Callable[[str], bool] = lambda _: False,
    fixtures: Path = FIXTURES,
) -> Path:
    """Unpack a fixture; its files are as old before `now` (Unix seconds) as when it was written.

    `without` says of a file's name that it is left out: nine of ten files are pre-keys.

    The session's files go directly into `session`, which must be empty or missing. With `peers`,
    the contacts' own keys go there; only :func:`check` needs them. Returns `session`.
    """
    members = _members(scenario, fixtures)
    if session.is_dir() and any(session.iterdir()):
        raise FileExistsError(f"{session} is not empty")
    targets = {"session": session, "peers": peers}
    shift = (time.time() if now is None else now) - EPOCH
    for room, name, mtime, content in members:
        target = targets.get(room)
        if target is None or without(name):
            continue
        path = os.path.join(target, name)
        if content is None:
            os.makedirs(path, exist_ok=True)
            continue
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.write(file, content)
        os.utime(file, (mtime + shift,) * 2)
        os.close(file)
    return session


@cache
def _members(scenario: str, fixtures: Path) -> list[tuple[str, str, float, bytes | None]]:
    """Return what a fixture holds: the part, the path in it, its time, its content (None: a directory).

    Kept, since tests unpack a thousand times: reading the archive takes longer than writing the files.
    """
    archive = fixtures / f"{scenario}.tar.gz"
    if not archive.is_file():
        raise ValueError(f"no session fixture {scenario!r}; there are {', '.join(scenarios())}")
    found: list[tuple[str, str, float, bytes | None]] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            room, *rest = PurePosixPath(member.name).parts
            if ".." in rest:
                continue
            content = None if member.isdir() else tar.extractfile(member)
            assert member.isdir() or content is not None, "fixtures hold files and directories only"
            data = None if content is None else content.read()
            found.append((room, "/".join(rest), member.mtime, data))
    return found


def pack(scenario: str, session: Path, peers: Path, now: float, fixtures: Path = FIXTURES) -> Path:
    """Make a fixture of a freshly written session; the same input gives the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for room, root in (("session", session), ("peers", peers)):
            for path in [root, *sorted(root.rglob("*"))]:
                info = tarfile.TarInfo(str(PurePosixPath(room, *path.relative_to(root).parts)))
                info.mtime = round(path.stat().st_mtime - now) + EPOCH
                if path.is_dir():
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(info)
                else:
                    content = path.read_bytes()
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    archive = fixtures / f"{scenario}.tar.gz"
    archive.write_bytes(gzip.compress(buffer.getvalue(), 9, mtime=0))
    return archive


def write(
    scenario: str, session: Path, peers: Path, now: float | None = None, **changes: Any
) -> Report:
    """Write a new session with the real library; `changes` replace parameters of the scenario.

    They are explained in ``tests/baileys/src/scenarios.mjs``. Returns the counts: ``total``,
    ``counted``, ``protected`` and ``byKind``.
    """
    request = {"scenario": scenario, "out": str(session), "peers": str(peers), **changes}
    if now is not None:
        request["now"] = now
    return _run("write", request)


def check(session: Path, peers: Path, **options: Any) -> Report:
    """Let the contacts and the tenant talk, on a copy of `session`.

    Returns ``passed`` and ``properties``: for each a name, ``passed`` and what was counted.
    """
    return _run("check", {"session": str(session), "peers": str(peers), **options})


def talk(session: Path, peers: Path, **options: Any) -> Report:
    """Let the contacts and the tenant talk in `session` itself, and upload more pre-keys.

    Returns how many messages were ``sent`` and ``read`` at the first try, and the ``ids`` of the pre-keys that the
    server holds or has given out.
    """
    return _run("talk", {"session": str(session), "peers": str(peers), **options})


def judge(session: Path, peers: Path, **options: Any) -> Report:
    """Let everybody go on where they were, on a copy of what a restore left in `session`.

    Returns for each kind of message how many were ``sent`` and read at the ``first`` try, ``recovered`` by a retry or
    ``lost``; which collections of app state ``failed``; how many ids of pre-keys were ``givenTwice``.
    """
    return _run("judge", {"session": str(session), "peers": str(peers), **options})


@cache
def login(session: Path, lid: str, library: str) -> Report:
    """Log in with the real library at a server that sends no message; the names it `written`.

    Every file of the session gets another time by that.
    """
    return _run("login", {"library": library, "session": str(session), "lid": lid})


def begin(session: Path, **options: Any) -> Report:
    """Start with the real library in a directory without a pairing, at a server that asks for one.

    Returns whether it was ``fresh``, ``asked`` for one by a QR code and, with ``pair`` and an ``address``, was
    ``paired``; how many ``mappings`` it reads, and how many ``keys`` of those named in ``others``.
    """
    return _run("begin", {"session": str(session), **options})


def node_missing(tool: Path = TOOL) -> str:
    """Why the tool cannot run here, or an empty string; installs its dependencies if it can."""
    if not shutil.which("node"):
        return "Node.js is not installed"
    needed = json.loads((tool / "package.json").read_text())["dependencies"]
    if all((tool / "node_modules" / each).is_dir() for each in needed):
        return ""
    npm = shutil.which("npm")
    if not npm:
        return f"{tool} lacks packages and npm is not installed"
    done = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=tool, capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    shutil.rmtree(tool / "node_modules", ignore_errors=True)
    return f"npm ci in {tool} failed: {done.stderr.strip().splitlines()[-1:]}"


def node_available() -> bool:
    """Whether sessions can be written and checked here."""
    return not node_missing()


def _run(command: str, request: dict[str, Any]) -> Report:
    return run(TOOL, command, request)


def run(tool: Path, command: str, request: dict[str, Any]) -> Report:
    """Run a command of a tool in Node.js; its document, whatever it says of the session."""
    arguments = ["node", str(tool / "main.mjs"), command, json.dumps(request)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    try:
        result: Report = json.loads(done.stdout)
    except ValueError:
        raise ToolError(done.stderr or done.stdout or f"exit code {done.returncode}") from None
    if "error" in result:
        raise ToolError(result["stack"])
    return result


def _pack_all(names: list[str]) -> None:
    """Write fixtures again, each in a directory of its own."""
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            session, peers = Path(directory, "session"), Path(directory, "peers")
            now = float(int(time.time()))
            counts = write(name, session, peers, now)
            size = pack(name, session, peers, now).stat().st_size
            print(f"{name}: {counts['total']} files, {counts['counted']} counted, {size} bytes")


def main(arguments: list[str]) -> None:
    match arguments:
        case ["list"]:
            print("\n".join(scenarios()))
        case ["unpack", scenario, directory]:
            print(unpack(scenario, Path(directory)))
        case ["pack", *names]:
            _pack_all(names or scenarios())
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
