"""Whatever a directory holds, no run touches what must stay, and nothing is ever lost."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.settings import MaxRemovals, Retention, Settings
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import (
    DAY,
    HOUR,
    NOW,
    OWN,
    OWN_LID,
    content,
    credentials,
    held,
    no_memory_without_its_key,
    opened,
    protected,
    scratch,
    trashed,
    write,
)

#: `FUZZ=20000` looks further.
EXAMPLES = int(os.environ.get("FUZZ", "30"))

users = st.sampled_from([OWN, f"{OWN_LID}_1", "2201", "3301_1", "2202_128"])
groups = st.sampled_from(["120363000000000001@g.us", "4411-1600000000@g.us", "status@broadcast"])
numbers = st.integers(0, 40)
names = st.one_of(
    st.builds("session-{}.{}.json".format, users, numbers),
    st.builds("sender-key-{}--{}--{}.json".format, groups, users, numbers),
    st.builds("sender-key-memory-{}.json".format, groups),
    st.builds("pre-key-{}.json".format, st.integers(1, 900)),
    st.builds("lid-mapping-{}.json".format, users),
    st.builds("lid-mapping-{}_reverse.json".format, users),
    st.builds("app-state-sync-key-{}.json".format, numbers),
    st.builds("app-state-sync-version-{}.json".format, st.sampled_from(["regular", "critical"])),
    st.builds("device-list-{}.json".format, users),
    st.builds("tctoken-{}@lid.json".format, users),
    st.builds("identity-key-{}.0.json".format, users),
    st.binary(min_size=1, max_size=40)
    .filter(lambda name: not set(name) & set(b"/\0") and name not in (b".", b".."))
    .filter(lambda name: name not in (b".janitor", b".cleanup.lock", b"creds.json"))
    .map(os.fsdecode),
)
ages = st.one_of(st.floats(0, 40 * DAY), st.floats(-2 * DAY, 2 * HOUR), st.just(20.0 * DAY))
retentions = st.builds(Retention, st.floats(0, 30 * DAY), st.floats(0, 30 * DAY), numbers)
configurations = st.builds(
    Settings,
    retention=retentions,
    emergency_retention=retentions,
    max_removals=st.builds(MaxRemovals, st.integers(1, 100), st.integers(1, 500)),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=st.dictionaries(names, ages, max_size=60),
    configuration=configurations,
    emergency=st.booleans(),
    running=st.booleans(),
    creds=st.sampled_from([credentials(), credentials(), credentials(), b"", b"{}", b"[]"]),
)
def test_no_run_touches_what_must_stay(
    files: dict[str, float],
    configuration: Settings,
    emergency: bool,
    running: bool,
    creds: bytes,
) -> None:
    with scratch() as path:
        for name, age in files.items():
            write(path / name, content(name)[:200] if name.isascii() else b"x", NOW - age)
        write(path / "creds.json", creds, NOW - HOUR)
        broken = not no_memory_without_its_key(path)
        before, kept = held(path), protected(path)
        with opened(path) as directory:
            result = sessions.clean(
                directory,
                configuration,
                run="r1",
                now=NOW,
                emergency=emergency,
                known=Known(always_running(NOW) if running else None),
            )
            assert result.outcome in ("Completed", "Capped", "NothingToDo", "Refused")
            assert protected(path) == kept
            assert {**trashed(path), **held(path)} == before
            assert not trashed(path).keys() & held(path).keys()
            assert len(trashed(path)) == result.removed
            unknown = {name for name in before if not name.isascii()}
            assert not unknown & trashed(path).keys()
            if not broken and creds == credentials():
                assert no_memory_of_ours_without_a_key(path)
            undone = sessions.undo(directory, "r1", now=NOW)
        assert undone.outcome in ("Completed", "Capped", "NothingToDo", "Refused")
        assert {**trashed(path), **held(path)} == before
        assert protected(path) == kept


def no_memory_of_ours_without_a_key(path: Path) -> bool:
    found = held(path)
    prefix = "sender-key-memory-"
    for name in found:
        if name.startswith(prefix) and name.endswith(".json"):
            group = name[len(prefix) : -len(".json")]
            own = (f"sender-key-{group}--{OWN}", f"sender-key-{group}--{OWN_LID}")
            if not any(other.startswith(own) for other in found):
                return False
    return True
