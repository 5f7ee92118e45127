"""One backup: packed once, put to each repository by itself, remembered, thinned out; and a drill of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.backup.archive import pack
from baileys_janitor.backup.drill import drill
from baileys_janitor.backup.encryption import Identities, generate
from baileys_janitor.backup.errors import FORBIDDEN, READ_FORBIDDEN, UNREACHABLE, BackupProblem
from baileys_janitor.backup.fetch import Wanted
from baileys_janitor.backup.known import Known, read_known
from baileys_janitor.backup.latest import TRIED_MOST, read_fingerprint
from baileys_janitor.backup.location import location_of
from baileys_janitor.backup.names import parse_name
from baileys_janitor.backup.repository import Repository, open_repository
from baileys_janitor.backup.run import BackupResult, Destination, Keep, back_up
from baileys_janitor.backup.store import MOST_OBJECTS, PutResult, StoredObject
from baileys_janitor.policy.archive_retention import Strangers
from baileys_janitor.policy.reasons import CREDENTIALS_ABSENT, explain
from baileys_janitor.volume.lock import acquire
from baileys_janitor.volume.snapshot import take_snapshot
from baileys_janitor.volume.state_files import owners_of
from tests.backup.sessions import IDENTITIES, RECIPIENT, RECIPIENTS, session_in
from tests.pairings import whole
from tests.volume.directories import NOW, opened

HOUR, DAY = 3600, 86_400


class Counted:
    """A store that counts what is asked of it, and refuses what it is told to."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.asked: list[str] = []
        self.refuses: dict[str, str] = {}

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.refuses:
            raise BackupProblem(self.refuses[what])

    def put(self, path: str, data: bytes, *, sha256: str) -> PutResult:
        self._ask("put")
        found: PutResult = self.store.put(path, data, sha256=sha256)
        return found

    def list_objects(self, prefix: str, *, most: int = MOST_OBJECTS) -> Sequence[StoredObject]:
        self._ask("list")
        found: Sequence[StoredObject] = self.store.list_objects(prefix, most=most)
        return found

    def get(self, path: str, *, limit_bytes: int) -> Iterator[bytes]:
        self._ask("get")
        found: Iterator[bytes] = self.store.get(path, limit_bytes=limit_bytes)
        return found

    def delete(self, paths: Sequence[str]) -> None:
        self._ask("delete")
        self.store.delete(paths)


