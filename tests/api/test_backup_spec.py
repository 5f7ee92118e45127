"""Backups of a tenant on a cluster: the fleet's, the tenant's own, and which Secrets they lead to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor.api.backup.backup_spec import ClusterBackups
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.config_file import InvalidConfig, load_config
from baileys_janitor.api.config.last_valid import in_force
from baileys_janitor.api.config.merge import InvalidTenant, effective
from baileys_janitor.schedule.tenant_backups import schedule_of

RECIPIENT = "age1" + "q" * 58
MOSCOW = {"name": "moscow", "url": "s3://baileys/prod", "secretName": "put-moscow"}
EU = {"name": "eu", "url": "gs://baileys-eu", "secretName": "put-eu"}
FLEET = {"recipients": [RECIPIENT], "repositories": [MOSCOW, EU]}
DRILL = {"identitySecretName": "recovery", "readSecretNames": {"moscow": "read-moscow"}}
VOLUME = {"claimName": "data"}


def config(fleet: dict[str, Any] | None = None, drill: dict[str, Any] | None = None) -> Any:
    return OperatorConfig.model_validate(
        {
            "defaults": {"backup": FLEET if fleet is None else fleet},
            "backup": {"drill": drill or {}},
        }
    )


def backups(own: dict[str, Any] | None = None, **more: Any) -> ClusterBackups | None:
    spec = {"volume": VOLUME} | ({"backup": own} if own is not None else {})
    return effective(config(**more), spec, "acme").backup


def test_a_tenant_is_backed_up_as_its_fleet_is() -> None:
    found = backups()
    assert found is not None
    assert found.names == ("moscow", "eu")
    assert found.group.repositories[0].secret_name == "put-moscow"
    assert (found.identity_secret_name, found.sources) == (None, ())


def test_a_tenant_sets_single_fields_and_lists_as_a_whole() -> None:
    found = backups({"schedule": "0 3 * * *", "repositories": [EU]})
    assert found is not None
    assert (found.group.schedule, found.names) == ("0 3 * * *", ("eu",))
    assert found.group.recipients == (RECIPIENT,)


def test_a_tenant_without_repositories_is_not_backed_up() -> None:
    assert backups({}, fleet={}) is None
    assert backups({"repositories": [], "recipients": []}) is None


def test_an_empty_list_of_repositories_takes_a_tenant_out_of_the_fleets_backups() -> None:
    assert backups({"repositories": []}) is None
    assert backups({"repositories": [], "schedule": "0 3 * * *"}) is None
    with pytest.raises(InvalidTenant, match="needs somewhere to put archives"):
        backups({"repositories": [], "recipients": [RECIPIENT]}, fleet={})


def test_what_cannot_work_together_names_both_and_whose_it_is() -> None:
    with pytest.raises(InvalidTenant) as refusal:
        backups({"encryption": "None"})
    assert refusal.value.field == "spec.backup.encryption"
    assert "spec.backup.recipients (from the operator's configuration)" in refusal.value.message


def test_a_drill_reads_with_the_secrets_of_the_operators_configuration() -> None:
    found = backups(drill=DRILL)
    assert found is not None
    assert found.identity_secret_name == "recovery"
    assert found.drilled == {"moscow"}
    assert found.source("moscow").secret_name == "read-moscow"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "elsewhere",
    [{"url": "s3://mine"}, {"endpoint": "https://mine.example"}, {"region": "mine"}],
    ids=str,
)
def test_no_tenant_has_a_secret_of_the_operator_used_elsewhere(elsewhere: dict[str, str]) -> None:
    found = backups({"repositories": [MOSCOW | elsewhere]}, drill=DRILL)
    assert found is not None
    assert found.names == ("moscow",)
    assert found.sources == ()


def test_another_secret_of_the_tenant_changes_nothing_of_its_drills() -> None:
    found = backups({"repositories": [MOSCOW | {"secretName": "own"}]}, drill=DRILL)
    assert found is not None
    assert found.source("moscow").secret_name == "read-moscow"  # type: ignore[union-attr]


def test_without_encryption_drills_need_no_identity() -> None:
    open_ = {"encryption": "None", "repositories": [MOSCOW]}
    found = backups(fleet=open_, drill={"readSecretNames": {"moscow": "read-moscow"}})
    assert found is not None
    assert found.drilled == {"moscow"}


def test_equal_backups_are_one_object_and_no_part_of_the_hash_of_the_settings() -> None:
    one = effective(config(), {"volume": VOLUME}, "one")
    two = effective(config(), {"volume": VOLUME}, "two")
    other = effective(config(), {"volume": VOLUME, "backup": {"schedule": "0 3 * * *"}}, "other")
    assert one.shared is two.shared
    assert len({one.backup, two.backup, other.backup}) == 2
    assert one.settings_hash == other.settings_hash


def test_an_invalid_spec_is_backed_up_as_before_and_nowhere_where_that_is_unknown() -> None:
    spec = {"volume": VOLUME, "backup": {"repositories": [EU]}}
    valid = in_force(config(), spec, "acme", None)
    broken = spec | {"backup": {"repositories": [EU], "encryption": "None"}}
    found = in_force(config(), broken, "acme", valid.last_valid)
    assert found.effective is not None
    assert found.effective.backup == valid.effective.backup  # type: ignore[union-attr]
    # The fleet's repositories may lie where this tenant's archives must not.
    unknown = in_force(config(), broken, "acme", None)
    assert unknown.effective is not None
    assert unknown.effective.backup is None


def load(tmp_path: Path, data: dict[str, Any]) -> OperatorConfig:
    place = tmp_path / "config.yaml"
    place.write_text(yaml.safe_dump(json.loads(json.dumps(data))))
    return load_config(place, {})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"defaults": {"backup": {"repositories": [MOSCOW]}}},
            "defaults.backup.recipients is empty, so nobody could decrypt an archive",
        ),
        (
            {"defaults": {"backup": FLEET}, "backup": {"drill": {"readSecretNames": {"us": "x"}}}},
            "backup.drill.readSecretNames names the repository us",
        ),
        (
            {"defaults": {"backup": FLEET | {"repositories": [MOSCOW | {"url": "/var/backups"}]}}},
            "defaults.backup.repositories[0].url cannot be used: give s3://bucket/prefix",
        ),
        (
            {"defaults": {"backup": FLEET | {"drill": {"identityFile": "/key"}}}},
            "defaults.backup.drill.identityFile is not a field",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_configuration_that_cannot_work_is_refused_in_one_sentence(
    tmp_path: Path, data: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        load(tmp_path, data)
    assert said in str(refusal.value)
    assert str(refusal.value).endswith((".", "?"))


def test_tenants_of_a_namespace_are_due_together_and_a_suspended_one_never() -> None:
    one = effective(config(drill=DRILL), {"volume": VOLUME}, "one")
    schedule = schedule_of("shop", one, 1800.0)
    assert schedule is not None
    assert schedule == schedule_of(
        "shop", effective(config(drill=DRILL), {"volume": VOLUME}, "two"), 1800.0
    )
    assert 0 <= schedule.delay < 1800
    assert schedule.delay == int(schedule.delay)
    assert schedule.undrilled == {"eu"}
    suspended = effective(config(), {"volume": VOLUME, "suspend": True}, "one")
    assert schedule_of("shop", suspended, 1800.0) is None
