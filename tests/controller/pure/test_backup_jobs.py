"""A Job of backups, read by an operator that did not make it: what its members were told, and what is no such Job."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import effective
from baileys_janitor.backup.job.task import BACKUP, DRILL
from baileys_janitor.backup.known import recipients_id
from baileys_janitor.controller.backups import jobs
from baileys_janitor.controller.backups.jobs import Group, Wanted
from baileys_janitor.controller.jobs.manifest import MEMBERS_ANNOTATION, Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive, encode
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.test_backups import CONFIG, FLEET

Object = dict[str, Any]
NOW = 1_795_000_000.0
HOME = "janitor"
KNOWN = KnownArchives((PutArchive(1, "0" * 16, "1" * 32, 2, 3, held=frozenset(["ab" * 8])),))


def wanted(name: str, action: str = BACKUP, config: OperatorConfig = CONFIG) -> Wanted:
    tenant = TenantRecord("shop", name, f"uid-{name}")
    spec = {"volume": {"claimName": f"data-{name}", "path": "$(HOME)"}}
    found = effective(config, spec, name)
    tenant.resource.set_effective(found)
    assert found.backup is not None
    tenant.backup.configure(found.backup.names, NOW)
    tenant.backup.remember(encode(KNOWN))
    return Wanted(tenant, action, ("eu",) if name == "bank" else ("moscow", "eu"), Place("node"))


def made(action: str = BACKUP, *names: str) -> tuple[Object, list[jobs.Told]]:
    members = [wanted(name, action) for name in names or ("acme", "bank")]
    group = Group.of(members[0], HOME)
    found = jobs.job_of(group, members, Pod("image"), NOW)
    assert found is not None
    return found


@pytest.mark.parametrize("action", [BACKUP, DRILL])
def test_what_a_job_was_told_is_read_from_the_job(action: str) -> None:
    job, told = made(action)
    read = jobs.read_job(job, HOME)
    assert read is not None
    members, again = read
    assert [(each.namespace, each.name, each.uid) for each in members] == [
        ("shop", "acme", "uid-acme"),
        ("shop", "bank", "uid-bank"),
    ]
    assert [each.repositories for each in again] == [each.repositories for each in told]
    assert [each.known for each in again] == [each.known for each in told]
    assert [each.since for each in again] == [int(NOW)] * 2
    if action == BACKUP:
        assert {each.recipients for each in again} == {recipients_id(FLEET["recipients"])}


def test_its_own_annotations_say_nothing_for_anybody_can_change_them() -> None:
    job, _ = made()
    job["metadata"]["annotations"][MEMBERS_ANNOTATION] = '[["acme","forged"],["bank","forged"]]'
    job["metadata"]["labels"].clear()
    read = jobs.read_job(job, HOME)
    assert read is not None
    assert [each.uid for each in read[0]] == ["uid-acme", "uid-bank"]


def test_a_job_of_one_namespace_says_nothing_of_another_and_a_drill_runs_at_home_alone() -> None:
    backup, _ = made()
    backup["metadata"]["namespace"] = "bank"
    assert jobs.read_job(backup, HOME) is None
    drill, _ = made(DRILL)
    assert jobs.read_job(drill, "elsewhere") is None


def test_members_that_differ_from_the_task_are_nobodys() -> None:
    job, _ = made()
    listed = job["spec"]["template"]["metadata"]["annotations"]
    for text in ('[["acme","u"]]', '[["acme","u"],["cafe","u"]]', "[[1]]", "{", '[["acme",["u"]]]'):
        listed[MEMBERS_ANNOTATION] = text
        assert jobs.read_job(job, HOME) is None


JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text())


@settings(max_examples=60)
@given(st.data())
def test_whatever_a_job_is_changed_to_it_is_read_or_passed_over(data: st.DataObject) -> None:
    job = copy.deepcopy(made()[0])
    at: Any = job
    for _ in range(data.draw(st.integers(1, 6))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
            at = at[key]
            continue
        at[key] = data.draw(JUNK)
        break
    read = jobs.read_job(job, HOME)
    assert read is None or len(read[0]) == len(read[1]) == 2
