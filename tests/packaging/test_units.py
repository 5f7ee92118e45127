"""What docs/one-server ships, installed on a server and run: systemd's units, PM2, compose, cron."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.sessions import company, environment, files_of
from tests.packaging.server import ROOT, SHIPPED, Server

UNITS = sorted([*SHIPPED.glob("*.service"), *SHIPPED.glob("*.timer")])
SERVICES = [path for path in UNITS if path.suffix == ".service"]
SYSTEMD = Path("/lib/systemd/systemd")
EXPOSURE = 10
"""Tenths: systemd calls 0.5 safe; a plain service has 9.6."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    yield found
    found.close()


def need(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} (Debian: {package})")


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    need("systemd-analyze", "systemd")
    for path in UNITS:
        text = path.read_text().replace("/usr/local/bin/baileys-janitor", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("network", [False, True], ids=["alone", "with the network"])
@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.stem)
def test_the_services_are_hardened(tmp_path: Path, unit: Path, network: bool) -> None:
    need("systemd-analyze", "systemd")
    text = unit.read_text()
    if network:
        text = text.replace(
            "[Install]", (SHIPPED / "baileys-janitor-network.conf").read_text() + "[Install]"
        )
    (tmp_path / unit.name).write_text(text)
    threshold = EXPOSURE * (2 if network else 1)
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={threshold}",
            str(tmp_path / unit.name),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_both_services_are_locked_in_alike() -> None:
    def settings(path: Path) -> set[str]:
        lines = path.read_text().split("\nProtectSystem", 1)[1].split("\n[Install]")[0].splitlines()
        return {line for line in lines[1:] if line and line[0] != "#"}

    first, second = map(settings, SERVICES)
    assert first == second


def test_under_systemd_clean_cleans_and_watch_is_ready_reloads_comes_back_and_ends(
    server: Server,
) -> None:
    if not SYSTEMD.exists():
        pytest.skip("no systemd")
    for unit in UNITS:
        shutil.copy(unit, server.own / "units")
        # The rest of a server is not started here.
        drop_in = server.own / "units" / f"{unit.name}.d"
        drop_in.mkdir()
        log = "[Service]\nStandardError=append:/srv/log\n" if unit.suffix == ".service" else ""
        (drop_in / "alone.conf").write_text(f"[Unit]\nDefaultDependencies=no\n{log}")
    (server.own / "units" / "alone.target").write_text("[Unit]\nDefaultDependencies=no\n")
    server.start(
        f"exec {SYSTEMD} --system --unit=alone.target --log-target=console --show-status=no"
    )
    service = "baileys-janitor.service"

    def systemctl(*words: str) -> str:
        done = server.run("systemctl", *words)
        return done.stdout.strip() + done.stderr.strip()

    def shown(name: str) -> str:
        return systemctl("show", service, "--property", name, "--value")

    server.wait_for(lambda: systemctl("is-system-running") in ("running", "degraded"), "systemd")
    before = files_of(server.sessions / "company_old")
    assert systemctl("start", "baileys-janitor-clean.service") == ""
    assert len(files_of(server.sessions / "company_old")) < len(before), server.log
    assert systemctl("start", service) == "", server.log  # it returns when the watch is ready
    assert shown("ActiveState") == "active", server.log
    assert re.fullmatch(r"2 session directories: .+", shown("StatusText"))
    first = shown("MainPID")
    assert systemctl("reload", service) == ""
    server.wait_for(lambda: shown("ActiveState") == "active", "the reload is over")
    assert shown("MainPID") == first
    assert "The settings were read anew" in server.log
    assert server.run("kill", "-9", first).returncode == 0
    server.wait_for(lambda: shown("ActiveState") == "activating", "it is to be started again")
    assert systemctl("stop", service) == ""
    assert systemctl("start", "baileys-janitor-clean.timer") == ""
    assert systemctl("is-active", "baileys-janitor-clean.timer") == "active"


def test_cron_cleans_with_its_own_path_and_mails_what_was_done(server: Server) -> None:
    places = (ROOT / ".tools/shells/usr/sbin/cron", Path("/usr/sbin/cron"))
    daemon = next((path for path in places if path.exists()), None)
    if daemon is None or not Path("/etc/cron.d").is_dir():
        pytest.skip("no cron: `make unit` unpacks Debian's")
    shutil.copy(daemon, server.own / "sbin" / "cron")
    text = (SHIPPED / "baileys-janitor.cron").read_text()
    # At once, and as often as this test has time for.
    at_once = re.sub(r"^\*\S* \* \* \* \*", "@reboot", text, flags=re.MULTILINE)
    (server.own / "cron.d" / "baileys-janitor").write_text(at_once)
    before = files_of(server.sessions / "company_old")
    server.start("exec /usr/sbin/cron -f -L 15")
    sent = server.own / "mail" / "sent"
    server.wait_for(lambda: "Cleanup finished" in sent.read_text(errors="replace"), "a mail")
    assert "To: root" in sent.read_text()
    assert "X-Cron-Env: <SHELL=/bin/sh>" in sent.read_text()
    assert len(files_of(server.sessions / "company_old")) < len(before)


