"""A server of its own for the units: the machine's programs, with a user, sessions and a crontab that only it sees.

Mount, process and control-group namespaces of this machine, so that the files of docs/one-server can be installed
unchanged. The root file system is read-only in there, and what is mounted is gone with it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.sessions import company

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "docs" / "one-server"
UID = 1999
PATIENCE_SECONDS = 60

BUILD = r"""
set -e
mount --make-rprivate /
for each in /run /var/lib /opt /usr/local/bin /srv; do mount -t tmpfs none $each; done
mkdir -p /run/systemd/system /run/lock /opt/python /opt/janitor /opt/site /srv/own /var/lib/own
mount --bind "$BASE" /opt/python
mount --bind "$CHECKOUT" /opt/janitor
mount --bind "$SITE" /opt/site
mount --bind "$OWN" /srv
for each in /tmp /var/tmp; do mount -t tmpfs none $each; done
mount --bind /srv/passwd /etc/passwd
mount --bind /srv/group /etc/group
cp /srv/bin/* /usr/local/bin/
mount -t tmpfs none /var/spool
mkdir -p /run/sbin/upper /run/sbin/work
mount -t overlay none -o lowerdir=/usr/sbin,upperdir=/run/sbin/upper,workdir=/run/sbin/work /usr/sbin
cp /srv/sbin/* /usr/sbin/
[ ! -d /etc/cron.d ] || { mount -t tmpfs none /etc/cron.d; cp /srv/cron.d/* /etc/cron.d/ 2>/dev/null || true; }
umount -R -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t proc proc /proc
cp -r /srv/units/. /run/systemd/system/
: > /run/console
[ ! -e /dev/console ] || mount --bind /run/console /dev/console
mount -o remount,ro,bind /
"""


class Server:
    """The server; `own` is its /srv.

    Args:
        own: an empty directory.
        start: the program that is process 1 there, as a line of a shell.
    """

    def __init__(self, own: Path) -> None:
        self.own = own
        self.sessions = own / "whatsapp" / "sessions"
        self._group: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        own.chmod(0o755)
        for name in ("bin", "sbin", "cron.d", "units", "mail"):
            (own / name).mkdir()
        for name in ("old", "healthy"):
            company(self.sessions, name, name)
        for path in (own / "whatsapp", *(own / "whatsapp").rglob("*"), own / "mail"):
            os.chown(path, UID, UID, follow_symlinks=False)
        passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
        (own / "passwd").write_text(f"{passwd}whatsapp:*:{UID}:{UID}::/srv/whatsapp:/bin/sh\n")
        (own / "group").write_text(f"{group}whatsapp:x:{UID}:\ncrontab:x:{UID + 1}:\n")
        command = own / "bin" / "baileys-janitor"
        command.write_text(
            "#!/bin/sh\nexport PYTHONPATH=/opt/janitor/operator:/opt/site PYTHONDONTWRITEBYTECODE=1\n"
            f'exec /opt/python/bin/{Path(sys.executable).resolve().name} -P -m baileys_janitor "$@"\n'
        )
        command.chmod(0o755)
        mail = own / "sbin" / "sendmail"
        mail.write_text("#!/bin/sh\nexec cat >> /srv/mail/sent\n")
        mail.chmod(0o755)
        (own / "mail" / "sent").touch()
        os.chown(own / "mail" / "sent", UID, UID)

    def start(self, line: str) -> None:
        """Start the server with a program as its first process."""
        groups = [
            Path(each.split()[1])
            for each in Path("/proc/mounts").read_text().splitlines()
            if each.split()[2] == "cgroup2"
        ]
        if os.geteuid() or not groups or shutil.which("unshare") is None:
            pytest.skip("a server in namespaces takes root, util-linux and control groups")
        self._group = groups[0] / f"janitor-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self._group.mkdir()
        except OSError:
            pytest.skip("control groups cannot be made here")
        script = self.own / "start.sh"
        script.write_text(f"{BUILD}\n{line}\n")
        # All of it ends with the tests, even if these are killed.
        last = ["setpriv", "--pdeathsig", "KILL", "unshare", "-m", "-p", "-C", "-i", "-u"]
        inner = shlex.join([*last, "--fork", "--kill-child", "bash", str(script)])
        self._process = subprocess.Popen(
            ["bash", "-c", f"echo $$ > {self._group}/cgroup.procs && exec {inner}"],
            stdin=subprocess.DEVNULL,
            stdout=(self.own / "log").open("wb"),
            stderr=subprocess.STDOUT,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "container": "other",
                "BASE": sys.base_prefix,
                "CHECKOUT": str(ROOT),
                "SITE": sysconfig.get_path("purelib"),
                "OWN": str(self.own),
            },
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        assert self._process is not None
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children")
        self.wait_for(children.read_text, "the first process")
        pid = children.read_text().split()[0]
        return subprocess.run(
            ["nsenter", "-t", pid, "-m", "-p", "-C", *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is the case."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if self._process is None:  # not started: what is waited for is elsewhere
                assert time.monotonic() < end, what
                time.sleep(0.05)
                continue
            if self._process.poll() is not None and "not permitted" in self.log:
                pytest.skip(f"no server in namespaces here: {self.log.splitlines()[-1]}")
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, f"{what}: {self.log}"
            time.sleep(0.05)

    @property
    def log(self) -> str:
        """What the first process has printed."""
        return (self.own / "log").read_text(errors="replace")

    def close(self) -> None:
        """End the server and everything in it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._group is not None and self._group.is_dir():
            end = time.monotonic() + PATIENCE_SECONDS
            while self._group.is_dir() and time.monotonic() < end:
                for path in sorted(self._group.rglob("*/"), reverse=True):
                    with suppress(OSError):
                        path.rmdir()
                with suppress(OSError):
                    self._group.rmdir()
                time.sleep(0.05)
