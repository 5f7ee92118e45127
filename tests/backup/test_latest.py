"""Which archive is the latest: one that is vouched for, else one of whom a person chose, never just the newest."""

from __future__ import annotations

import pytest

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.known import Known, KnownArchive
from baileys_janitor.backup.latest import (
    TRIED_MOST,
    Fingerprint,
    candidates,
    read_fingerprint,
    require_owner,
)
from baileys_janitor.backup.names import ArchiveName
from baileys_janitor.policy.archives.archived import ArchivedSession
from baileys_janitor.policy.archives.pairing import Credentials
from baileys_janitor.policy.files.identity import Identity

NOW = 1_796_000_000
WHOSE = Fingerprint("1" * 16, "2" * 16)


def name(age: int) -> ArchiveName:
    return ArchiveName(NOW - age, "0a0a0a0a")


def known(*names: ArchiveName) -> Known:
    return Known(
        tuple(
            KnownArchive(each, "0a" * 32, "0b" * 32, 9, 1, *("1" * 16, "2" * 16, "3" * 16))
            for each in names
        )
    )  # fmt: skip


def session(fingerprint: str = "1" * 16, pairing: str = "2" * 16) -> ArchivedSession:
    credentials = Credentials(pairing, fingerprint, "", 1, 1, 1)
    return ArchivedSession(NOW, False, [], Identity("Paired", fingerprint=fingerprint), credentials)


def test_the_newest_that_is_vouched_for_is_the_latest_whatever_lies_beside_it() -> None:
    forged = name(0)
    found = candidates([name(900), name(60), forged], known(name(900), name(60)), None, NOW)
    assert found == [name(60)]


def test_a_known_archive_of_an_earlier_pairing_is_not_the_latest_of_this_one() -> None:
    other = Fingerprint("1" * 16, "9" * 16)
    assert candidates([name(60), name(900)], known(name(60)), other, NOW) == [name(60), name(900)]


def test_an_archive_from_the_future_comes_last() -> None:
    ahead = name(-7200)
    assert candidates([ahead, name(60)], known(ahead, name(60)), None, NOW) == [name(60)]
    assert candidates([ahead, name(60)], Known(), WHOSE, NOW) == [name(60), ahead]


def test_no_more_than_twenty_are_opened() -> None:
    flood = [name(age) for age in range(1000)]
    found = candidates(flood, Known(), WHOSE, NOW)
    assert found == flood[:TRIED_MOST]


def test_while_nothing_is_known_the_newest_is_shown_and_refused() -> None:
    assert candidates([name(60), name(900)], Known(), None, NOW) == [name(60)]
    with pytest.raises(BackupProblem) as found:
        require_owner(session(), None, None)
    assert found.value.code == "IdentityUnknown"
    assert f"{'1' * 16}-{'2' * 16}" in str(found.value)


def test_an_empty_repository_has_no_latest() -> None:
    with pytest.raises(BackupProblem) as found:
        candidates([], Known(), None, NOW)
    assert found.value.code == "NoArchive"


def test_a_pairing_that_was_written_down_must_fit_too() -> None:
    require_owner(session(), None, WHOSE)
    require_owner(session(pairing="9" * 16), None, Fingerprint("1" * 16))
    with pytest.raises(BackupProblem) as found:
        require_owner(session(pairing="9" * 16), None, WHOSE)
    assert found.value.code == "FingerprintDiffers"


def test_what_is_vouched_for_needs_no_word_and_is_refused_for_another_one() -> None:
    [archive] = known(name(60)).archives
    require_owner(session(), archive, None)
    with pytest.raises(BackupProblem):
        require_owner(session(), archive, Fingerprint("9" * 16))


@pytest.mark.parametrize("text", ["1" * 16, " " + "A" * 16 + "\n", "1" * 16 + "-" + "2" * 16])
def test_a_fingerprint_is_read_as_people_copy_it(text: str) -> None:
    assert str(read_fingerprint(text)) == text.strip().lower()


@pytest.mark.parametrize("text", ["", "12", "1" * 17, "1" * 16 + "-", "g" * 16, "1" * 16 + "-2"])
def test_anything_else_is_no_fingerprint(text: str) -> None:
    with pytest.raises(BackupProblem) as found:
        read_fingerprint(text)
    assert found.value.code == "FingerprintInvalid"
