"""What the rules cost: little to start, and hardly more than the listing itself."""

from __future__ import annotations

import subprocess
import sys

from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.ages.running import advance, observe
from baileys_janitor.policy.cleanup.estimate import look_ahead
from baileys_janitor.policy.cleanup.plan import make_plan
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.settings import DEFAULTS
from tests.calls import Calls
from tests.policy.worlds import DAY, HOUR, NOW, PAIRED, file

#: Beside dataclasses, hashlib and json, and all that they import themselves.
SMALL = {"__future__", "_bisect"}


def test_the_rules_import_nothing_that_is_slow_to_load() -> None:
    program = (
        "import sys, dataclasses, hashlib, json; before = set(sys.modules);"
        "import baileys_janitor.policy.cleanup.estimate, baileys_janitor.policy.advice,"
        " baileys_janitor.policy.cleanup.plan, baileys_janitor.policy.ages.running_text;"
        "print(*[name for name in set(sys.modules) - before if not name.startswith('baileys_')])"
    )
    # -S: the site module of a development environment loads some of them itself.
    found = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "operator"},
    )

    assert set(found.stdout.split()) <= SMALL


def large_directory(number: int) -> list[Entry]:
    groups = [f"{120_363_000 + each}@g.us" for each in range(500)]
    kinds = (
        lambda user: f"session-{user}_1.0.json",
        lambda user: f"sender-key-{groups[user % 500]}--{user}_1--0.json",
        lambda user: f"lid-mapping-{user}.json",
        lambda user: f"sender-key-memory-{user}@g.us.json",
        lambda user: f"identity-key-{user}_1.0.json",
    )
    return [file(kinds[n % 5](10_000 + n), HOUR + n % 40 * DAY) for n in range(number)]


def calls(entries: list[Entry]) -> int:
    with Calls() as made:
        look = observe(entries, PAIRED, None, NOW)
        assert look is not None
        ages = Ages(advance(None, look, DEFAULTS.longest_age), int(NOW))
        make_plan(entries, PAIRED, DEFAULTS, NOW, ages, emergency=True)
        look_ahead(entries, PAIRED, DEFAULTS, NOW, ages)
    return made.count


def test_planning_grows_with_the_number_of_files_and_not_faster() -> None:
    small, large = large_directory(1_000), large_directory(20_000)

    few = calls(small)
    assert few > 1_000
    assert calls(large) < 20 * few * 2
