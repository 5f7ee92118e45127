"""`backup`, `archives` and `drill` at the command line: plain, pasteable, and nothing of anybody's in their output."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from baileys_janitor.cli.backup import backup_command
from baileys_janitor.volume.scanning import quiet
from tests.backup.sessions import RECIPIENT, SECRET
from tests.cli.backups import Backups, documents, flip
from tests.cli.conftest import Run
from tests.cli.sessions import company, environment, numbers_in_names, terminal


@pytest.fixture
def place(tmp_path: Path, run: Run) -> Backups:
    """Two sessions, one of which is called by a phone number."""
    root = tmp_path / "sessions"
    company(root, "1", "orphan")
    company(root, "2", "old").rename(root / "447700900123")
    return Backups(run, tmp_path, root).prepare()


def test_each_session_is_put_once_and_then_unchanged(place: Backups) -> None:
    done = place.back_up()
    assert (done.code, done.err) == (0, "")
    assert "2 sessions: 2 put" in done.out
    assert "baileys-janitor backup fingerprints" in done.out
    assert "2 sessions: 2 unchanged" in place.back_up().out
    assert "2 sessions: 2 put" in place.back_up("--force").out


def test_names_in_the_store_hold_no_phone_number(place: Backups) -> None:
    place.back_up()
    found = "\n".join(str(path) for path in place.store.rglob("*"))
    assert "447700900123" not in found
    assert not any(number in found for number in numbers_in_names([place.sessions]) if number)


@pytest.mark.parametrize("command", ["backup", "archives", "drill", "fingerprints"])
def test_the_documents_are_as_the_schema_says(place: Backups, command: str) -> None:
    place.back_up()
    done = {
        "backup": lambda: place.back_up("--force", "-o", "json"),
        "archives": lambda: place.run(
            "archives", place.sessions, "--from", place.store, "-o", "json"
        ),
        "drill": lambda: place.drill("-o", "json"),
        "fingerprints": lambda: place.run("backup", "fingerprints", place.sessions, "-o", "json"),
    }[command]()
    assert done.code == 0, done.err
    assert len(documents(done)) == 2
    assert SECRET not in done.out + done.err


def test_archives_says_which_are_ours(place: Backups) -> None:
    place.back_up()
    session = place.sessions / "company_1"
    [ours] = documents(place.run("archives", session, "--from", place.store, "-o", "json"))
    folder = place.store / "server" / ours["tenant"]
    (folder / "20250101T000000Z-0a0a0a0a.tar.gz.age").write_bytes(b"forged")
    (folder / "29990101T000000Z-0a0a0a0a.tar.gz.age").write_bytes(b"forged")
    done = place.run("archives", session, "--from", place.store)
    assert [line.split()[-1] for line in done.out.splitlines()[1:3]] == ["future", "yes"]
    assert "KNOWN is yes where" in done.out
    everything = place.run("archives", "--from", place.store)
    assert ours["tenant"] in everything.out


def test_a_drill_opens_every_session_of_a_repository_and_says_whose_they_are(
    place: Backups,
) -> None:
    recorded = place.record()
    place.back_up()
    done = place.drill()
    assert (done.code, done.out.count("passed")) == (0, 2)
    assert "Compare its fingerprint" in done.out
    assert "Compare" not in place.drill(place.sessions).out
    assert place.drill("--fingerprints", recorded).code == 0


@pytest.mark.parametrize("at", [3, 400, -1])
def test_a_drill_of_one_flipped_bit_fails(place: Backups, at: int) -> None:
    place.back_up()
    tenant = documents(place.drill("-o", "json"))[0]["tenant"]
    flip(place.archives(tenant)[0], at)
    done = place.drill("--tenant", tenant)
    assert done.code == 1
    assert "the drill failed: The" in done.err
    assert "Traceback" not in done.err


def test_a_drill_of_another_sessions_archive_fails(place: Backups) -> None:
    place.back_up()
    one, other = (each["tenant"] for each in documents(place.drill("-o", "json")))
    [theirs] = place.archives(other)
    [mine] = place.archives(one)
    mine.unlink()
    os.link(theirs, mine.with_name(theirs.name))
    done = place.drill("--tenant", one)
    assert done.code == 1
    assert "of another session" in done.err


def test_a_recorded_session_without_archives_fails_the_drill(place: Backups) -> None:
    recorded = place.record()
    place.back_up(path=place.sessions / "company_1")
    done = place.drill("--fingerprints", recorded)
    assert (done.code, done.err.count("Error:")) == (1, 1)
    assert "holds no archive of this session" in done.err


def test_keygen_writes_a_new_file_for_its_owner_alone(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "a key"
    done = run("backup", "keygen", "-o", path)
    assert done.code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [secret] = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert secret.startswith("AGE-SECRET-KEY-1")
    assert secret not in done.out + done.err
    [public] = [line.strip() for line in done.out.splitlines() if line.startswith("  age1")]
    assert public in path.read_text()
    again = run("backup", "keygen", "-o", path)
    assert again.code == 1
    assert "is not written over" in again.err
    assert secret in path.read_text()


def test_keygen_prints_a_secret_only_when_that_is_written_out(run: Run) -> None:
    done = run("backup", "keygen")
    assert (done.code, done.out) == (2, "")
    asked = run("backup", "keygen", "-o", "-")
    assert asked.out.splitlines()[-1].startswith("AGE-SECRET-KEY-1")
    assert "AGE-SECRET-KEY" not in asked.err


def test_the_commands_that_keygen_prints_parse(tmp_path: Path, run: Run) -> None:
    import shlex

    from baileys_janitor.cli.help.documented import further
    from baileys_janitor.cli.main import application

    done = run("backup", "keygen", "-o", tmp_path / "key")
    lines = [line.strip() for line in done.out.splitlines() if "baileys-janitor " in line]
    assert len(lines) == 3
    for line in lines:
        words = shlex.split(line.partition(" > ")[0])[1:]
        command = application
        while words and (below := further(command, words[0])) is not None:  # type: ignore[arg-type]
            command, words = below, words[1:]  # type: ignore[assignment]
        command.make_context(command.name, words)


def test_a_damaged_session_is_one_sentence_and_the_others_go_on(place: Backups) -> None:
    place.back_up()
    os.truncate(place.sessions / "company_1" / "creds.json", 90)
    done = place.back_up("--force")
    assert done.code == 1
    assert "creds.json cannot be read, so nothing was put" in done.err
    assert "1 put" in done.out


def test_a_session_that_is_not_paired_yet_is_no_failure(place: Backups) -> None:
    company(place.sessions, "4", "unpaired")
    done = place.back_up()
    assert done.code == 0
    assert "not paired yet" in done.out


def test_two_directories_of_one_name_are_not_mixed(place: Backups, tmp_path: Path) -> None:
    other = company(tmp_path / "other", "1", "old")
    done = place.run(
        *("backup", place.sessions / "company_1", other),
        *("--to", place.store, "--recipient", RECIPIENT),
    )
    assert done.code == 1
    assert "under the same name as" in done.err


def test_a_stopped_session_is_watched_for_a_minute(
    place: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []
    session = place.sessions / "company_1"

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 5:
            (session / "pre-key-9999.json").write_text("{}")

    monkeypatch.setattr(backup_command, "pause", pause)
    done = place.back_up("--stopped", path=session)
    assert (done.code, len(waited)) == (1, 5)
    assert "its process runs: nothing was put" in done.err
    done = place.back_up("--stopped", path=session)
    assert done.code == 0
    assert sum(waited) >= quiet.WATCH_SECONDS


@pytest.fixture
def config(place: Backups) -> Path:
    """A configuration file of the watch, with two repositories."""
    (place.home / "eu").mkdir()
    path = place.home / "janitor.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "paths": [str(place.sessions)],
                "thresholds": {"warning": 100},
                "backup": {
                    "recipients": [RECIPIENT],
                    "repositories": [
                        {"name": "here", "url": str(place.store)},
                        {"name": "eu", "url": str(place.home / "eu")},
                    ],
                    "drill": {"identityFile": str(place.key)},
                },
            }
        )
    )
    return path


def test_everything_can_come_from_the_file_of_the_watch(
    place: Backups, config: Path, run: Run
) -> None:
    done = run("backup", "--config", config)
    assert (done.code, done.err) == (0, "")
    assert "2 sessions: 4 put" in done.out
    assert run("backup", "--config", config, "-q").out == ""
    assert run("drill", "--config", config, place.sessions).out.count("passed") == 4
    one = run("drill", "--config", config, "--repository", "eu", place.sessions)
    assert one.out.count("passed") == 2
    several = run("restore", place.sessions / "company_1", "--config", config)
    assert several.code == 2
    assert "--repository NAME (here, eu)" in several.err


def test_one_repository_that_fails_is_told_by_its_name(
    place: Backups, config: Path, run: Run
) -> None:
    (place.home / "eu").rmdir()
    done = run("backup", "--config", config)
    assert done.code == 1
    assert "eu: The repository's directory does not exist" in done.err
    assert "2 put" in done.out


def test_a_mistake_in_the_file_names_the_field(place: Backups, run: Run) -> None:
    path = place.home / "wrong.yaml"
    path.write_text("backup: {recipients: [AGE-SECRET-KEY-1QQQ], repositories: []}")
    done = run("backup", "--config", path, place.sessions)
    assert done.code == 2
    assert "wrong.yaml: backup.recipients[0] cannot be used" in done.err
    assert "QQQ" not in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--recipient", "age1nonsense"), "Recipient 1 is not a public key"),
        ((), "No recipient was given"),
        (("--recipient", SECRET), "secret"),
        (("--recipients-file", "/nowhere"), "--recipients-file /nowhere cannot be read"),
        (("--recipient", RECIPIENT, "--encryption", "None"), "contradicts the recipients"),
        (("--recipient", RECIPIENT, "--hourly", 0, "--daily", 0, "--monthly", 0), "are all 0"),
        (("--recipient", RECIPIENT, "--bucket-days", 30, "--daily", 3), "leave out --hourly"),
        (("--recipient", RECIPIENT, "--repository", "x"), "--repository names a repository of the configuration"),
    ],
)  # fmt: skip
def test_bad_options_are_bad_usage_and_nothing_is_put(
    place: Backups, run: Run, options: tuple[object, ...], said: str
) -> None:
    done = run("backup", place.sessions, "--to", place.store, *options)
    assert done.code == 2
    assert said in done.err
    assert SECRET not in done.err
    assert list(place.store.iterdir()) == []


def test_a_dry_run_by_the_environment_puts_nothing(
    place: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    assert place.back_up().code == 0
    assert list(place.store.iterdir()) == []


def test_at_a_terminal_of_80_columns_no_line_is_longer(place: Backups) -> None:
    arguments = ("backup", place.sessions, "--to", place.store, "--recipient", RECIPIENT)
    code, shown = terminal(*arguments, columns=80)
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert all(len(line) <= 80 for line in plain if not line.startswith("  ")), shown


def test_without_the_extra_the_line_that_installs_it_is_printed(place: Backups) -> None:
    program = (
        "import sys; sys.modules['obstore'] = sys.modules['pyrage'] = None\n"
        "from baileys_janitor.cli.main import main\n"
        f"sys.exit(main(['backup', {str(place.sessions)!r}, '--to', {str(place.store)!r}, '--recipient', 'x']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 2
    assert "Backups need the extra `backup`" in done.stderr


def test_no_output_holds_a_number_of_a_file_name(place: Backups) -> None:
    numbers = numbers_in_names([place.sessions / "company_1"]) - {"447700900123"}
    place.record()
    shown = place.back_up().out + place.drill().out + place.drill("-o", "json").out
    shown += place.run("archives", "--from", place.store, "-o", "json").out
    assert numbers
    assert not [number for number in numbers if number in shown]
    assert json.loads(place.drill("-o", "json").out)["problems"] == []
