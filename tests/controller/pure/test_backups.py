"""What a tenant's status has of its backups: how it is composed, read back and judged, whoever wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import effective
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive, encode
from baileys_janitor.schedule.context import Intervals
from baileys_janitor.schedule.tenant_backups import schedule_of
from baileys_janitor.status import advice, compose
from baileys_janitor.status.backup import context_of
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants.backup_state import Archived, attempts
from baileys_janitor.tenants.record import TenantRecord

NOW = 1_795_000_000.0
HOUR, DAY = 3600.0, 86_400.0
FLEET = {
    "recipients": ["age1" + "q" * 58],
    "repositories": [
        {"name": "moscow", "url": "s3://baileys/prod", "secretName": "put-moscow"},
        {"name": "eu", "url": "gs://baileys-eu", "secretName": "put-eu"},
    ],
}
CONFIG = OperatorConfig.model_validate(
    {
        "defaults": {"backup": FLEET},
        "backup": {
            "drill": {
                "identitySecretName": "recovery",
                "readSecretNames": {"moscow": "read-moscow", "eu": "read-eu"},
            }
        },
    }
)


def tenant(now: float = NOW, **spec: Any) -> TenantRecord:
    found = TenantRecord("shop", "acme", "uid")
    settings = effective(CONFIG, {"volume": {"claimName": "data"}} | spec, "acme")
    found.resource.set_effective(settings)
    found.backup.configure(() if settings.backup is None else settings.backup.names, now)
    return found


def status(of: TenantRecord, now: float = NOW) -> dict[str, Any]:
    settings = of.effective
    assert settings is not None
    schedule = schedule_of("shop", settings, 0.0)
    context = None
    if settings.backup is not None and schedule is not None:
        context = context_of(schedule, settings.backup.group, NOW)
    return compose.compose(
        of,
        now,
        StatusContext(
            NOW, Intervals(0.0, DAY, 1800.0), None, advice.Limits.of(CONFIG), backup=context
        ),
    )


def condition(of: dict[str, Any], kind: str) -> tuple[str, str] | None:
    found = {c["type"]: (c["status"], c["reason"]) for c in of["conditions"]}
    return found.get(kind)


def backed_up(of: TenantRecord, now: float = NOW) -> None:
    archive = Archived("20261116T000000Z-0a1b2c3d.tar.gz.age", now, 906, 89_000, 3, now - DAY)
    for each in of.backup.repositories.values():
        each.succeed(now, 1.0)
        each.ended("Put", archive)


def drilled(of: TenantRecord, now: float = NOW) -> None:
    for each in of.backup.repositories.values():
        each.drill.succeed(now, 0.5)
        each.drill.passed("20261116T000000Z-0a1b2c3d.tar.gz.age", 900)


def test_before_the_first_backup_nothing_is_known_and_ready_does_not_hang_on_it() -> None:
    found = status(tenant())
    assert condition(found, "BackedUp") == ("Unknown", "NeverRun")
    assert condition(found, "Restorable") == ("Unknown", "NeverDrilled")
    assert found["backup"]["nextTime"] == to_rfc3339(NOW + 30)


def test_a_session_that_is_in_every_repository_and_was_restored_is_green() -> None:
    of = tenant()
    backed_up(of)
    drilled(of)
    found = status(of)
    assert condition(found, "BackedUp") == ("True", "UpToDate")
    assert condition(found, "Restorable") == ("True", "DrillPassed")
    assert found["backup"]["lastSuccessTime"] == to_rfc3339(NOW)
    assert found["backup"]["repositories"][0]["archives"] == 3


def test_one_repository_that_refuses_is_told_by_name_and_the_other_goes_on() -> None:
    of = tenant()
    backed_up(of)
    for _ in range(2):
        of.backup.repositories["eu"].fail(NOW, "Forbidden", "The store refuses to put there.")
    found = status(of)
    assert condition(found, "BackedUp") == ("False", "Forbidden")
    message = next(c["message"] for c in found["conditions"] if c["type"] == "BackedUp")
    assert message.startswith("eu: The store refuses to put there.")


def test_a_backup_that_is_too_old_is_overdue_though_nothing_failed() -> None:
    of = tenant()
    backed_up(of)
    assert condition(status(of, NOW + 1.2 * HOUR), "BackedUp") == ("True", "UpToDate")
    assert condition(status(of, NOW + 1.3 * HOUR), "BackedUp") == ("False", "Overdue")


def test_a_drill_that_took_longer_than_promised_is_not_green() -> None:
    of = tenant(backup={"objectives": {"rto": "10m"}})
    backed_up(of)
    drilled(of)
    of.backup.repositories["eu"].drill.succeed(NOW, 601.0)
    assert condition(status(of), "Restorable") == ("False", "DrillTooSlow")


def test_without_backups_there_is_no_word_of_them() -> None:
    found = status(tenant(backup={"repositories": [], "recipients": []}))
    assert condition(found, "BackedUp") is None
    assert condition(found, "Restorable") is None
    assert "backup" not in found


def test_a_suspended_tenant_keeps_what_was_said() -> None:
    of = tenant()
    backed_up(of)
    before = status(of)
    of.take_stored(before)
    settings = effective(CONFIG, {"volume": {"claimName": "data"}, "suspend": True}, "acme")
    of.resource.set_effective(settings)
    found = status(of, NOW + 30 * DAY)
    assert condition(found, "BackedUp") == ("True", "UpToDate")
    assert found["backup"]["repositories"] == before["backup"]["repositories"]


def test_what_is_stored_is_read_back_without_the_claims_of_another_process() -> None:
    of = tenant()
    backed_up(of)
    drilled(of)
    of.backup.repositories["eu"].fail(NOW, "Unreachable", "The store does not answer.")
    of.backup.repositories["moscow"].claim(NOW)
    of.backup.remember(encode(KnownArchives([PutArchive(1, "0" * 16, "1" * 32, 2, 3)])))
    stored = status(of)
    again = tenant()
    again.load(stored)
    expected = stored["backup"]["repositories"]
    assert expected[0].pop("claimedTime") == to_rfc3339(NOW)
    assert again.backup.stored()["repositories"] == expected
    assert again.backup.known == of.backup.known
    assert not again.backup.claimed


def test_a_repository_that_is_not_configured_any_more_is_forgotten() -> None:
    of = tenant()
    backed_up(of)
    again = TenantRecord("shop", "acme", "uid")
    again.load(status(of))
    assert set(again.backup.repositories) == {"moscow", "eu"}
    again.backup.configure(("eu",), NOW)
    again.load(status(of))
    assert set(again.backup.repositories) == {"eu"}


@pytest.mark.parametrize("years", [1, 50])
def test_times_from_the_future_are_cut(years: int) -> None:
    of = tenant()
    backed_up(of, NOW + years * 365 * DAY)
    drilled(of, NOW + years * 365 * DAY)
    again = tenant()
    again.load(status(of))
    again.cut(NOW)
    for each in again.backup.repositories.values():
        assert each.done_at == each.tried_at == each.drill.done_at == NOW


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("name", "time", "triedTime", "failures", "reason", "message", "archive", "archiveTime")


@given(
    st.fixed_dictionaries(
        {
            "known": JUNK,
            "jobName": JUNK,
            "nextTime": JUNK,
            "repositories": st.lists(
                st.dictionaries(st.sampled_from([*FIELDS, "drill", "bytes", "seconds"]), JUNK),
                max_size=6,
            )
            | JUNK,
        }
    )
)
def test_whatever_somebody_wrote_there_a_status_comes_of_it(junk: dict[str, Any]) -> None:
    of = tenant()
    of.load({"observedGeneration": 1, "backup": junk})
    of.cut(NOW)
    found = status(of)
    assert set(of.backup.repositories) == {"moscow", "eu"}
    assert decoding.status(found)["backup"] == found["backup"]


def test_an_unchanged_session_is_no_reason_to_write_and_a_new_archive_is_one() -> None:
    of = tenant()
    backed_up(of)
    drilled(of)
    before = status(of)
    for each in of.backup.repositories.values():
        each.succeed(NOW + HOUR, 1.0)
        each.ended("Unchanged", None)
    assert not compose.is_material(before, status(of, NOW + HOUR))
    each.ended("Put", Archived("20261116T010000Z-0a1b2c3e.tar.gz.age", NOW + HOUR))
    assert compose.is_material(before, status(of, NOW + HOUR))


def test_what_another_operator_has_tried_differs_from_what_is_known() -> None:
    of = tenant()
    backed_up(of)
    one = status(of)["backup"]
    of.backup.repositories["eu"].drill.fail(NOW, "ArchiveDamaged", "It is damaged.")
    assert attempts(one) != attempts(status(of)["backup"])
    assert attempts(None) == ()


@given(st.dictionaries(st.sampled_from(["backup", "level", "files"]), JUNK, max_size=3), JUNK)
def test_what_is_stored_comes_back_as_it_was_whatever_is_known(
    junk: dict[str, Any], known: Any
) -> None:
    of = tenant()
    for status_ in (junk, {**junk, "backup": {"known": known}}, {"backup": {"known": "text"}}):
        of.take_stored(status_)
        assert repr(of.stored.raw) == repr(status_) or of.stored.raw == status_


def test_the_text_of_what_is_known_is_held_once() -> None:
    of = tenant()
    of.backup.remember(encode(KnownArchives([PutArchive(1, "0" * 16, "1" * 32, 2, 3)])))
    stored = json.loads(json.dumps(status(of)))
    again = tenant()
    again.load(stored)
    assert again.stored.known is again.backup.known is not None
    of.take_stored(stored)
    assert of.stored.known is of.backup.known
    assert of.stored.raw == stored
