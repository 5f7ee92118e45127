"""One backup: packed once, put to each repository by itself, remembered, thinned out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest

from baileys_janitor.backup.drill import drill
from baileys_janitor.backup.errors import FORBIDDEN, READ_FORBIDDEN, UNREACHABLE, BackupProblem
from baileys_janitor.backup.known import read_known
from baileys_janitor.backup.names import parse_name
from baileys_janitor.backup.results import BackupResult, Keep
from baileys_janitor.backup.stores.store import MOST_OBJECTS, PutResult, StoredObject
from baileys_janitor.policy.archives.archive_retention import UnknownArchives
from baileys_janitor.policy.reasons import CREDENTIALS_ABSENT, explain
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.runs.lock import acquire
from tests.backup.place import DAY, HOUR, Place, wanted
from tests.backup.sessions import IDENTITIES
from tests.pairings import whole
from tests.volume.directories import opened


def outcomes(result: BackupResult) -> list[str]:
    return [each.outcome for each in result.repositories]


def test_the_first_backup_lists_once_and_puts_once(place: Place) -> None:
    result = place.back_up()
    [found] = result.repositories
    assert (result.outcome, found.outcome, found.archives, found.verified) == (
        "Completed",
        "Put",
        1,
        True,
    )
    assert place.store.asked[:2] == ["list", "put"]
    assert place.archives() == [found.archive]


def test_an_unchanged_session_costs_no_request_until_the_archive_is_a_week_old(
    place: Place,
) -> None:
    place.back_up()
    place.store.asked.clear()
    place.now += HOUR
    assert outcomes(place.back_up()) == ["Unchanged"]
    assert place.store.asked == []
    place.now += 6 * DAY
    assert outcomes(place.back_up()) == ["Unchanged"]
    assert place.store.asked == ["list"]
    place.now += DAY
    assert outcomes(place.back_up()) == ["Put"]
    assert len(place.archives()) == 2


def test_where_the_store_removes_archives_an_unchanged_one_is_put_after_a_third(
    place: Place,
) -> None:
    place.back_up(keep=Keep(bucket_days=9))
    place.now += 3 * DAY - HOUR
    assert outcomes(place.back_up(keep=Keep(bucket_days=9))) == ["Unchanged"]
    place.now += HOUR
    assert outcomes(place.back_up(keep=Keep(bucket_days=9))) == ["Put"]


def test_a_changed_session_costs_one_put_an_hour_and_two_requests_more_in_two_days(
    place: Place,
) -> None:
    place.back_up()
    asked = []
    for _ in range(96):
        place.now += HOUR
        place.change()
        place.store.asked.clear()
        assert outcomes(place.back_up()) == ["Put"]
        asked.append([each for each in place.store.asked if each != "get"])
    assert asked[:47] == [["put"]] * 47
    assert asked[47:49] == [["list", "put"], ["put", "delete"]]
    assert asked[49:95] == [["put"]] * 46


def test_what_is_surplus_goes_at_once_where_nothing_is_put(place: Place) -> None:
    for _ in range(40):
        place.change()
        place.back_up()
        place.now += HOUR
    place.store.asked.clear()
    place.now += DAY
    [found] = place.back_up().repositories
    assert (found.outcome, found.removed) == ("Unchanged", 15)
    assert place.store.asked == ["list", "delete"]
    place.store.asked.clear()
    place.now += HOUR
    place.back_up()
    assert place.store.asked == []


def test_a_store_that_removes_nothing_is_asked_once_a_list(place: Place) -> None:
    place.store.refuses = {"delete": FORBIDDEN}
    codes = []
    for _ in range(96):
        place.change()
        codes.append(place.back_up().repositories[0].retention_code)
        place.now += HOUR
    assert place.store.asked.count("delete") == 1
    assert codes.count(FORBIDDEN) == 1


def test_two_archives_of_one_second_have_names_of_their_own(place: Place) -> None:
    place.back_up()
    assert outcomes(place.back_up(force=True)) == ["Put"]
    assert len(place.archives()) == 2
    found = drill(place.destinations[0].repository, wanted(place), IDENTITIES, place.now)
    assert (found.outcome, found.archive) == ("Passed", place.archives()[1])


def test_two_backups_of_one_session_in_one_second_leave_two_archives_that_open(
    place: Place,
) -> None:
    place.add("eu")
    moscow, eu = place.destinations
    list_objects = place.store.list_objects

    def meanwhile(
        prefix: str, *, most: int = MOST_OBJECTS, doubt_empty: bool = False
    ) -> Sequence[StoredObject]:
        place.store.list_objects = list_objects  # type: ignore[method-assign]
        assert outcomes(place.back_up(destinations=[eu])) == ["Put"]
        assert outcomes(place.back_up(destinations=[moscow])) == ["Put"]
        return list_objects(prefix, most=most, doubt_empty=doubt_empty)

    place.store.list_objects = meanwhile  # type: ignore[method-assign]
    assert outcomes(place.back_up(destinations=[moscow], force=True)) == ["Put"]
    assert len(place.archives()) == 2
    for each in place.destinations:
        for name in place.archives(each.name):
            meant = wanted(place, name=parse_name(name))
            assert drill(each.repository, meant, IDENTITIES, place.now).outcome == "Passed"


def test_a_disk_that_is_not_mounted_for_some_days_costs_no_archive_its_name(place: Place) -> None:
    place.back_up()
    there, away = place.home / "moscow", place.home / "away"
    there.rename(away)
    there.mkdir()
    for _ in range(5):
        place.now += DAY
        place.change()
        place.back_up()
    for each in place.archives():
        (there / "server" / "acme" / each).rename(away / "server" / "acme" / each)
    shutil.rmtree(there)
    away.rename(there)
    place.now += 2 * DAY
    [found] = place.back_up().repositories
    assert (found.archives, found.unknown) == (len(place.archives()), UnknownArchives(0, 0, 0))


def test_a_session_that_was_renamed_is_put_under_its_new_name_at_once(place: Place) -> None:
    place.back_up()
    [before] = place.archives()
    place.now += HOUR
    [found] = place.back_up(tenant="acme-2").repositories
    assert (found.outcome, found.archives) == ("Put", 1)
    with opened(place.session) as directory:
        names = {str(each.name) for each in read_known(directory).archives}
    assert names == {before, found.archive}, "what lies under the old name is still known"
    place.now += HOUR
    assert outcomes(place.back_up(tenant="acme-2")) == ["Unchanged"]


def test_other_recipients_are_put_to_at_once(place: Place) -> None:
    place.back_up()
    place.now += HOUR
    assert outcomes(place.back_up(recipients=[])) == ["Put"]
    assert place.archives()[-1].endswith(".tar.gz")


def test_one_repository_that_fails_stops_no_other(place: Place) -> None:
    place.add("eu").refuses = {"list": UNREACHABLE}
    result = place.back_up()
    assert outcomes(result) == ["Put", "Failed"]
    assert result.outcome == "Failed"
    assert result.repositories[1].code == UNREACHABLE
    assert place.stores["eu"].asked == ["list"], "a put would end the same way"
    place.stores["eu"].refuses = {}
    place.now += HOUR
    assert outcomes(place.back_up()) == ["Unchanged", "Put"]


def test_the_same_archive_is_put_to_each(place: Place) -> None:
    place.add("eu")
    place.back_up()
    [name] = place.archives()
    assert place.archives("eu") == [name]
    bytes_of = [
        (place.home / each / "server/acme" / name).read_bytes() for each in ("moscow", "eu")
    ]
    assert bytes_of[0] == bytes_of[1]


def test_put_only_credentials_are_enough(place: Place) -> None:
    place.store.refuses = {"list": READ_FORBIDDEN, "get": READ_FORBIDDEN}
    [found] = place.back_up().repositories
    assert (found.outcome, found.put_only, found.archives) == ("Put", True, None)
    assert (found.listed, found.tidied, found.retention_code) == (True, True, READ_FORBIDDEN)
    place.store.asked.clear()
    place.now += HOUR
    [again] = place.back_up().repositories
    assert (again.outcome, again.listed, again.tidied) == ("Unchanged", False, False)
    assert place.store.asked == [], "it is not asked again each hour"
    for _ in range(60):
        place.now += HOUR
        place.change()
        place.back_up()
    assert "delete" not in place.store.asked


def test_a_put_that_is_forbidden_is_told_with_its_code(place: Place) -> None:
    place.store.refuses = {"put": FORBIDDEN}
    result = place.back_up()
    assert (result.repositories[0].code, result.repositories[0].archive) == (FORBIDDEN, None)


def test_an_archive_that_was_lost_or_replaced_in_the_store_is_put_again(place: Place) -> None:
    place.back_up()
    [name] = place.archives()
    place.now += 2 * DAY
    (place.home / "moscow/server/acme" / name).write_bytes(b"junk")
    assert outcomes(place.back_up()) == ["Put"]


@pytest.mark.parametrize("spoil", [b"", b"{", None])
def test_a_damaged_session_is_put_nowhere(place: Place, spoil: bytes | None) -> None:
    place.back_up()
    place.now += 8 * DAY
    (place.session / "creds.json").unlink()
    if spoil is not None:
        (place.session / "creds.json").write_bytes(spoil)
    result = place.back_up()
    assert (result.outcome, result.repositories) == ("Failed", [])
    assert result.code in ("CredentialsCorrupt", "CredentialsAbsent")
    assert len(place.archives()) == 1


def test_why_a_session_is_put_nowhere_is_a_sentence(place: Place) -> None:
    place.back_up()
    (place.session / "creds.json").unlink()
    result = place.back_up()
    assert (result.code, result.message) == (CREDENTIALS_ABSENT, explain(CREDENTIALS_ABSENT))
    assert f"{result.message}".endswith(".")


def test_a_session_that_nobody_has_paired_yet_is_no_failure(place: Place) -> None:
    (place.session / "creds.json").write_bytes(whole(me=..., account=...))
    result = place.back_up()
    assert (result.outcome, result.code) == ("NothingToDo", "NotPaired")


def test_retention_leaves_what_it_promises_and_never_what_it_does_not_know(place: Place) -> None:
    place.back_up()
    [first] = place.archives()
    stranger = "20250101T000000Z-0a0a0a0a.tar.gz.age"
    (place.home / "moscow/server/acme" / stranger).write_bytes(b"forged")
    for _ in range(60):
        place.now += HOUR
        place.change()
        result = place.back_up()
    left = place.archives()
    assert stranger in left
    assert first not in left
    assert 24 <= len(left) <= 24 + 48 + 3 + 1
    place.now += 2 * DAY
    result = place.back_up()
    [found] = result.repositories
    assert found.archives == len(place.archives()) - 1
    assert found.unknown is not None
    assert (found.unknown.earlier, found.unknown.among) == (1, 0)


def test_a_forged_archive_with_the_newest_time_neither_counts_nor_pushes_out_any(
    place: Place,
) -> None:
    place.back_up()
    place.now += 2 * DAY
    forged = place.home / "moscow/server/acme" / "20270101T000000Z-0b0b0b0b.tar.gz.age"
    forged.write_bytes(b"forged")
    place.change()
    [found] = place.back_up().repositories
    assert found.archive == sorted(place.archives())[-2]
    assert forged.exists()
    assert found.unknown is not None
    assert found.unknown.ahead == 1


def test_while_a_cleanup_holds_the_directory_nothing_is_put(place: Place) -> None:
    with opened(place.session) as directory:
        lock = acquire(directory, owners_of(directory), "somebody")
        result = place.back_up()
        lock.release()
    assert (result.outcome, result.code) == ("Failed", "Busy")
    assert "put" not in place.store.asked


def test_a_directory_that_cannot_remember_is_backed_up_all_the_same(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.session / ".cleanup.lock").mkdir()
    result = place.back_up()
    assert (outcomes(result), result.forgotten) == (["Put"], "LockRefused")


def test_the_archive_is_known_before_it_is_put(place: Place) -> None:
    known = []

    def put(path: str, data: bytes, *, sha256: str) -> PutResult:
        with opened(place.session) as directory:
            known.extend(read_known(directory).archives)
        raise BackupProblem(UNREACHABLE)

    place.store.put = put  # type: ignore[method-assign]
    place.back_up()
    assert len(known) == 1
