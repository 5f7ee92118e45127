"""The lab: every library, every order in which the server hands out pre-keys, every mode of cleaning.

Too long for every change (about a quarter of an hour); run it after a change to the rules:

    python -m tests.real.lab [LIBRARY ...]

Each line is one cleanup: what went, whether anything broke, and how many of 60 new contacts came through at the
first try. The last line sums up; exit code 1 when anything broke where nobody asked for pre-keys to go.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.real import sessions
from tests.real.directory import janitor, snapshot, untouchable

NEW_CONTACTS = 60
SCENARIOS = {"6.7": "six", "rc5": "old", "rc9": "emergency", "rc14": "emergency"}
HAND_OUTS = ("oldest", "middle", "newest")
#: Options, and whether they ask for pre-keys to go where the library allows it.
MODES: dict[str, tuple[tuple[str, ...], bool]] = {
    "normal": ((), False),
    "emergency": (("--emergency",), False),
    "strict": (
        (
            *("--emergency", "--warning", "1", "--critical", "1"),
            *("--session-max-age", "1h", "--sender-key-max-age", "1h"),
        ),
        False,
    ),
    "total": (("--emergency", "--count", "Total"), True),
    "pre-keys": (("--pre-keys", "50"), True),
}


class Outcome(NamedTuple):
    """What one cleanup left."""

    removed: int
    pre_keys: int
    changed: int
    broken: list[str]
    arrived: int

    @property
    def whole(self) -> bool:
        """Whether nothing broke and every new contact came through."""
        return not self.broken and not self.changed and self.arrived == NEW_CONTACTS


def cleaned(written: Path, options: tuple[str, ...]) -> Outcome:
    """Clean a copy of a written session and let everybody talk."""
    with tempfile.TemporaryDirectory() as scratch:
        session = Path(scratch, "session")
        shutil.copytree(written / "session", session)
        before = snapshot(session)
        document = janitor("clean", session, "--apply", *options)["directories"][0]
        after = snapshot(session)
        report = sessions.check(session, written / "peers", messages=40, contacts=NEW_CONTACTS)
    properties: dict[str, Any] = {each["name"]: each for each in report["properties"]}
    kept, safe = untouchable(before), untouchable(after)
    return Outcome(
        document["removed"],
        document["removedByKind"]["preKey"],
        len({*kept.items()} ^ {*safe.items()}),
        [each for each, found in properties.items() if not found["passed"]],
        properties["newContacts"]["arrived"],
    )


def main(libraries: list[str]) -> int:
    """Write, clean and check; print a line for each."""
    failed = runs = 0
    for library in libraries or SCENARIOS:
        for hand_out in HAND_OUTS:
            with tempfile.TemporaryDirectory() as scratch:
                written = Path(scratch)
                request = {"library": library, "handOut": hand_out}
                sessions.write(
                    SCENARIOS[library], written / "session", written / "peers", **request
                )
                for mode, (options, asked) in MODES.items():
                    found = cleaned(written, options)
                    runs += 1
                    failed += not found.whole and not asked
                    print(f"{library:5} {hand_out:7} {mode:10} {found}", flush=True)
    print(f"{runs} cleanups, {failed} broke something that nobody asked for")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