class Place:
    """A session and some repositories, and time that passes as a test says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.session = session_in(home / "acme")
        self.now = float(NOW)
        self.stores: dict[str, Counted] = {}
        self.destinations: list[Destination] = []
        self.add("moscow")

    def add(self, name: str) -> Counted:
        path = self.home / name
        path.mkdir()
        location = location_of(str(path))
        counted = Counted(open_repository(str(path), environ={})._store)
        self.stores[name] = counted
        self.destinations.append(Destination(name, Repository(counted, location)))
        return counted

    @property
    def store(self) -> Counted:
        return self.stores["moscow"]

    def back_up(self, **more: Any) -> BackupResult:
        settings: dict[str, Any] = {
            "tenant": "acme",
            "destinations": self.destinations,
            "recipients": [RECIPIENT],
            "keep": Keep(),
            "now": self.now,
            "pause": lambda _: None,
            **more,
        }
        with opened(self.session) as directory:
            return back_up(directory, **settings)

    def archives(self, name: str = "moscow") -> list[str]:
        return sorted(os.listdir(self.home / name / "server" / "acme"))

    def change(self) -> None:
        (self.session / "pre-key-9.json").write_text(f'{{"at":{self.now}}}')


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


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

    def meanwhile(prefix: str, *, most: int = MOST_OBJECTS) -> Sequence[StoredObject]:
        place.store.list_objects = list_objects  # type: ignore[method-assign]
        assert outcomes(place.back_up(destinations=[eu])) == ["Put"]
        assert outcomes(place.back_up(destinations=[moscow])) == ["Put"]
        return list_objects(prefix, most=most)

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
    assert (found.archives, found.strangers) == (len(place.archives()), Strangers(0, 0, 0))


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
    place.store.asked.clear()
    place.now += HOUR
    assert outcomes(place.back_up()) == ["Unchanged"]
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
    assert found.strangers is not None
    assert (found.strangers.earlier, found.strangers.among) == (1, 0)


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
    assert found.strangers is not None
    assert found.strangers.ahead == 1


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


def wanted(place: Place, **more: Any) -> Wanted:
    with opened(place.session) as directory:
        return Wanted("server", "acme", read_known(directory), **more)


def test_a_drill_opens_the_latest_archive_and_plans_its_restore(place: Place) -> None:
    place.back_up()
    found = drill(place.destinations[0].repository, wanted(place), IDENTITIES, place.now)
    assert (found.outcome, found.archive, found.vouched) == ("Passed", *place.archives(), True)
    assert found.restorable["creds"] == 1
    assert found.files == sum(found.by_kind.values()) > 5


@pytest.mark.parametrize("at", [0, 100, -1])
def test_a_drill_of_a_damaged_archive_fails(place: Place, at: int) -> None:
    place.back_up()
    path = place.home / "moscow/server/acme" / place.archives()[0]
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))
    found = drill(place.destinations[0].repository, wanted(place), IDENTITIES, place.now)
    assert found.outcome == "Failed"
    assert found.code


def test_an_archive_that_somebody_made_anew_is_not_the_one_that_was_put(place: Place) -> None:
    place.back_up()
    [name] = place.archives()
    with opened(place.session) as directory:
        snapshot = take_snapshot(directory, now=place.now, pause=lambda _: None)
    again = pack(snapshot, namespace="server", tenant="acme", recipients=RECIPIENTS)
    assert str(again.name) == name, "with the right name and a content that age accepts"
    path = place.home / "moscow/server/acme" / name
    path.chmod(0o600)
    path.write_bytes(again.data)
    found = drill(place.destinations[0].repository, wanted(place), IDENTITIES, place.now)
    assert found.code == "ArchiveDamaged"


def moved(place: Place, action: Callable[[Path], None]) -> str:
    place.back_up()
    path = place.home / "moscow/server/acme" / place.archives()[0]
    action(path)
    with opened(place.session) as directory:
        fingerprint = read_known(directory).archives[0]
    chosen = read_fingerprint(f"{fingerprint.fingerprint}-{fingerprint.pairing}")
    bare = wanted(place, chosen=chosen)
    found = drill(
        place.destinations[0].repository,
        Wanted("server", "acme", type(bare.known)(), chosen=chosen),
        IDENTITIES,
        place.now,
    )
    return found.code or found.outcome


def test_without_the_directorys_memory_a_fingerprint_finds_the_latest(place: Place) -> None:
    assert moved(place, lambda path: None) == "Passed"


def test_a_forged_newer_one_is_passed_over(place: Place) -> None:
    def forge(path: Path) -> None:
        name = parse_name(path.name)
        assert name is not None
        (path.parent / path.name.replace(path.name[:15], "20261127T000000")).write_bytes(b"junk")

    assert moved(place, forge) == "Passed"


def forged(place: Place, count: int) -> Wanted:
    """Put newer archives of another session, as anybody can; return the latest by a fingerprint alone."""
    place.back_up()
    with opened(place.session) as directory:
        known = read_known(directory).archives[0]
    chosen = read_fingerprint(f"{known.fingerprint}-{known.pairing}")
    stranger = session_in(place.home / "stranger")
    (stranger / "creds.json").write_bytes(whole("z"))
    for at in range(count):
        with opened(stranger) as directory:
            snapshot = take_snapshot(directory, now=place.now + at + 1, pause=lambda _: None)
        other = pack(snapshot, namespace="server", tenant="acme", recipients=RECIPIENTS)
        (place.home / "moscow/server/acme" / str(other.name)).write_bytes(other.data)
    return Wanted("server", "acme", Known(), chosen=chosen)


@pytest.mark.parametrize(("count", "found"), [(3, "Passed"), (TRIED_MOST, "OthersAlone")])
def test_many_forged_newer_ones_are_passed_over_or_the_way_out_is_said(
    place: Place, count: int, found: str
) -> None:
    meant = forged(place, count)
    repository = place.destinations[0].repository
    result = drill(repository, meant, IDENTITIES, place.now)
    assert (result.code or result.outcome) == found
    wrong = drill(repository, meant, Identities(generate()[0]), place.now)
    assert wrong.code == "WrongIdentity"
    named = replace(meant, name=parse_name(place.archives()[0]))
    assert drill(repository, named, IDENTITIES, place.now).outcome == "Passed"


def test_a_store_that_fails_is_not_asked_for_one_archive_after_the_other(place: Place) -> None:
    meant = forged(place, 5)
    place.store.refuses["get"] = UNREACHABLE
    place.store.asked.clear()
    result = drill(place.destinations[0].repository, meant, IDENTITIES, place.now)
    assert (result.code, place.store.asked) == (UNREACHABLE, ["list", "get"])


def test_an_archive_under_another_time_or_tenant_is_refused(place: Place) -> None:
    assert (
        moved(place, lambda path: path.rename(path.with_name("20250101T000000Z" + path.name[16:])))
        == "AnotherTenant"
    )
