"""What a cleanup leaves is a session that goes on: the real library says so, in every mode."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.all_checks import one_in
from tests.real import sessions
from tests.real.directory import (
    OWN_USERS,
    Written,
    age_days,
    counted,
    janitor,
    names,
    snapshot,
    untouchable,
)
from tests.real.jobs import Reason, run_job
from tests.running_time import SLEPT, remember

CRITICAL = 170
NORMAL_DAYS = {"session": 14.0, "sender-key": 3.0}
EMERGENCY_DAYS = {"session": 7.0, "sender-key": 1.0}

#: Nothing may be removed from these: stopped, just awake, or without a paired identity.
LEFT_ALONE = ("stopped", "corrupt", "unpaired")
#: Days that the tenant of `awake` slept until an hour ago.
ASLEEP_DAYS = 20.0
SMALL_UPLOADS = ("old", "six")
CLEANED = ("healthy", "warning", "critical", "emergency", "prekeys", "old", "six", "orphan")
#: Where the normal rules are not enough, or begin above critical.
URGENT = ("critical", "emergency", "old", "six", "orphan")
#: Those that talk in every run: one of a kind. "critical" is "emergency" with fewer contacts, and of the others an
#: emergency cleanup takes no less than a normal one.
TALKING = ("warning", "prekeys")
TALKING_IN_AN_EMERGENCY = ("emergency", "old", "six", "orphan")


class Cleaned(NamedTuple):
    """A session directory before and after a run."""

    session: Path
    peers: Path
    now: float
    before: dict[str, Written]
    after: dict[str, Written]
    result: dict[str, Any]

    @property
    def removed(self) -> dict[str, Written]:
        return {name: file for name, file in self.before.items() if name not in self.after}


Clean = Callable[..., Cleaned]


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Unpacks a scenario and runs the command line's cleanup with these options."""

    def run(scenario: str, *options: str, spoil: Callable[[Path], None] | None = None) -> Cleaned:
        session, peers = tmp_path / "session", tmp_path / "peers"
        sessions.unpack(scenario, session, peers=peers)
        if spoil is not None:
            spoil(session)
        if scenario not in SLEPT:
            remember(session)
        before = snapshot(session)
        now = max(file.mtime_ns for file in before.values()) / 1e9
        document = janitor("clean", session, "--apply", *options)
        return Cleaned(session, peers, now, before, snapshot(session), document["directories"][0])

    return run


def assert_everybody_talks(session: Path, peers: Path) -> None:
    result = sessions.check(session, peers)
    assert [each for each in result["properties"] if not each["passed"]] == []
    # Nobody asked for pre-keys to go, so each one that was uploaded must answer.
    assert result["properties"][-1]["unanswered"] == 0


@pytest.mark.parametrize("scenario", CLEANED if sessions.ALL_CHECKS else one_in(2, TALKING))
@pytest.mark.usefixtures("node")
def test_everybody_goes_on_talking_after_a_cleanup(scenario: str, clean: Clean) -> None:
    cleaned = clean(scenario)

    assert cleaned.removed
    assert_everybody_talks(cleaned.session, cleaned.peers)


@pytest.mark.parametrize(
    "scenario", URGENT if sessions.ALL_CHECKS else one_in(2, TALKING_IN_AN_EMERGENCY)
)
@pytest.mark.usefixtures("node")
def test_everybody_goes_on_talking_after_an_emergency_cleanup(scenario: str, clean: Clean) -> None:
    cleaned = clean(scenario, "--emergency")

    assert cleaned.removed
    assert_everybody_talks(cleaned.session, cleaned.peers)


@pytest.mark.parametrize("reason", Reason)
def test_a_job_leaves_what_the_command_line_leaves(
    reason: Reason, clean: Clean, tmp_path: Path
) -> None:
    """After which everybody goes on talking."""
    expected = clean("emergency", *(("--emergency",) if reason.emergency else ()))
    session = sessions.unpack("emergency", tmp_path / "job" / "session")
    remember(session)
    before = snapshot(session)

    result = run_job(session, reason)

    after = snapshot(session)
    assert len(before) - len(after) == result.removed > 0
    assert after.keys() == expected.after.keys()
    assert untouchable(after) == untouchable(before)
    assert after.items() <= before.items()


def test_an_undo_brings_everything_back(clean: Clean) -> None:
    cleaned = clean("emergency", "--emergency")

    assert cleaned.removed
    janitor("undo", cleaned.session)

    assert snapshot(cleaned.session) == cleaned.before


