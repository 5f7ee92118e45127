"""What is known of a store's backups: parts that add up, what counts as a failure, and statuses that others wrote."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.keystores.merge import effective_store
from baileys_janitor.backup.job.result import Outcome
from baileys_janitor.controller.backups.jobs import with_memory
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.keystores import backup_jobs
from baileys_janitor.controller.keystores.backup_state import KILLED_MOST, StoreBackups
from baileys_janitor.controller.keystores.record import READER, KeyStoreRecord
from baileys_janitor.keystore.job.backup_result import BackedUp, Problem, Tally
from baileys_janitor.keystore.job.task import StoreTask
from baileys_janitor.policy.archives.known_archives import KnownArchives
from baileys_janitor.policy.archives.known_archives import encode as known_text
from baileys_janitor.schedule.backup_times import BackupSchedule
from baileys_janitor.status.backup import BackupContext, state
from tests.backup.sessions import RECIPIENT

Object = dict[str, Any]
NOW = 1_796_000_000.0
NEWEST = "20261128T093500Z-0a1b2c3d.tar.gz.age"
ONE = ("moscow",)


def backups(*names: str) -> StoreBackups:
    found = StoreBackups()
    found.configure(names or ONE, NOW - 3600)
    for each in found.repositories.values():
        each.claim(NOW - 60)
    return found


def part(done: int = 2, left: int = 0, after: str = "", **more: Any) -> BackedUp:
    tally = Tally(put=done, held=done, archives=done, bytes=100 * done, rows=9, newest=NEWEST)
    given = {"sessions": done + left, "done": done, "left": left, "after": after, "time": int(NOW)}
    return BackedUp(**{**given, "repositories": [tally], **more})


def test_parts_of_a_round_add_up_and_count_from_its_beginning() -> None:
    found = backups()
    found.take(ONE, part(2, left=3, after="aa0000", sessions=5), NOW)
    assert found.after == "aa0000"
    assert found.repositories["moscow"].done_at is None
    found.release()
    found.repositories["moscow"].claim(NOW + 100)
    found.take(ONE, part(3, sessions=5), NOW + 160)
    state = found.repositories["moscow"]
    assert (state.done_at, state.outcome, found.after) == (NOW - 60, "Put", "")
    assert state.newest is not None
    assert (state.newest.archives, state.newest.bytes) == (5, 500)
    assert found.sessions == {"count": 5, "backedUp": 5, "nothingToDo": 0, "failing": 0}


def test_what_lies_in_sessions_alone_leaves_the_others_backed_up() -> None:
    found = backups()
    tally = Tally(put=1, held=1, newest=NEWEST, failed=1)
    tally.problems["CredentialsCorrupt"] = Problem(1, "It does not parse.")
    found.take(ONE, part(2, failing=1, repositories=[tally]), NOW)
    state = found.repositories["moscow"]
    assert (state.done_at, state.failures, state.code) == (NOW - 60, 1, "CredentialsCorrupt")
    assert state.message == "1 of 2 sessions: It does not parse."
    assert found.sessions["backedUp"] == 1


def test_a_store_that_is_away_is_no_success_and_outweighs_what_lies_in_sessions() -> None:
    found = backups()
    tally = Tally(failed=5)
    tally.problems |= {
        "CredentialsCorrupt": Problem(3, "It does not parse."),
        "Unreachable": Problem(2, "It does not answer."),
    }
    found.take(ONE, part(5, failing=5, repositories=[tally]), NOW)
    state = found.repositories["moscow"]
    assert (state.done_at, state.code, state.failures) == (None, "Unreachable", 1)


def test_a_job_that_is_killed_costs_the_session_under_way_alone() -> None:
    found = backups()
    killed = part(1, left=1, after="bb0000", under_way=True, sessions=3)
    found.take(ONE, killed, NOW)
    assert found.after == "bb0000"
    found.release()
    found.repositories["moscow"].claim(NOW)
    found.take(ONE, part(1, sessions=3), NOW)
    assert found.sessions == {"count": 3, "backedUp": 2, "nothingToDo": 0, "failing": 1}
    assert found.repositories["moscow"].code == "Interrupted"


def test_jobs_that_are_killed_again_and_again_are_a_failure_of_all() -> None:
    found = backups()
    for number in range(KILLED_MOST):
        assert found.repositories["moscow"].failures == 0
        empty = part(0, left=50 - number, after=f"{number:06x}", under_way=True)
        found.take(ONE, empty, NOW)
    state = found.repositories["moscow"]
    assert (state.failures, state.code, found.after) == (1, "Interrupted", "")


def test_a_job_without_any_progress_says_what_to_raise() -> None:
    found = backups()
    found.take(ONE, part(0, left=7, after=""), NOW)
    state = found.repositories["moscow"]
    assert state.code == "TooSlow"
    assert "spec.limits.duration" in state.message


def test_a_database_that_is_away_fails_every_repository_with_its_reason() -> None:
    found = backups("moscow", "eu")
    failure = ("ConnectionLost", "The connection to the database was lost; the next run goes on.")
    tallies = [Tally(), Tally()]
    found.take(("moscow", "eu"), part(0, left=3, failure=failure, repositories=tallies), NOW)
    assert {each.code for each in found.repositories.values()} == {"ConnectionLost"}


def test_other_repositories_begin_a_round_of_their_own() -> None:
    found = backups()
    found.take(ONE, part(2, left=3, after="aa0000", sessions=5), NOW)
    found.configure(("eu",), NOW)
    assert found.after == ""


def sample(count: int, prefix: str = "main.keystore.") -> list[tuple[str, str]]:
    return [(f"{prefix}s{number}", known_text(KnownArchives())) for number in range(count)]


def test_a_status_is_read_back_as_it_was_written() -> None:
    found = backups()
    found.take(ONE, part(2, sample=sample(2)), NOW)
    found.take_drills("moscow", [Outcome("Passed", files=7, ms=500)] * 2, [NEWEST, ""], NOW)
    stored = READER.field({"backup": found.stored()}, "backup")
    again = StoreBackups()
    again.load(copy.deepcopy(stored))
    assert again.stored() == found.stored()
    assert again.sample == sample(2)
    drill = again.repositories["moscow"].drill
    assert (drill.sessions, drill.files, drill.seconds) == (2, 14, 1.0)


def test_a_pace_is_that_of_all_sessions_and_one_failed_drill_counts_for_all() -> None:
    found = backups()
    found.take(ONE, part(200, sample=sample(2)), NOW)
    found.take_drills("moscow", [Outcome("Passed", ms=500)] * 2, [NEWEST], NOW)
    assert found.repositories["moscow"].drill.seconds == 100
    bad = Outcome("Failed", "WrongIdentity", "None of the identities opens it.")
    found.take_drills("moscow", [Outcome("Passed", ms=500), bad], [NEWEST], NOW)
    drill = found.repositories["moscow"].drill
    assert (drill.code, drill.failures) == ("WrongIdentity", 1)
    assert drill.message == "1 of 2 sessions: None of the identities opens it."


def test_messages_count_sessions() -> None:
    found = backups()
    tally = Tally(put=3, held=3, newest=NEWEST)
    found.take(ONE, part(3, nothing=1, sessions=4, repositories=[tally]), NOW)
    schedule = BackupSchedule("0 * * * *", None, "UTC", 0.0)
    context = BackupContext(schedule, 3600, 7200, True, NOW - 86_400, found.words())
    conditions = Conditions([], 1, NOW)
    state(conditions, found, context, NOW)
    said = {each["type"]: each["message"] for each in conditions.items()}
    assert said["BackedUp"].startswith("3 of 4 sessions, and 1 not paired, are backed up as of")
    assert "databaseSecretNames" in said["Restorable"]


@given(st.text(max_size=500) | st.just(" ".join(f"{a}={b}" for a, b in sample(30))))
def test_a_sample_that_somebody_wrote_is_bounded_and_readable(text: str) -> None:
    found = StoreBackups()
    found.remember(text)
    assert len(found.sample) <= 16
    assert all(known == known_text(KnownArchives()) for _, known in found.sample)


def test_a_forged_sample_opens_nothing_of_others() -> None:
    record = store({"databaseSecretNames": {"support/main": "scratch"}})
    others = [*sample(1, "other.keystore."), *sample(1, "acme"), *sample(1)]
    record.backup.remember(" ".join(f"{name}={known}" for name, known in others))
    made = backup_jobs.drill_job(record, ONE, Pod("image"), NOW, "janitor")
    assert made is not None
    job, told = made
    task = StoreTask.from_json(job["spec"]["template"]["spec"]["containers"][0]["command"][-1])
    assert task.backup is not None
    assert [(each.namespace, each.tenant) for each in task.backup.members] == [
        ("support", "main.keystore.s0")
    ]
    assert (job["metadata"]["namespace"], told.database) == ("janitor", "scratch")
    assert "ownerReferences" not in job["metadata"]


def test_pods_of_a_stores_backups_hold_what_they_need_alone() -> None:
    record = store({"databaseSecretNames": {"support/main": "scratch"}})
    record.backup.remember(" ".join(f"{name}={known}" for name, known in sample(1)))
    backup, _ = backup_jobs.backup_job(record, ONE, Pod("image"), NOW)
    made = backup_jobs.drill_job(record, ONE, Pod("image"), NOW, "janitor")
    assert made is not None
    assert _secrets(backup) == {"/connection": "db", "/stores/0": "store"}
    assert _secrets(made[0]) == {
        "/connection": "scratch",
        "/authority": "scratch",
        "/stores/0": "reader",
        "/identity": "identity",
    }
    for job in (backup, made[0]):
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["command"][1] == "keystore-job"
        assert all(mount["readOnly"] for mount in container["volumeMounts"])
        assert container["resources"]["limits"]["memory"] == "256Mi"


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ({}, "256Mi"),
        ({"limits": {"memory": "128Mi"}}, "256Mi"),
        ({"limits": {"memory": "1Gi"}}, "1Gi"),
        ({"requests": {"memory": "512Mi"}, "limits": {"memory": "256Mi"}}, "512Mi"),
    ],
)
def test_a_pod_has_the_memory_that_staging_takes_and_never_less_than_it_asks_for(
    given: Object, limit: str
) -> None:
    assert with_memory(given)["limits"]["memory"] == limit


@pytest.mark.parametrize("drill", [{}, {"databaseSecretNames": {"support/other": "scratch"}}])
def test_a_store_that_the_configuration_does_not_name_is_not_drilled(drill: Object) -> None:
    record = store(drill)
    record.backup.remember(" ".join(f"{name}={known}" for name, known in sample(1)))
    assert record.effective is not None
    assert record.effective.backup is not None
    assert record.effective.backup.sources == ()
    assert backup_jobs.drill_job(record, ONE, Pod("image"), NOW, "janitor") is None


def store(drill: Object) -> KeyStoreRecord:
    """A store of a fleet that is backed up."""
    repository = {"name": "moscow", "url": "s3://b/prod", "secretName": "store"}
    config = OperatorConfig.model_validate(
        {
            "defaults": {"backup": {"recipients": [RECIPIENT], "repositories": [repository]}},
            "backup": {
                "drill": {
                    "identitySecretName": "identity",
                    "readSecretNames": {"moscow": "reader"},
                    **drill,
                }
            },
        }
    )
    record = KeyStoreRecord("support", "main", "uid")
    spec = {"connection": {"secretName": "db"}}
    record.resource.set_spec(1, 1)
    record.resource.set_effective(effective_store(config, spec, "main", "support"))
    record.backup.configure(ONE, NOW)
    return record


def _secrets(job: Object) -> Object:
    pod = job["spec"]["template"]["spec"]
    names = {each["name"]: each["secret"]["secretName"] for each in pod["volumes"]}
    mounts = pod["containers"][0]["volumeMounts"]
    return {each["mountPath"]: names[each["name"]] for each in mounts}
