"""The group `backup`: its defaults, what may not be set together, and sentences with the way out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from baileys_janitor.api.backup.backup_settings import (
    BackupSettings,
    described,
    longest_pause,
    resolved,
)
from baileys_janitor.api.config.cross_field_rules import Conflict
from baileys_janitor.api.values.error_messages import first_problem
from baileys_janitor.policy.archives.archive_retention import Retention

RECIPIENT = "age1" + "q" * 58
MOSCOW = {"name": "moscow", "url": "s3://baileys/prod", "endpoint": "https://s3.ru.example"}
EU = {"name": "eu", "url": "gs://baileys-eu"}


def group(**more: Any) -> dict[str, Any]:
    return {"recipients": [RECIPIENT], "repositories": [MOSCOW, EU], **more}


def sentence(data: dict[str, Any]) -> str:
    with pytest.raises(Conflict) as found:
        resolved(data)
    return described(found.value, data)


def test_the_defaults_are_hourly_archives_of_a_day_a_month_and_a_year() -> None:
    found = resolved(group())
    assert found is not None
    assert (found.schedule, found.drill_schedule) == ("0 * * * *", "0 4 1 * *")
    assert found.retention == Retention(24, 30, 12)
    assert (found.rpo, found.rto) == (3600, 7200)
    assert [each.name for each in found.repositories] == ["moscow", "eu"]


@pytest.mark.parametrize("data", [None, {}, {"schedule": "Never"}, {"repositories": []}])
def test_without_repositories_nothing_is_backed_up(data: dict[str, Any] | None) -> None:
    assert resolved(data) is None


def test_what_may_be_lost_follows_the_schedule_unless_it_is_said() -> None:
    nightly = resolved(group(schedule="0 3 * * *"))
    assert nightly is not None
    assert nightly.rpo == 86_400
    assert resolved(group(schedule="0 3 * * *", objectives={"rpo": "26h"})).rpo == 93_600  # type: ignore[union-attr]
    assert longest_pause("*/15 9-17 * * 1-5") == 227_700


def test_a_store_that_removes_archives_by_itself_says_after_how_many_days() -> None:
    found = resolved(group(retention={"by": "Bucket", "bucketDays": 30}))
    assert found is not None
    assert found.bucket_days == 30


def test_stores_of_two_providers_may_have_buckets_of_one_name() -> None:
    elsewhere = {**MOSCOW, "name": "elsewhere", "endpoint": "https://s3.eu.example"}
    found = resolved(group(repositories=[MOSCOW, elsewhere]))
    assert found is not None
    assert len(found.repositories) == 2


def test_never_leaves_both_schedules_out() -> None:
    found = resolved(group(schedule="Never", drill={"schedule": "Never"}))
    assert found is not None
    assert (found.schedule, found.drill_schedule) == (None, None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"recipients": [RECIPIENT]}, "backup.recipients needs somewhere to put archives"),
        (group(recipients=[]), "backup.recipients is empty, so nobody could decrypt an archive"),
        (
            group(encryption="None"),
            "backup.encryption ('None') contradicts backup.recipients: leave one",
        ),
        (
            group(repositories=[MOSCOW, {**EU, "name": "moscow"}]),
            "backup.repositories[1].name ('moscow') is the name of backup.repositories[0].name ('moscow') too",
        ),
        (
            group(repositories=[MOSCOW, {**MOSCOW, "name": "eu", "url": "s3://baileys/prod/"}]),
            "backup.repositories[1].url ('s3://baileys/prod/') is the URL of",
        ),
        (group(schedule="61 * * * *"), "backup.schedule ('61 * * * *') cannot be read"),
        (group(drill={"schedule": "0 0 31 2 *"}), "backup.drill.schedule ('0 0 31 2 *') never"),
        (group(retention={"by": "Bucket"}), "add backup.retention.bucketDays"),
        (group(retention={"bucketDays": 30}), "counts only with by: Bucket"),
        (
            group(retention={"hourly": 0, "daily": 0, "monthly": 0}),
            "backup.retention.hourly (0), daily and monthly are all 0",
        ),
        (
            group(schedule="0 3 * * *", objectives={"rpo": "1h"}),
            "backup.objectives.rpo ('1h') is shorter than the longest pause of backup.schedule ('0 3 * * *'), 1d",
        ),
    ],
)
def test_what_cannot_work_together_is_one_sentence_with_the_way_out(
    data: dict[str, Any], said: str
) -> None:
    assert said in sentence(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"recipients": ["AGE-SECRET-KEY-1QQQ"]},
            "recipients[0] cannot be used: give a public key",
        ),
        ({"recipients": ["age1short"]}, "recipients[0] cannot be used: give a public key"),
        (
            {"repositories": [{"name": "a", "url": "http://bucket"}]},
            "repositories[0].url cannot be used: give s3://bucket/prefix",
        ),
        (
            {"repositories": [{"name": "a", "url": "s3://key:secret@bucket/x"}]},
            "without credentials",
        ),
        ({"repositories": [{"name": "A", "url": "/backups"}]}, "repositories[0].name is 'A'"),
        ({"repositories": [{"name": "a"}]}, "repositories[0].url is required"),
        ({"repositories": [MOSCOW] * 5}, "repositories has too many items: give at most 4"),
        ({"retention": {"bucketDays": 1}}, "retention.bucketDays is 1: give 3 or more"),
        ({"drill": {"identity": "/k"}}, "drill.identity is not a field: did you mean identityFile"),
    ],
)
def test_what_has_not_the_form_is_named_by_its_field(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as found:
        BackupSettings.model_validate(data, extra="forbid")
    assert said in " ".join(first_problem(found.value, BackupSettings))


@pytest.mark.parametrize(
    "recipient",
    [
        RECIPIENT,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000aa me@host",
    ],
)
def test_recipients_are_age_and_ssh_keys(recipient: str) -> None:
    found = resolved(group(recipients=[recipient]))
    assert found is not None
    assert found.recipients == (recipient,)


@pytest.mark.parametrize(
    "data",
    [
        {"recipients": ["AGE-SECRET-KEY-1QQQQQQ"]},
        {"repositories": [{"name": "a", "url": "s3://key:QQQQQQ@bucket/x"}]},
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as found:
        BackupSettings.model_validate(data, extra="forbid")
    assert "QQQQQQ" not in " ".join(first_problem(found.value, BackupSettings))
