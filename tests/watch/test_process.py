"""The resident process: signals, the service manager, locks, metrics and messages; killed and begun again."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from baileys_janitor.cli.main import main
from tests.cli.sessions import company, environment, janitor, numbers_in_names
from tests.watch.processes import Hook, Manager, free_port, running, until


def status(state: Path, *more: str) -> str:
    """What `status` prints, in this process."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["status", "--state", str(state), *more]) == 0
    return printed.getvalue()


def levels_in(document: str) -> dict[str, str]:
    return {each["name"]: each["level"] for each in json.loads(document)["directories"]}


def test_the_life_of_a_watch(tmp_path: Path) -> None:
    root, log, state = tmp_path / "sessions", tmp_path / "log", tmp_path / "state" / "w.json"
    sessions = [company(root, name, name) for name in ("healthy", "emergency")]
    config = tmp_path / "watch.yaml"
    config.write_text(
        "mode: DryRun\nnotifications: {groupWait: 0s, cleanupInterval: 0s}\n"
        "schedule: {scanInterval: 10s, adaptive: false}\n"
    )
    manager, hook, port = Manager(), Hook(), free_port()
    env = {
        "NOTIFY_SOCKET": f"@{manager.name}",
        "WATCHDOG_USEC": "3000000",
        "NOTIFICATION_WEBHOOK": hook.url,
    }
    options = (root, "--state", state, "--config", config, "--metrics", f"127.0.0.1:{port}")
    with running(log, *options, env=env, port=port) as watch:
        until(lambda: manager.count("READY=1"), "the service is ready")
        watch.says("outcome=DryRun")
        # A second one says who has the state, and does nothing.
        second = janitor("watch", root, "--state", state, "--once")
        assert second.code == 1
        assert f"Another watch (process {watch.process.pid}) has the state file" in second.err
        assert len(second.err.splitlines()) == 1
        # Metrics.
        healthy = 'baileys_janitor_tenants{level="Healthy"} 1\n'
        page = until(lambda: healthy in (found := watch.scrape()) and found, "both were counted")
        assert 'tenant="emergency",company_id="emergency"' in page
        assert 'outcome="DryRun"} 1\n' in page
        # The channel hears of it, by a process that has ended.
        until(lambda: hook.documents, "a message arrives")
        until(lambda: manager.count("WATCHDOG=1") > 2, "signs of life come")
        # A bad configuration is told, and the old one stays; a good one is taken over.
        good = config.read_text()
        config.write_text(good + "thresholds: {warnign: 100}\n")
        watch.send(signal.SIGHUP)
        watch.says("did you mean warning?")
        until(lambda: manager.count("READY=1") == 2, "it is ready again")
        config.write_text(good + "thresholds: {warning: 100}\n")
        watch.send(signal.SIGHUP)
        watch.says("The settings were read anew")
        watch.says("tenant=healthy action=scan before=Healthy after=Warning")
        # What `status` knows of it while it runs.
        levels = {"healthy": "Warning", "emergency": "Emergency"}
        until(lambda: levels_in(status(state, "-o", "json")) == levels, "status shows the levels")
        assert json.loads(status(state, "-o", "json"))["watch"]["running"] is True
        watch.send(signal.SIGKILL)
        watch.process.wait()
    with running(log, *options, env=env, port=port) as watch:
        watch.says("Watching", times=2)
        assert watch.end() == 0
        assert manager.count("STOPPING=1") == 1
        watch.says("Ended")
    known = json.loads(status(state, "-o", "json"))
    assert known["watch"]["running"] is False
    # Nothing was removed, and no number of a file's name was told to anybody.
    assert not list(root.glob("*/.janitor~run*"))
    told = log.read_text() + state.read_text() + page + json.dumps(hook.documents)
    # The digits of a fraction of a second are nobody's number.
    found = [n for n in numbers_in_names(sessions) if re.search(rf"(?<![\d.]){n}(?!\d)", told)]
    assert found == []
    manager.close()
    hook.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thresholds: {warnign: 1}", "thresholds.warnign is not a field: did you mean warning?"),
        ("notificatons: {}", "notificatons is not a field: did you mean notifications?"),
        ("directories: {acme: {mod: DryRun}}", "directories.acme.mod is not a field"),
        ("directories: {acme: {thresholds: {warning: 900}}}", "warning"),
        ("metrics: 9090", "metrics must be text: write 9090 in quotes"),
        ("metrics: '9090'", "give an address and a port such as 127.0.0.1:9090"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "watch.yaml"
    config.write_text(text)
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard):
        code = main(["watch", str(tmp_path), "--config", str(config), "--settings-fd", "99"])
    assert code == 2
    assert said in heard.getvalue()
    assert len(heard.getvalue().splitlines()) == 1


def test_cron_beside_a_watch_of_another_state_does_nothing_twice(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    session = company(root, "old", "old")
    first = janitor("watch", root, "--state", tmp_path / "a.json", "--once")
    assert first.code == 0, first.err
    assert "outcome=Completed" in first.err
    gone = len(list(session.glob(".janitor~run~*")))
    assert gone > 0
    second = janitor("watch", root, "--state", tmp_path / "b.json", "--once")
    assert second.code == 0, second.err
    assert "Cleanup started" not in second.err
    assert len(list(session.glob(".janitor~run~*"))) == gone


def test_once_fails_for_a_path_that_is_gone_and_says_so(tmp_path: Path) -> None:
    company(tmp_path / "here", "healthy", "healthy")
    done = janitor(
        "watch", tmp_path / "here", tmp_path / "gone", "--state", tmp_path / "s", "--once"
    )
    assert done.code == 1
    assert "does not exist" in done.err
    assert os.path.exists(tmp_path / "s")


def test_no_module_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who writes to the directory that a watch is started in gets no code into it."""
    root = tmp_path / "sessions"
    company(root, "healthy", "healthy")
    for module in ("json", "select", "baileys_janitor"):
        (root / f"{module}.py").write_text("raise SystemExit('taken from the working directory')")
    command = Path(sys.executable).with_name("baileys-janitor")
    done = subprocess.run(
        [command, "watch", ".", "--state", tmp_path / "state.json", "--once"],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "taken from" in done.stderr) == (0, False), done.stderr
    assert "A session directory is looked after" in done.stderr
