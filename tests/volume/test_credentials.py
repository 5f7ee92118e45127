"""Reading who the tenant is: one read beside a writer decides nothing. Time passes only where a test lets it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.files.identity import CORRUPT, PAIRED
from baileys_janitor.volume.errors import CREDENTIALS_CHANGING, VolumeProblem
from baileys_janitor.volume.operations import scan
from baileys_janitor.volume.runs.clean import Cleaning
from baileys_janitor.volume.scanning.activity import Known
from baileys_janitor.volume.scanning.credentials import (
    PAUSES_SECONDS,
    Reading,
    readable_identity,
    settled_identity,
)
from tests.all_checks import examples
from tests.running_time import always_running
from tests.volume.directories import (
    DAY,
    EVERYTHING,
    NOW,
    OWN,
    OWN_LID,
    credentials,
    held,
    opened,
    scratch,
)

ALWAYS = Known(always_running(NOW))
GOOD = credentials()
OTHER = credentials(key="BBBB")
CUT = GOOD[:60]
EMPTY = b""


class Writer:
    """Rewrites creds.json during each pause; `pause` is what waits in the code under test."""

    def __init__(self, session: Path, contents: Iterator[bytes | None]) -> None:
        self.path = session / "creds.json"
        self.contents = contents
        self.waited = 0.0
        self.writings = 0

    def write(self, data: bytes | None) -> None:
        """Write `data` as a new writing of the file; None leaves the file as it is."""
        if data is not None:
            self.writings += 1
            self.path.write_bytes(data)
            os.utime(self.path, ns=(self.writings * 10**9, self.writings * 10**9))

    def pause(self, seconds: float) -> None:
        self.waited += seconds
        self.write(next(self.contents, None))


def writing(session: Path, first: bytes, *rest: bytes | None) -> Writer:
    writer = Writer(session, iter(rest))
    writer.write(first)
    return writer


def settled(session: Path, pause: Callable[[float], None]) -> str:
    """The state that is settled on, or the code of the problem."""
    with opened(session) as directory:
        try:
            return settled_identity(directory, pause).state
        except VolumeProblem as problem:
            return problem.code


def test_two_equal_reads_are_enough(session: Path) -> None:
    writer = writing(session, GOOD)

    assert settled(session, writer.pause) == PAIRED
    assert writer.waited == PAUSES_SECONDS[0]


@pytest.mark.parametrize("torn", [CUT, EMPTY])
def test_a_torn_read_is_no_corruption(session: Path, torn: bytes) -> None:
    assert settled(session, writing(session, torn, GOOD).pause) == PAIRED


def test_torn_reads_between_two_good_ones_do_not_matter(session: Path) -> None:
    writer = writing(session, EMPTY, GOOD, CUT, EMPTY, CUT, GOOD)

    assert settled(session, writer.pause) == PAIRED


def test_a_look_takes_the_first_read_that_makes_sense(session: Path) -> None:
    whole, torn = writing(session, GOOD), writing(session, CUT, EMPTY, GOOD)
    for writer, state in ((whole, PAIRED), (torn, PAIRED), (writing(session, CUT), CORRUPT)):
        writer.write(CUT if writer is not whole else GOOD)
        with opened(session) as directory:
            assert readable_identity(directory, writer.pause).state == state
    assert whole.waited == 0.0


def test_a_login_between_two_reads_changes_no_account(session: Path) -> None:
    later = credentials(nextPreKeyId=843, firstUnuploadedPreKeyId=843)
    writer = writing(session, GOOD, later)

    with opened(session) as directory:
        assert settled_identity(directory, writer.pause).next_pre_key_id == 843


def test_what_stays_unreadable_is_corrupt_after_all_pauses(session: Path) -> None:
    writer = writing(session, CUT)

    assert settled(session, writer.pause) == CORRUPT
    assert writer.waited == pytest.approx(sum(PAUSES_SECONDS))
    assert writer.waited < 2.0


def test_equal_bytes_of_another_writing_are_not_corrupt_yet(session: Path) -> None:
    writer = writing(session, EMPTY, *[EMPTY] * len(PAUSES_SECONDS))

    assert settled(session, writer.pause) == CREDENTIALS_CHANGING


def test_one_good_read_among_torn_ones_is_neither_corrupt_nor_enough(session: Path) -> None:
    writer = writing(session, CUT, None, GOOD, CUT)

    assert settled(session, writer.pause) == CREDENTIALS_CHANGING


def test_two_accounts_in_turn_are_settled_by_nobody(session: Path) -> None:
    writer = writing(session, GOOD, *[OTHER, GOOD] * len(PAUSES_SECONDS))

    assert settled(session, writer.pause) == CREDENTIALS_CHANGING


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(st.sampled_from([GOOD, OTHER, CUT, EMPTY, None]), max_size=len(PAUSES_SECONDS)),
    st.sampled_from([GOOD, CUT, EMPTY]),
)
def test_only_what_was_read_twice_is_believed(rest: list[bytes | None], first: bytes) -> None:
    seen = [first]
    for data in rest:
        seen.append(seen[-1] if data is None else data)
    seen += [seen[-1]] * (1 + len(PAUSES_SECONDS) - len(seen))
    with scratch() as session:
        state = settled(session, writing(session, first, *rest).pause)
    readable = [data for data in seen if data in (GOOD, OTHER)]

    if state == PAIRED:
        assert max(readable.count(GOOD), readable.count(OTHER)) > 1
    elif state == CORRUPT:
        assert not readable
        assert seen[-1] == seen[-2]
    else:
        assert not any(a == b for a, b in pairwise(readable))


def test_a_cleanup_beside_torn_reads_cleans(session: Path) -> None:
    torn = writing(session, CUT, GOOD, None, CUT, GOOD)
    with opened(session) as directory:
        result = Cleaning(
            directory, EVERYTHING, "r1", now=NOW, known=ALWAYS, pause=torn.pause
        ).apply()

    assert (result.outcome, result.code) == ("Completed", None)
    assert result.removed > 0


def test_a_cleanup_that_finds_no_two_equal_reads_removes_nothing(session: Path) -> None:
    before = held(session)
    writer = writing(session, GOOD, *[OTHER, GOOD] * 20)
    with opened(session) as directory:
        result = Cleaning(
            directory, EVERYTHING, "r1", now=NOW, known=ALWAYS, pause=writer.pause
        ).apply()

    assert (result.outcome, result.code) == ("Refused", CREDENTIALS_CHANGING)
    assert held(session).keys() == before.keys()


def test_no_read_beside_a_busy_writer_is_taken_for_corruption(session: Path) -> None:
    path = session / "creds.json"
    done = threading.Event()

    def write_often() -> None:
        while not done.wait(0.001):
            path.write_bytes(GOOD)  # truncates, then writes, as the library does

    writer = threading.Thread(target=write_often)
    writer.start()
    try:
        with opened(session) as directory:
            assert {settled_identity(directory).state for _ in range(40)} == {PAIRED}
    finally:
        done.set()
        writer.join()


def without_lid(session: Path) -> Path:
    me = {"id": f"{OWN}:3@s.whatsapp.net"}
    (session / "creds.json").write_bytes(credentials(me=me))
    return session


def map_own(session: Path, forward: str, reverse: str | None) -> None:
    (session / f"lid-mapping-{OWN}.json").write_text(forward)
    if reverse is not None:
        (session / f"lid-mapping-{OWN_LID}_reverse.json").write_text(reverse)


def in_doubt(session: Path) -> bool:
    with opened(session) as directory:
        return Reading(directory).identity.lid_in_doubt


def test_the_own_lid_is_known_from_the_own_mapping_files(session: Path) -> None:
    map_own(without_lid(session), f'"{OWN_LID}"', json.dumps(OWN))

    with opened(session) as directory:
        identity = Reading(directory).identity
    assert identity.owns(f"{OWN_LID}_1")
    assert not identity.lid_in_doubt


@pytest.mark.parametrize(
    ("forward", "reverse"),
    [
        (f'"{OWN_LID}"', None),
        (f'"{OWN_LID}"', '"2201"'),
        (f'"{OWN_LID}"', ""),
        ('"2201"', f'"{OWN}"'),
        (f"{OWN_LID}", f'"{OWN}"'),
        (f'"../{OWN_LID}"', f'"{OWN}"'),
        (f'"{OWN_LID}"' + " " * 100, f'"{OWN}"'),
        (f'"{OWN_LID}', f'"{OWN}"'),
        ("{}", f'"{OWN}"'),
    ],
)
def test_mapping_files_that_do_not_name_each_other_say_nothing(
    session: Path, forward: str, reverse: str | None
) -> None:
    map_own(without_lid(session), forward, reverse)

    assert in_doubt(session)


@pytest.mark.parametrize("kind", ["fifo", "link", "directory", "sparse"])
def test_a_mapping_that_is_no_small_file_is_not_read(session: Path, kind: str) -> None:
    map_own(without_lid(session), f'"{OWN_LID}"', f'"{OWN}"')
    path = session / f"lid-mapping-{OWN}.json"
    held = path.read_bytes()
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (session / "elsewhere").write_bytes(held)
        path.symlink_to("elsewhere")
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(held)
        os.truncate(path, 1 << 30)

    assert in_doubt(session)


def test_a_lid_in_creds_json_wins_over_the_mapping_files(session: Path) -> None:
    map_own(session, '"2201"', None)
    (session / "lid-mapping-2201_reverse.json").write_text(f'"{OWN}"')

    with opened(session) as directory:
        identity = Reading(directory).identity
    assert identity.owns(OWN_LID)
    assert not identity.owns("2201")


def test_own_devices_under_an_unknown_lid_stay(session: Path) -> None:
    without_lid(session)
    own = session / f"session-{OWN_LID}_1.3.json"
    own.write_text("{}")
    os.utime(own, (NOW - 50 * DAY,) * 2)
    with opened(session) as directory:
        kept = scan(directory, EVERYTHING, now=NOW, known=ALWAYS).kept
        result = Cleaning(
            directory, EVERYTHING, "r1", now=NOW, known=ALWAYS, emergency=True
        ).apply()

    assert result.removed > 0
    assert own.exists()
    assert kept is not None
    assert kept["OwnLidUnknown"] >= 1