@pytest.mark.parametrize("options", [(), ("--emergency",)], ids=["normal", "emergency"])
@pytest.mark.parametrize("scenario", sessions.scenarios())
def test_what_a_session_cannot_live_without_stays_byte_for_byte(
    scenario: str, options: tuple[str, ...], clean: Clean
) -> None:
    cleaned = clean(scenario, *options)

    assert untouchable(cleaned.after) == untouchable(cleaned.before)
    assert cleaned.after.items() <= cleaned.before.items()


@pytest.mark.parametrize("options", [(), ("--emergency",)], ids=["normal", "emergency"])
@pytest.mark.parametrize("scenario", LEFT_ALONE)
def test_nothing_goes_where_age_says_nothing_or_nobody_is_paired(
    scenario: str, options: tuple[str, ...], clean: Clean
) -> None:
    cleaned = clean(scenario, *options)

    assert cleaned.after == cleaned.before


@pytest.mark.parametrize(
    ("options", "session_days", "sender_key_days"), [((), 14, 3), (("--emergency",), 7, 1)]
)
def test_what_was_only_asleep_is_not_old(
    options: tuple[str, ...], session_days: int, sender_key_days: int, clean: Clean
) -> None:
    """What goes was not used for its limit while the tenant still ran, before it fell asleep."""
    cleaned = clean("awake", *options)
    gone = cleaned.before.keys() - cleaned.after.keys()

    assert len(gone) < len(cleaned.before) / 10
    for name in gone:
        limit = session_days if name.startswith("session-") else sender_key_days
        assert age_days(cleaned.before[name], cleaned.now) - ASLEEP_DAYS > limit


@pytest.mark.parametrize("scenario", CLEANED)
def test_only_old_sessions_and_sender_keys_of_others_go(scenario: str, clean: Clean) -> None:
    cleaned = clean(scenario)

    for kind, days in NORMAL_DAYS.items():
        others = {
            name: file
            for name, file in cleaned.before.items()
            if name in names(cleaned.before, f"{kind}-") and not is_own(name) and ".tmp" not in name
        }
        old = {name for name, file in others.items() if age_days(file, cleaned.now) > days}
        assert others.keys() & cleaned.removed.keys() == old


@pytest.mark.parametrize("scenario", CLEANED)
def test_sessions_with_the_tenants_own_devices_stay(scenario: str, clean: Clean) -> None:
    cleaned = clean(scenario, "--emergency", "--session-max-age", "1h")

    own = {name for name in names(cleaned.before, "session-") if is_own(name)}
    assert len(own) == 2
    assert own <= cleaned.after.keys()


