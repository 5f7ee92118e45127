"""Every finding says what is seen and a way out; nothing harmless is a fault, and nothing harmful is silent."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy import advice, findings
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.writers import Owned, unwritable
from baileys_janitor.policy.findings import DIRECTORY, FAULT, SEVERITIES, Creds, State
from baileys_janitor.policy.reasons import SAVE_CREDENTIALS
from tests.docs.pages import ROOT

NOW = 1_800_000_000.0
BOT, ROOT_USER, OTHER_USER = 1000, 0, 1001
FILE, CLOSED = 0o100644, 0o100600
LOOKS = (11, 1.5)


def state(**changes: object) -> State:
    given: dict[str, object] = {
        "uid": BOT,
        "mode": 0o40700,
        "creds": Creds(BOT, CLOSED),
        "owners": {(BOT, CLOSED): 100},
    }
    return State(**{**given, **changes})  # type: ignore[arg-type]


def entry(name: str, size: int = 0, age: float = 3600) -> Entry:
    return Entry.of(name, size, int((NOW - age) * 1e9), 1, 1)


def test_a_whole_session_has_no_findings() -> None:
    whole = state()
    assert findings.of_credentials("Paired", 100, whole, LOOKS) is None
    assert findings.not_writable(whole) is None
    assert findings.credentials_readable(whole) is None
    assert findings.empty_files([entry("session-1100.0.json", 7)], NOW) is None


@pytest.mark.parametrize("identity", ["Corrupt", "Absent"])
def test_lost_credentials_say_first_that_the_process_holds_the_only_copy(identity: str) -> None:
    found = findings.of_credentials(identity, 5, state(creds=None, cleaned=True), LOOKS)
    assert found is not None
    assert found.severity == FAULT
    assert SAVE_CREDENTIALS in found.message
    assert found.message.index("Do not stop") < found.message.index("pairing again")
    assert found.commands == (), "nothing to restore from"
    kept = findings.of_credentials(identity, 5, state(creds=None, copies=1), LOOKS)
    assert kept is not None
    assert kept.commands == (("{program}", "restore", "--mode", "Credentials", DIRECTORY),)


def test_keys_that_never_had_credentials_here_may_be_kept_elsewhere() -> None:
    found = findings.of_credentials("Absent", 5, state(creds=None), LOOKS)
    assert found is not None
    assert found.code == "KeysWithoutCredentials"
    assert "Evolution API" in found.message
    assert SAVE_CREDENTIALS[1:] in found.message
    assert findings.of_credentials("Absent", 0, state(creds=None), LOOKS) is None


def test_a_linked_creds_json_is_not_called_missing() -> None:
    linked = state(creds=Creds(BOT, 0o120777, is_link=True, is_file=False))
    found = findings.of_credentials("Absent", 5, linked, LOOKS)
    assert found is not None
    assert found.code == "CredentialsLinked"
    assert "symbolic link" in found.message


def test_empty_files_count_only_when_nobody_can_be_writing_them() -> None:
    entries = [
        entry("session-1100.0.json"),
        entry("pre-key-7.json"),
        entry("session-1101.0.json", age=5),
        entry("creds.json"),
        entry("notes.txt"),
    ]
    found = findings.empty_files(entries, NOW)
    assert found is not None
    assert "2 files are empty (1 preKey, 1 session)" in found.message


@pytest.mark.parametrize(
    ("creds", "mode", "readable"),
    [
        (Creds(BOT, 0o100644), 0o40755, True),
        (Creds(BOT, 0o100600), 0o40755, False),
        (Creds(BOT, 0o100644), 0o40750, False),
        (Creds(BOT, 0o120777, is_link=True, is_file=False), 0o40755, False),
        (None, 0o40755, False),
    ],
)
def test_readable_credentials_are_advice_and_no_fault(
    creds: Creds | None, mode: int, readable: bool
) -> None:
    found = findings.credentials_readable(state(creds=creds, mode=mode))
    assert (found is not None) == readable
    if found is not None:
        assert found.severity != FAULT, "0644 is what the library makes"
        assert found.commands == (("chmod", "o-rwx", DIRECTORY),)


def test_no_command_closes_a_directory_to_the_process_that_uses_it() -> None:
    # The directory is root's: the mode for everybody may be what lets the process in.
    found = findings.credentials_readable(
        state(uid=ROOT_USER, mode=0o40757, creds=Creds(BOT, FILE))
    )
    assert found is not None
    assert found.commands == ()


def test_files_of_root_among_the_bots_are_named_with_the_command_that_mends_them() -> None:
    found = findings.not_writable(state(owners={(BOT, FILE): 90, (ROOT_USER, FILE): 7}))
    assert found is not None
    assert found.message.startswith("7 files belong to user 0, and may not be written by user 1000")
    [command] = found.commands
    assert command[:3] == ("find", DIRECTORY, "-maxdepth")
    assert command[-5:] == ("chown", "-h", "1000", "{}", "+")
    assert {"-type", "-links"} <= set(command), "root must not be led through a link"


def test_a_directory_of_root_and_read_only_files() -> None:
    found = findings.not_writable(
        state(uid=ROOT_USER, mode=0o40755, owners={(BOT, FILE): 5, (BOT, 0o100444): 1})
    )
    assert found is not None
    assert "One file is read-only and the directory belongs to user 0" in found.message
    assert ("chown", "1000", DIRECTORY) in found.commands
    closed = findings.not_writable(state(mode=0o40500))
    assert closed is not None
    assert closed.commands == (("chmod", "u+rwx", DIRECTORY),)


OWNERS = st.dictionaries(
    st.tuples(st.sampled_from([ROOT_USER, BOT, OTHER_USER]), st.integers(0, 0o777)),
    st.integers(1, 50),
    max_size=6,
)


@given(OWNERS, st.sampled_from([ROOT_USER, BOT, OTHER_USER]), st.integers(0, 0o777))
def test_what_a_writer_cannot_write_is_counted_and_nothing_else(
    owners: dict[tuple[int, int], int], uid: int, mode: int
) -> None:
    found = unwritable(Owned(owners, uid, mode))
    files: Counter[int] = Counter()
    for (owner, _), number in owners.items():
        files[owner] += number
    if found is None:
        # Root, nobody, or an owner of most files who can write all that is not open to a group.
        best = [user for user, number in files.items() if number == max(files.values())]
        writers = [user for user in best if user == uid] or best
        assert not files or min(writers) == ROOT_USER or _writes(min(writers), owners, uid, mode)
        return
    assert files[found.writer] == max(files.values())
    assert found.writer != ROOT_USER
    assert not _writes(found.writer, owners, uid, mode)
    unwritten = sum(
        number
        for (owner, bits), number in owners.items()
        if (not bits & 0o200 if owner == found.writer else not bits & 0o022)
    )
    assert found.foreign + found.read_only == unwritten
    assert str(found.writer) in found.sentence()


def _writes(user: int, owners: dict[tuple[int, int], int], uid: int, mode: int) -> bool:
    makes = mode & 0o300 == 0o300 if uid == user else bool(mode & 0o022)
    return makes and all(bits & (0o200 if owner == user else 0o022) for owner, bits in owners)


def test_the_gravest_comes_first() -> None:
    found = [
        findings.foreign_names(1, ".janitor~"),
        findings.memory_without_key(2),
        None,
        findings.of_credentials("Corrupt", 5, state(), LOOKS),
        findings.of_advice(advice.disk_pressure(0, 0)),
    ]
    assert [each.code for each in findings.in_order(found)] == [
        "CredentialsCorrupt",
        "DiskPressure",
        "MemoryWithoutKey",
        "ForeignNames",
    ]


def test_faults_come_before_advice() -> None:
    severities = list(SEVERITIES.values())
    assert severities == sorted(severities, reverse=True)


@pytest.mark.parametrize(("free", "inodes"), [(None, None), (None, 10**6), (10**12, None)])
def test_unknown_room_is_no_shortage(free: int | None, inodes: int | None) -> None:
    assert advice.disk_pressure(free, inodes, None) is None


def test_every_finding_is_on_its_page() -> None:
    page = (ROOT / "docs" / "findings.md").read_text()
    tables = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert tables == [f"`{code}`" for code in SEVERITIES]
    fault, rest = page.split("## Advice")
    assert all(
        f"| `{code}` |" in (fault if kind == FAULT else rest) for code, kind in SEVERITIES.items()
    )
