"""`restore --from`: a dry run first, only by who vouches for an archive, never over what is there, and undoable."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from baileys_janitor.backup.archive.archive import pack
from baileys_janitor.backup.names import tenant_of
from baileys_janitor.cli.backup.owners import Owners
from baileys_janitor.volume.copies.snapshot import take_snapshot
from tests.backup.sessions import RECIPIENTS
from tests.cli.backups import Backups, documents, names_in
from tests.cli.conftest import Run
from tests.cli.sessions import company, numbers_in_names, paired_anew, snapshot
from tests.cli.waiting import Clock, waiting
from tests.real.sessions import unpack
from tests.volume.directories import opened


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return waiting(monkeypatch)


def old_pre_key(name: str) -> bool:
    return name.startswith("pre-key-") and int(Path(name).stem.rpartition("-")[2]) <= 780


@pytest.fixture
def place(tmp_path: Path, run: Run) -> Backups:
    """A session that was backed up, and whose fingerprint was recorded."""
    root = tmp_path / "sessions"
    unpack("healthy", root / "acme", without=old_pre_key)
    paired_anew(root / "acme")
    found = Backups(run, tmp_path, root).prepare()
    assert found.back_up().code == 0
    found.record()
    return found


@pytest.fixture
def acme(place: Backups) -> Path:
    return place.sessions / "acme"


def recorded(place: Backups) -> tuple[str, Path]:
    return ("--fingerprints", place.home / "fingerprints.txt")


def pasted(done: str) -> list[str]:
    """The words of the last command that was printed."""
    import shlex

    lines = [line for line in done.splitlines() if "baileys-janitor " in line]
    return shlex.split(lines[-1].partition("baileys-janitor ")[2])


def test_a_dry_run_changes_nothing_and_prints_the_command_that_does_it(
    place: Backups, acme: Path, run: Run, clock: Clock
) -> None:
    before = snapshot(acme)
    for name in names_in(acme):
        if name.startswith("session-"):
            (acme / name).unlink()
    os.truncate(acme / "creds.json", 80)
    torn = snapshot(acme)
    done = place.restore(acme)
    assert done.code == 0, done.err
    assert snapshot(acme) == torn
    assert "creds.json cannot be read" in done.out
    assert "which this directory remembers" in done.out
    assert "messages from the company's own phone" in done.out.lower()
    applied = run(*pasted(done.out))
    assert applied.code == 0, applied.err
    assert clock.waited == 70
    assert names_in(acme) == {
        name for name in before if not name.startswith((".janitor", ".cleanup"))
    }
    assert json.loads((acme / "creds.json").read_bytes())["nextPreKeyId"] > 1800


def test_the_undo_that_is_printed_takes_it_back(place: Backups, acme: Path, run: Run) -> None:
    shutil.rmtree(acme)
    done = place.restore(acme, *recorded(place), "--apply", "--stopped")
    assert done.code == 0
    undone = run(*pasted(done.out))
    assert undone.code == 0, undone.err
    assert names_in(acme) == set()


def test_a_directory_that_is_lost_is_made_for_its_owner_alone(place: Backups, acme: Path) -> None:
    shutil.rmtree(place.sessions)
    done = place.restore(acme, *recorded(place), "--apply", "--stopped")
    assert done.code == 0, done.err
    assert stat.S_IMODE(acme.stat().st_mode) == 0o700
    assert "creds.json" in names_in(acme)
    assert not [name for name in names_in(acme) if name.startswith("sender-key-memory-")]


def test_while_nothing_is_known_the_fingerprint_is_shown_and_nothing_is_restored(
    place: Backups, acme: Path
) -> None:
    fingerprint = place.run("backup", "fingerprints", acme).out.split()[0]
    shutil.rmtree(acme)
    done = place.restore(acme, "--apply", "--stopped")
    assert done.code == 1
    assert fingerprint in done.err
    assert not acme.exists()
    assert place.restore(acme, "--fingerprint", fingerprint[:16], "--apply", "--stopped").code == 0


def test_another_fingerprint_is_refused(place: Backups, acme: Path) -> None:
    done = place.restore(acme, "--fingerprint", "0" * 16)
    assert done.code == 1
    assert "of another session than the one that was written out" in done.err


def test_an_archive_of_another_session_is_never_put_into_a_directory(
    place: Backups, acme: Path
) -> None:
    other = company(place.sessions, "2", "old")
    place.back_up()
    before = snapshot(other)
    done = place.restore(other, "--tenant", "acme", "--apply", "--stopped")
    assert done.code == 1
    assert "of another identity" in done.err or "another session" in done.err
    assert snapshot(other) == before


def test_a_forged_archive_with_the_right_fingerprint_and_the_newest_time_is_passed_over(
    place: Backups, acme: Path
) -> None:
    """Whoever knows the public recipient and the public identity of a tenant can make one."""
    twin = place.home / "twin"
    shutil.copytree(acme, twin)
    creds = json.loads((twin / "creds.json").read_bytes())
    creds["advSecretKey"] = "guessed"
    (twin / "creds.json").write_text(json.dumps(creds))
    with opened(twin) as directory:
        found = take_snapshot(directory, now=4_000_000_000 - 1, pause=lambda _: None)
    forged = pack(found, namespace="server", tenant="acme", recipients=RECIPIENTS)
    genuine = place.archives("acme")[0].name
    later = f"20261129{genuine[8:]}"
    assert forged.name.digest8 != genuine[17:25]
    (place.store / "server/acme" / str(forged.name)).write_bytes(forged.data)
    (place.store / "server/acme" / later).write_bytes(forged.data)
    [document] = documents(place.restore(acme, "-o", "json"))
    assert document["archive"] == genuine
    shutil.rmtree(acme)
    [document] = documents(place.restore(acme, *recorded(place), "-o", "json"))
    assert document["archive"] == genuine


def test_a_directory_that_lost_its_memory_is_known_by_its_own_credentials(
    place: Backups, acme: Path
) -> None:
    (acme / ".janitor~backups").unlink()
    lost = next(acme.glob("device-list-*"))
    lost.unlink()
    done = place.restore(acme, "--apply", "--stopped")
    assert done.code == 0, done.err
    assert lost.exists()


def test_a_session_that_was_paired_anew_is_left_alone_by_the_archives_of_before(
    place: Backups, acme: Path
) -> None:
    creds = json.loads((acme / "creds.json").read_bytes())
    creds["advSecretKey"] = "of the new pairing"
    (acme / "creds.json").write_text(json.dumps(creds))
    next(acme.glob("device-list-*")).unlink()
    before = snapshot(acme)
    done = place.restore(acme, "--apply", "--stopped")
    assert (done.code, "is not of the pairing" in done.err) == (1, True), done.err
    assert snapshot(acme) == before
    place.back_up()
    assert place.restore(acme).code == 0


def test_apply_alone_asks_for_the_process_to_be_stopped(place: Backups, acme: Path) -> None:
    shutil.rmtree(acme)
    done = place.restore(acme, *recorded(place), "--apply")
    assert done.code == 2
    assert "here and elsewhere: baileys-janitor restore" in done.err
    assert not acme.exists()


def test_a_process_that_writes_is_noticed_before_and_afterwards(
    place: Backups, acme: Path, clock: Clock
) -> None:
    os.truncate(acme / "creds.json", 0)
    clock.acts[30] = lambda: (acme / "pre-key-97.json").write_text("{}")
    done = place.restore(acme, "--apply", "--stopped")
    assert done.code == 1
    assert "its process runs: nothing was restored" in done.err
    assert (acme / "creds.json").stat().st_size == 0
    clock.waited = 0.0
    clock.acts[66] = lambda: (acme / "pre-key-97.json").write_text("{ }")
    done = place.restore(acme, "--apply", "--stopped")
    assert done.code == 1
    assert "has written to the session within 10 seconds" in done.err


def test_where_nothing_is_missing_it_says_so(place: Backups, acme: Path) -> None:
    done = place.restore(acme)
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert "nothing would be restored" in done.out


def test_credentials_alone_come_from_an_archive_too(place: Backups, acme: Path) -> None:
    (acme / "creds.json").unlink()
    [document] = documents(place.restore(acme, "--mode", "Credentials", "-o", "json"))
    assert document["restoredByKind"] == {"creds": 1}


def test_whole_needs_an_archive_of_a_stopped_session_and_a_word(
    place: Backups, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baileys_janitor.cli.backup import backup_command

    new = place.home / "elsewhere" / "acme"
    word = ("--mode", "Whole", *recorded(place))
    assert "NotQuiesced" in place.restore(new, *word, "-o", "json").out
    monkeypatch.setattr(backup_command, "pause", lambda _: None)
    assert place.back_up("--stopped").code == 0
    asked = place.restore(new, *word)
    assert (asked.code, "--acknowledge NothingRanSince" in asked.err) == (1, True)
    done = place.restore(new, *word, "--acknowledge", "NothingRanSince", "--apply", "--stopped")
    assert done.code == 0, done.err
    assert names_in(new) == names_in(acme)


@pytest.mark.parametrize("word", ["latest", "name"])
def test_the_archive_may_stand_after_the_path(place: Backups, acme: Path, word: str) -> None:
    (acme / "creds.json").unlink()
    name = place.archives("acme")[0].name
    done = place.restore(acme, "latest" if word == "latest" else name)
    assert name in done.out
    assert (word if word == "latest" else name) in pasted(done.out)


def test_an_archive_that_is_not_there_is_one_sentence(place: Backups, acme: Path) -> None:
    done = place.restore(acme, "--archive", "20200101T000000Z-0a0a0a0a.tar.gz.age")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "has no such archive" in done.err
    assert place.restore(acme, "--archive", "../../etc/passwd").code == 2


def test_without_a_key_or_with_another_one_nothing_is_restored(place: Backups, acme: Path) -> None:
    os.truncate(acme / "creds.json", 0)
    before = snapshot(acme)
    done = place.run("restore", acme, "--from", place.store)
    assert (done.code, "no identity was given" in done.err) == (1, True)
    place.run("backup", "keygen", "-o", place.home / "other.key")
    done = place.run("restore", acme, "--from", place.store, "--identity", place.home / "other.key")
    assert (done.code, "None of the identities opens" in done.err) == (1, True)
    assert snapshot(acme) == before


def test_after_the_loss_of_a_server_every_recorded_session_comes_back(
    place: Backups, clock: Clock
) -> None:
    company(place.sessions, "447700900123", "orphan")
    (place.sessions / "deep").mkdir()
    shutil.copytree(place.sessions / "acme", place.sessions / "deep" / "bot 2")
    paired_anew(place.sessions / "deep" / "bot 2")
    before = {
        path.relative_to(place.sessions).parent for path in place.sessions.rglob("creds.json")
    }
    place.record()
    assert place.back_up().code == 0
    shutil.rmtree(place.sessions)
    place.sessions.mkdir()
    done = place.restore(place.sessions, "--all", *recorded(place))
    assert done.code == 0, done.err
    assert "3 sessions would be restored" in done.out
    assert list(place.sessions.iterdir()) == []
    done = place.run(*pasted(done.out))
    assert done.code == 0, done.err
    assert "3 sessions restored" in done.out
    found = {path.relative_to(place.sessions).parent for path in place.sessions.rglob("creds.json")}
    assert found == before
    assert clock.waited < 60, "empty directories need not be watched for a minute"


@pytest.mark.parametrize("name", [" a\tb\nc ", "\udcff\udcfe", '"quoted"', "#7", "trail\u2028"])
def test_a_session_comes_back_whatever_its_directory_is_called(place: Backups, name: str) -> None:
    (place.sessions / "acme").rename(place.sessions / name)
    place.record()
    assert place.back_up().code == 0
    shutil.rmtree(place.sessions)
    place.sessions.mkdir()
    done = place.restore(place.sessions, "--all", *recorded(place), "--apply", "--stopped")
    assert done.code == 0, done.err
    assert os.listdir(place.sessions) == [name]


def test_a_link_in_the_place_of_a_directory_that_was_just_made_leads_nowhere(
    place: Backups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.sessions / "deep").mkdir()
    (place.sessions / "acme").rename(place.sessions / "deep" / "bot")
    place.record()
    assert place.back_up().code == 0
    shutil.rmtree(place.sessions)
    place.sessions.mkdir()
    (elsewhere := tmp_path / "elsewhere").mkdir()
    mkdir = os.mkdir
    found = []

    def swapped(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        mkdir(path, mode, dir_fd=dir_fd)
        found.extend(os.listdir(elsewhere))
        deep = place.sessions / "deep"
        if deep.is_dir() and not deep.is_symlink():
            deep.rename(place.sessions / "aside")
            deep.symlink_to(elsewhere)

    monkeypatch.setattr(os, "mkdir", swapped)
    done = place.restore(place.sessions, "--all", *recorded(place), "--apply", "--stopped")
    assert (done.code, done.err.count("Error: "), found) == (1, 1, [])


def test_fingerprints_of_a_large_fleet_are_read(tmp_path: Path) -> None:
    path = tmp_path / "fingerprints.txt"
    path.write_text("".join(f"{at:016x}-{'0' * 16}  company_{at}\n" for at in range(3000)))
    owners = Owners(None, str(path))
    assert all(owners.of(each.tenant) == each.fingerprint for each in owners.recorded), (
        "every session is known by its own"
    )
    assert len(owners.recorded) == 3000


def test_of_many_some_can_be_named(place: Backups) -> None:
    company(place.sessions, "2", "orphan")
    place.record()
    place.back_up()
    shutil.rmtree(place.sessions)
    place.sessions.mkdir()
    every = (place.sessions, "--all", *recorded(place))
    assert place.restore(*every, "--company", "3").code == 2
    done = place.restore(*every, "--company", "2", "--apply", "--stopped")
    assert done.code == 0, done.err
    assert os.listdir(place.sessions) == ["company_2"]


def test_one_of_many_that_cannot_be_restored_stops_no_other(place: Backups) -> None:
    company(place.sessions, "2", "orphan")
    place.record()
    place.back_up()
    [archive] = place.archives(tenant_of("company_2"))
    archive.unlink()
    shutil.rmtree(place.sessions)
    place.sessions.mkdir()
    done = place.restore(place.sessions, "--all", *recorded(place), "--apply", "--stopped")
    assert done.code == 1
    assert "company_2: The repository holds no archive of this session" in done.err
    assert "1 session restored" in done.out
    assert os.listdir(place.sessions) == ["acme"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1234  acme", "line 1: A fingerprint is 16 hexadecimal digits"),
        ("1" * 16, "line 1: write a fingerprint and a directory"),
        ("1" * 16 + "  ../acme", "line 1: write a fingerprint and a directory"),
        ("1" * 16 + "  /etc", "line 1: write a fingerprint and a directory"),
        ("1" * 16 + '  "/etc"', "line 1: write a fingerprint and a directory"),
        ("1" * 16 + '  "a/../../etc"', "line 1: write a fingerprint and a directory"),
        ("1" * 16 + '  "\\u0000"', "line 1: write a fingerprint and a directory"),
        ("1" * 16 + '  "\\ud800"', "line 1: write a fingerprint and a directory"),
        ("1" * 16 + '  "acme', "line 1: write a fingerprint and a directory"),
        ("# nothing", "holds no fingerprint"),
    ],
)
def test_a_file_of_fingerprints_leads_nowhere_else(
    place: Backups, tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "list"
    path.write_text(line + "\n")
    done = place.restore(place.sessions, "--all", "--fingerprints", path)
    assert (done.code, said in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mode", "Safe"), "--mode Safe needs an archive"),
        (("--mode", "Whole"), "--mode Whole needs an archive"),
        ((), "--from URL to restore an archive"),
    ],
)
def test_what_only_archives_have_needs_a_repository(
    acme: Path, run: Run, arguments: tuple[str, ...], said: str
) -> None:
    done = run("restore", acme, *arguments)
    assert (done.code, said in done.err) == (2, True), done.err


def test_the_documents_are_as_the_schema_says(place: Backups, acme: Path) -> None:
    shutil.rmtree(acme)
    [looked] = documents(place.restore(acme, *recorded(place), "-o", "json"))
    [done] = documents(place.restore(acme, *recorded(place), "--apply", "--stopped", "-o", "json"))
    assert (looked["outcome"], done["outcome"], done["applied"]) == ("DryRun", "Completed", True)
    assert looked["restoredByKind"] == done["restoredByKind"]
    assert set(done["keptBack"]) == {"OwnSenderKey", "MemoryFile"}


def test_no_output_holds_a_number_of_a_file_name_or_a_key(place: Backups, acme: Path) -> None:
    numbers = numbers_in_names([acme])
    secret = json.loads((acme / "creds.json").read_bytes())["advSecretKey"]
    shutil.rmtree(acme)
    shown = "".join(
        text
        for more in ((), ("-o", "json"), ("--apply", "--stopped"))
        for text in place.restore(acme, *recorded(place), *more)[1:]
    )
    assert numbers
    assert not [number for number in numbers if number in shown]
    assert secret not in shown
    assert not re.search("AGE-SECRET", shown)