@pytest.mark.usefixtures("node")
def test_sessions_with_own_devices_stay_while_their_lid_is_unknown(
    clean: Clean, tmp_path: Path
) -> None:
    cleaned = clean("emergency", "--emergency", spoil=forget_the_own_lid)

    own = {name for name in names(cleaned.before, "session-") if is_own(name)}
    assert len(own) == 2
    assert own <= cleaned.after.keys()
    assert cleaned.removed
    sessions.unpack("emergency", tmp_path / "whole")
    for name in OWN_LID_FILES:
        (cleaned.session / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    assert_everybody_talks(cleaned.session, cleaned.peers)


@pytest.mark.parametrize("scenario", CLEANED)
def test_own_sender_keys_go_with_their_memory_file(scenario: str, clean: Clean) -> None:
    cleaned = clean(scenario, "--emergency")

    memories = {
        name.removeprefix("sender-key-memory-").removesuffix(".json")
        for name in names(cleaned.after, "sender-key-memory-")
    }
    own = {
        name.removeprefix("sender-key-").split("--")[0]
        for name in names(cleaned.after, "sender-key-")
        if is_own(name)
    }
    assert memories == own


def test_the_normal_rules_alone_leave_the_emergency_above_critical(clean: Clean) -> None:
    assert counted(clean("emergency").after) >= CRITICAL


def test_an_emergency_ends_just_below_critical(clean: Clean) -> None:
    cleaned = clean("emergency", "--emergency")

    # Own sender keys go in pairs, so the last step may be two.
    assert CRITICAL - 2 <= counted(cleaned.after) < CRITICAL
    assert cleaned.result["after"] == counted(cleaned.after)


def test_an_emergency_spares_what_its_own_retention_keeps(clean: Clean) -> None:
    cleaned = clean("emergency", "--emergency")

    for kind, days in EMERGENCY_DAYS.items():
        removed = names(cleaned.removed, f"{kind}-")
        assert removed
        assert all(age_days(cleaned.before[name], cleaned.now) > days for name in removed)


@pytest.mark.parametrize("options", [(), ("--emergency",)], ids=["normal", "emergency"])
@pytest.mark.parametrize("scenario", ["healthy", "emergency", "prekeys"])
def test_no_pre_key_of_a_large_upload_goes_whatever_the_settings(
    scenario: str, options: tuple[str, ...], clean: Clean
) -> None:
    cleaned = clean(scenario, "--pre-keys", "1", "--emergency-pre-keys", "1", *options)

    assert cleaned.removed or options
    assert not names(cleaned.removed, "pre-key-")


@pytest.mark.parametrize("scenario", SMALL_UPLOADS)
def test_old_pre_keys_of_small_uploads_go_where_somebody_asked_and_the_newest_fifty_stay(
    scenario: str, clean: Clean
) -> None:
    cleaned = clean(scenario, "--pre-keys", "50")

    uploaded = batches(cleaned.before)
    removed = pre_key_ids(cleaned.removed)
    assert removed & uploaded
    assert not removed & set(sorted(uploaded)[-50:])


@pytest.mark.parametrize("options", [(), ("--emergency",)], ids=["normal", "emergency"])
@pytest.mark.parametrize("scenario", SMALL_UPLOADS)
def test_no_pre_key_goes_while_nobody_asked_for_it(
    scenario: str, options: tuple[str, ...], clean: Clean
) -> None:
    cleaned = clean(scenario, *options)

    assert cleaned.removed
    assert not names(cleaned.removed, "pre-key-")


def test_single_pre_keys_of_retry_receipts_stay_for_thirty_days(clean: Clean) -> None:
    cleaned = clean("old", "--pre-keys", "1")

    for name in names(cleaned.before, "pre-key-"):
        if pre_key_ids({name: cleaned.before[name]}) <= batches(cleaned.before):
            continue
        stays = age_days(cleaned.before[name], cleaned.now) <= 30 or is_latest(name, cleaned)
        assert (name in cleaned.after) == stays


def test_a_lone_memory_file_goes_in_any_cleanup(clean: Clean) -> None:
    cleaned = clean("orphan")

    lone = names(cleaned.before, "sender-key-memory-") - {
        f"sender-key-memory-{name.removeprefix('sender-key-').split('--')[0]}.json"
        for name in names(cleaned.before, "sender-key-")
        if is_own(name)
    }
    assert len(lone) == 1
    assert lone <= cleaned.removed.keys()


def test_files_of_other_origin_stay(clean: Clean) -> None:
    cleaned = clean("emergency", "--emergency")

    others = {"creds.json.bak", "notes.txt", "session-12015550199.0.json.tmp"}
    assert others <= cleaned.after.keys()
    assert (cleaned.session / "media" / "session-photo.json").is_file()


def test_a_second_cleanup_finds_nothing_to_do(clean: Clean) -> None:
    cleaned = clean("warning")

    again = janitor("clean", cleaned.session, "--apply")["directories"][0]

    assert (again["outcome"], again["removed"]) == ("NothingToDo", 0)
    assert snapshot(cleaned.session) == cleaned.after


OWN_LID_FILES = (
    "creds.json",
    "lid-mapping-12015550100.json",
    "lid-mapping-240000000000000_reverse.json",
)


def forget_the_own_lid(session: Path) -> None:
    """What a restore of creds.json alone, from before the first login, leaves."""
    creds, *mappings = (session / name for name in OWN_LID_FILES)
    content = json.loads(creds.read_text())
    del content["me"]["lid"]
    times = creds.stat().st_mtime
    creds.write_text(json.dumps(content))
    os.utime(creds, (times, times))
    for mapping in mappings:
        mapping.unlink()


def is_own(name: str) -> bool:
    """Whether a session or sender key is with, or of, the tenant's own user."""
    parts = name.split("--")
    user = parts[1] if len(parts) > 1 else name.removeprefix("session-").split(".")[0]
    return user in OWN_USERS


def pre_key_ids(files: dict[str, Written]) -> set[int]:
    """Ids of the pre-keys among the files."""
    return {int(name[len("pre-key-") : -len(".json")]) for name in names(files, "pre-key-")}


def batches(files: dict[str, Written]) -> set[int]:
    """Ids of pre-keys that were written together: the uploaded ones."""
    times = Counter(files[name].mtime_ns for name in names(files, "pre-key-"))
    return pre_key_ids(
        {name: files[name] for name in names(files, "pre-key-") if times[files[name].mtime_ns] > 1}
    )


def is_latest(name: str, cleaned: Cleaned) -> bool:
    """Whether it is the pre-key that the library looks for at each login."""
    return pre_key_ids({name: cleaned.before[name]}) == {max(pre_key_ids(cleaned.before))}
