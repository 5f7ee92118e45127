"""A drill, and which archive it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from baileys_janitor.backup.archive.archive import pack
from baileys_janitor.backup.archive.encryption import Identities, generate
from baileys_janitor.backup.drill import drill
from baileys_janitor.backup.errors import UNREACHABLE
from baileys_janitor.backup.fetch import Wanted
from baileys_janitor.backup.known import Known, read_known
from baileys_janitor.backup.latest import TRIED_MOST, read_fingerprint
from baileys_janitor.backup.names import parse_name
from baileys_janitor.volume.copies.snapshot import take_snapshot
from tests.backup.place import Place, wanted
from tests.backup.sessions import IDENTITIES, RECIPIENTS, session_in
from tests.pairings import whole
from tests.volume.directories import opened


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