def crontab() -> list[str]:
    """The crontab's lines without comments."""
    lines = (SHIPPED / "baileys-janitor.cron").read_text().splitlines()
    return [line for line in lines if line and line[0] != "#"]


def test_the_crontab_names_programs_in_full_and_takes_no_failure_for_an_emergency() -> None:
    variables = [line for line in crontab() if re.match(r"[A-Z_]+=", line)]
    assert variables == ["SHELL=/bin/sh", "MAILTO=root"]
    [line] = [line for line in crontab() if line not in variables]
    command = line.split(None, 6)[6]
    assert "%" not in command, "cron ends a command there"
    assert not set(command) & set("|&;<>"), "no failure starts anything else"
    assert command.startswith("/usr/local/bin/baileys-janitor watch --once /")


def test_pm2s_file_is_what_pm2_takes() -> None:
    need("node", "nodejs")
    program = (
        f"console.log(JSON.stringify(require({json.dumps(str(SHIPPED / 'ecosystem.config.cjs'))})))"
    )
    [app] = json.loads(
        subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True).stdout
    )["apps"]
    assert (app["interpreter"], app["instances"], app["exec_mode"]) == ("none", 1, "fork")
    assert app["kill_timeout"] >= 10_000, "PM2's own 1.6 s may be too short for a removal"
    assert app["stop_exit_codes"] == [2]


def test_composes_file_runs_the_image_locked_in() -> None:
    said = yaml.safe_load((SHIPPED / "compose.yaml").read_text())
    [service] = said["services"].values()
    version = re.search(
        r'__version__ = "(.*)"', (ROOT / "operator/baileys_janitor/__init__.py").read_text()
    )
    assert version is not None
    assert service["image"] == f"baileys-janitor:{version[1]}"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["user"] != "0:0"
    mounted = {each.partition(":")[2]: each.partition(":")[0] for each in service["volumes"]}
    named = [name for name in mounted.values() if "/" not in name]
    assert set(named) == set(said["volumes"])
    command = service["command"]
    paths = [word for word in command if word.startswith("/")]
    assert {"/" + path.split("/")[1] for path in paths} == set(mounted)


def test_pm2_runs_and_stops_it(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = ROOT / ".tools/pm2/node_modules/.bin/pm2"
    program = str(own) if own.exists() else shutil.which("pm2")
    if program is None:
        pytest.skip("no pm2: `make unit` installs one where there is npm")
    home = tmp_path_factory.mktemp("pm2")
    state = home / "watch.json"
    file = home / "ecosystem.config.cjs"
    text = (SHIPPED / "ecosystem.config.cjs").read_text()
    for shipped, here in (
        ("/usr/local/bin/baileys-janitor", str(Path(sys.executable).parent / "baileys-janitor")),
        (
            '"/srv/whatsapp/sessions"',
            json.dumps([str(server.sessions), "--state", str(state)])[1:-1],
        ),
    ):
        assert shipped in text
        text = text.replace(shipped, here)
    file.write_text(text)
    variables = environment() | {"PM2_HOME": str(home), "PM2_DISABLE_VERSION_CHECK": "true"}

    def pm2(*words: str) -> str:
        done = subprocess.run(
            [program, *words], env=variables, cwd=home, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        pm2("start", str(file))
        server.wait_for(state.exists, "it watches")
        [app] = json.loads(pm2("jlist").splitlines()[-1])
        assert (app["pm2_env"]["status"], app["pm2_env"]["restart_time"]) == ("online", 0)
        pm2("stop", "baileys-janitor")
        [app] = json.loads(pm2("jlist").splitlines()[-1])
        assert (app["pm2_env"]["status"], app["pm2_env"]["exit_code"]) == ("stopped", 0)
    finally:
        pm2("kill")


def test_composes_command_cleans_what_is_mounted(tmp_path: Path) -> None:
    said = yaml.safe_load((SHIPPED / "compose.yaml").read_text())
    [service] = said["services"].values()
    session = company(tmp_path / "sessions", "old", "old")
    (tmp_path / "state").mkdir()
    before = files_of(session)
    words = [re.sub(r"^/", f"{tmp_path}/", word) for word in service["command"]]
    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", *words, "--once"],
        env=environment() | {key: str(value) for key, value in service["environment"].items()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(files_of(session)) < len(before)
    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert "Cleanup finished" in messages
