"""Every state of a claim or a pod that keeps a tenant waiting: a reason, a sentence and a way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.manifest import CONTAINER, FETCHER
from baileys_janitor.controller.jobs.placement import Claim
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.volume.errors import SENTENCES

Object = dict[str, Any]
POLICIES = Path(__file__).parents[3] / "charts/baileys-janitor/templates/admission.yaml"
WAY_OUT = re.compile(
    r"create|correct|restore|see|use|allow|check|again|raise|wait|never binds|make room|let|give|move|"
    r"remove|leave|name",
    re.IGNORECASE,
)


def clear(fault: Fault | None, reason: str) -> Fault:
    assert fault is not None
    assert fault.reason == reason
    assert re.fullmatch("[A-Z][A-Za-z]+", fault.reason)
    assert fault.message.endswith(".")
    assert WAY_OUT.search(fault.message)
    return fault


def claim(phase: str = "Bound", modes: tuple[str, ...] = (), **meta: Any) -> Claim:
    spec = {"accessModes": list(modes)}
    found = {"metadata": {"name": "data"} | meta, "spec": spec, "status": {"phase": phase}}
    return Claim.of(found)


def test_a_bound_claim_is_no_fault() -> None:
    assert faults.of_claim(claim(), "data", False) is None


@pytest.mark.parametrize(
    ("found", "waits", "reason", "stalled"),
    [
        (None, False, "ClaimMissing", True),
        (claim("Lost"), False, "ClaimLost", True),
        (claim("Pending"), False, "ClaimUnbound", True),
        (claim("Pending"), True, "WaitingForFirstConsumer", False),
        (claim(deletionTimestamp="2026-11-22T00:00:00Z"), False, "ClaimDeleting", True),
    ],
)
def test_a_claim_that_cannot_be_used_says_why(
    found: Claim | None, waits: bool, reason: str, stalled: bool
) -> None:
    fault = clear(faults.of_claim(found, "data", waits), reason)

    assert '"data"' in fault.message
    assert fault.stalled is stalled


def test_an_exclusive_claim_is_a_fault_only_while_the_workload_holds_it() -> None:
    once, often = claim(modes=("ReadWriteOncePod",)), claim(modes=("ReadWriteOnce",))
    clear(faults.exclusive_claim(once, "data", used=True), "ClaimExclusive")
    assert faults.exclusive_claim(once, "data", used=False) is None
    assert faults.exclusive_claim(often, "data", used=True) is None


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500])
def test_a_refused_job_says_what_the_api_server_said(status: int) -> None:
    assert (
        "exceeded quota" in clear(faults.refused(status, "exceeded quota."), "JobRefused").message
    )


def test_a_namespace_that_is_being_deleted_asks_nobody_to_grant_rights() -> None:
    said = (
        'jobs.batch "janitor-scan" is forbidden: unable to create new content in namespace shop because it is being '
        "terminated"
    )
    message = clear(faults.refused(403, said), "JobRefused").message
    assert message.startswith("The namespace is being deleted")
    assert "RBAC" not in message


def test_a_job_of_another_image_than_the_charts_is_told_as_that_of_an_upgrade() -> None:
    assert faults.OTHER_IMAGE in POLICIES.read_text()
    said = f"ValidatingAdmissionPolicy 'janitor' denied request: a Job {faults.OTHER_IMAGE}"
    message = clear(faults.refused(422, said), "JobRefused").message
    assert "While the chart is being upgraded" in message


def test_a_pod_that_never_appears_says_so_with_and_without_an_event() -> None:
    assert "pods denied" in clear(faults.pod_refused("pods denied"), "PodRefused").message
    clear(faults.pod_refused(""), "PodRefused")
    clear(faults.stuck("Multi-Attach error"), "VolumeNotMounted")
    clear(faults.stuck(""), "VolumeNotMounted")


def pending(*conditions: Object, waiting: Object | None = None) -> Object:
    status: Object = {"phase": "Pending", "conditions": list(conditions)}
    if waiting:
        status["containerStatuses"] = [{"name": CONTAINER, "state": {"waiting": waiting}}]
    return {"status": status}


NO_NODE = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (pending(NO_NODE), "Unschedulable"),
        (pending(waiting={"reason": "ImagePullBackOff"}), "ImagePullFailed"),
        (pending(waiting={"reason": "ErrImagePull"}), "ImagePullFailed"),
        (pending(waiting={"reason": "InvalidImageName"}), "ImagePullFailed"),
        (pending(waiting={"reason": "ErrImageNeverPull"}), "ImagePullFailed"),
        (pending(waiting={"reason": "ImageInspectError"}), "ImagePullFailed"),
        (pending(waiting={"reason": "RegistryUnavailable"}), "ImagePullFailed"),
        (pending(waiting={"reason": "SignatureValidationFailed"}), "ImagePullFailed"),
        (pending(waiting={"reason": "CreateContainerConfigError"}), "ContainerRefused"),
        (pending(waiting={"reason": "CreateContainerError", "message": "no"}), "ContainerRefused"),
        (pending(waiting={"reason": "RunContainerError"}), "ContainerRefused"),
    ],
)
def test_a_pod_that_does_not_start_says_why(pod: Object, reason: str) -> None:
    clear(faults.pending(pod), reason)


@pytest.mark.parametrize(
    "pod",
    [
        pending(),
        {},
        pending({"type": "PodScheduled", "status": "True"}),
        pending(waiting={"reason": "ContainerCreating"}),
        {"status": {"phase": "Running", "conditions": [NO_NODE]}},
    ],
)
def test_a_pod_that_is_simply_starting_is_no_fault(pod: Object) -> None:
    assert faults.pending(pod) is None


def ended(phase: str, reason: str = "", **terminated: Any) -> Object:
    states = [{"name": CONTAINER, "state": {"terminated": terminated}}] if terminated else []
    return {"status": {"phase": phase, "reason": reason, "containerStatuses": states}}


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (ended("Failed", "DeadlineExceeded", exitCode=137), "JobDeadline"),
        (ended("Failed", "Evicted"), "JobEvicted"),
        (ended("Failed", "Preempting", exitCode=137), "JobEvicted"),
        (ended("Failed", "NodeLost"), "JobEvicted"),
        (ended("Failed", exitCode=137, reason_="x"), "JobKilled"),
        (ended("Failed", exitCode=1), "JobFailed"),
        (ended("Failed", exitCode=2), "JobFailed"),
        (ended("Failed"), "JobFailed"),
    ],
)
def test_a_pod_that_failed_says_why(pod: Object, reason: str) -> None:
    found = faults.finished(pod)
    assert found is not None
    clear(found.fault, reason)


def of(pod: Object, reason: str) -> str:
    found = faults.finished(pod)
    assert found is not None
    return clear(found.fault, reason).message


def exited(code: int, reason: str = "Error", message: str = "") -> Object:
    pod = ended("Failed", exitCode=code, message=message)
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = reason
    return pod


@pytest.mark.parametrize("code", [129, 137, 139, 143, 192])
def test_an_exit_code_of_a_signal_is_told_as_that(code: int) -> None:
    assert f"killed by signal {code - 128}." in of(exited(code), "JobKilled")


@pytest.mark.parametrize("code", [1, 127, 128, 193, 254])
def test_another_exit_code_is_told_as_it_is(code: int) -> None:
    said = of(exited(code), "JobFailed")
    assert f"exit code {code}" in said
    assert "signal" not in said


@pytest.mark.parametrize(
    "pod",
    [
        exited(255),
        exited(1, message="exec /usr/local/bin/baileys-janitor: exec format error"),
        exited(128, "StartError", "failed to start: exec format error: unknown"),
    ],
)
def test_a_program_for_another_architecture_is_told_as_that(pod: Object) -> None:
    assert "processor architecture of the volume's node" in of(pod, "JobFailed")


@pytest.mark.parametrize(
    "waiting",
    [
        {"reason": "ErrImagePull", "message": "no match for platform in manifest: not found"},
        {"reason": "ImagePullBackOff", "message": "no matching manifest for linux/arm64/v8"},
        {"reason": "RunContainerError", "message": "exec: exec format error: unknown"},
    ],
)
def test_an_image_for_another_architecture_is_told_as_that(waiting: Object) -> None:
    fault = faults.pending(pending(waiting=waiting))
    assert fault is not None
    assert "processor architecture of the volume's node" in fault.message


@pytest.mark.parametrize(("code", "reason"), [(255, "Unknown"), (137, "ContainerStatusUnknown")])
def test_a_container_that_its_node_lost_was_no_programs_fault(code: int, reason: str) -> None:
    assert "The node has lost the Job's container" in of(exited(code, reason), "JobKilled")


def test_what_could_not_be_started_says_why() -> None:
    said = of(exited(128, "StartError", "executable file not found in $PATH"), "JobFailed")
    assert "executable file not found" in said
    assert "job image" in said


def test_a_pod_out_of_memory_names_the_setting() -> None:
    pod = ended("Failed", exitCode=137)
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = "OOMKilled"
    found = faults.finished(pod)
    assert found is not None
    assert "spec.job.resources" in clear(found.fault, "JobOutOfMemory").message


def test_a_pod_that_left_a_result_keeps_it_even_when_it_failed() -> None:
    done = faults.finished(ended("Succeeded", exitCode=0, message="result"))
    assert done == faults.Finished("result", None)
    late = faults.finished(ended("Failed", "DeadlineExceeded", exitCode=1, message="result"))
    assert late is not None
    assert late.message == "result"
    assert faults.finished({"status": {"phase": "Running"}}) is None
    assert faults.finished({}) is None


RUNNING = {"running": {}}
STILL_PULLED = {"waiting": {"reason": "ImagePullBackOff"}}


def beside(own: Object, name: str, other: Object, phase: str = "Running") -> Object:
    """A pod with an injected container, in the order in which a kubelet reports: by name."""
    containers = [{"name": CONTAINER, "state": own}, {"name": name, "state": other}]
    listed = sorted(containers, key=lambda one: str(one["name"]))
    return {"status": {"phase": phase, "containerStatuses": listed}}


@pytest.mark.parametrize("name", ["istio-proxy", "vault-agent"])
@pytest.mark.parametrize(("other", "phase"), [(RUNNING, "Running"), (STILL_PULLED, "Pending")])
def test_a_job_is_over_though_an_injected_container_goes_on(
    name: str, other: Object, phase: str
) -> None:
    done = {"terminated": {"exitCode": 0, "message": "result"}}
    assert faults.finished(beside(done, name, other, phase)) == faults.Finished("result", None)

    failed = faults.finished(beside({"terminated": {"exitCode": 1}}, name, other, phase))
    assert failed is not None
    clear(failed.fault, "JobFailed")


@pytest.mark.parametrize("name", ["istio-proxy", "vault-agent"])
def test_an_injected_container_never_speaks_for_the_job(name: str) -> None:
    theirs = {"terminated": {"exitCode": 143, "reason": "OOMKilled", "message": "theirs"}}
    done = {"terminated": {"exitCode": 0, "message": "result"}}

    assert faults.finished(beside(RUNNING, name, theirs)) is None
    assert faults.finished(beside(done, name, theirs, "Failed")) == faults.Finished("result", None)
    lost = faults.finished(beside({}, name, theirs, "Failed"))
    assert lost is not None
    assert lost.message is None
    assert "before it ran" in clear(lost.fault, "JobFailed").message


def initializing(phase: str, first: Object, name: str = FETCHER, reason: str = "") -> Object:
    """A pod whose janitor has not begun, for another container runs before it."""
    waits = {"waiting": {"reason": "PodInitializing"}}
    return {
        "status": {
            "phase": phase,
            "reason": reason,
            "initContainerStatuses": [{"name": name, "state": first}],
            "containerStatuses": [{"name": CONTAINER, "state": waits}],
        }
    }


FAILED = {"terminated": {"exitCode": 3, "reason": "Error", "message": "no such bucket"}}


def test_a_container_of_the_jobs_that_runs_first_speaks_for_it_when_it_fails() -> None:
    found = faults.finished(initializing("Failed", FAILED))
    assert found is not None
    assert found.message == "no such bucket"
    assert "exit code 3" in clear(found.fault, "JobFailed").message

    starved = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    clear_of = faults.finished(initializing("Failed", starved))
    assert clear_of is not None
    clear(clear_of.fault, "JobOutOfMemory")
    late = faults.finished(initializing("Failed", starved, reason="DeadlineExceeded"))
    assert late is not None
    clear(late.fault, "JobDeadline")


def test_what_ran_first_is_silent_once_the_janitor_itself_has_ended() -> None:
    pod = initializing("Succeeded", {"terminated": {"exitCode": 0, "message": "fetched"}})
    done = {"terminated": {"exitCode": 0, "message": "result"}}
    pod["status"]["containerStatuses"][0]["state"] = done
    assert faults.finished(pod) == faults.Finished("result", None)
    pod["status"]["phase"] = "Failed"
    pod["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 1}}
    found = faults.finished(pod)
    assert found is not None
    assert found.message is None
    clear(found.fault, "JobFailed")


def test_an_injected_container_that_fails_first_is_named_and_says_nothing_for_the_job() -> None:
    found = faults.finished(initializing("Failed", FAILED, "istio-init"))
    assert found is not None
    assert found.message is None
    said = clear(found.fault, "JobFailed").message
    assert "istio-init" in said
    assert "exit code 3" in said
    evicted = faults.finished(initializing("Failed", FAILED, "istio-init", "Evicted"))
    assert evicted is not None
    clear(evicted.fault, "JobEvicted")


@pytest.mark.parametrize(
    ("pod", "begun"),
    [
        ({"status": {"phase": "Running"}}, True),
        (initializing("Pending", {"running": {"startedAt": "2026-11-28T00:00:00Z"}}), True),
        (initializing("Pending", {"terminated": {"exitCode": 0}}), True),
        (initializing("Pending", {"waiting": {"reason": "PodInitializing"}}), False),
        (initializing("Pending", {"terminated": {"exitCode": 0}}, "istio-init"), False),
        ({"status": {"phase": "Pending"}}, False),
        ({}, False),
    ],
)
def test_a_pod_has_begun_once_a_container_of_the_jobs_has(pod: Object, begun: bool) -> None:
    assert faults.has_begun(pod) is begun


def test_an_image_that_the_first_container_lacks_is_told_as_the_janitors() -> None:
    clear(faults.pending(initializing("Pending", STILL_PULLED)), "ImagePullFailed")


def test_the_reason_of_a_pod_that_ends_is_waited_for() -> None:
    assert faults.finished(ended("Running", exitCode=137)) is None
    late = faults.finished(ended("Failed", "DeadlineExceeded", exitCode=137))
    assert late is not None
    clear(late.fault, "JobDeadline")


@pytest.mark.parametrize(
    "fault", [faults.GONE, directory_faults.UNREADABLE, faults.OVERDUE, faults.SUSPENDED]
)
def test_the_other_ends_of_a_job_are_clear_too(fault: Fault) -> None:
    clear(fault, fault.reason)


OF_A_RUN = {
    "LockLost",
    "Interrupted",
    "DeadlineReached",
    "Killed",
    "RunUnknown",
    "RunPurged",
    "IdentityChanged",
    "SystemError",
    "CredentialsChanging",
    "CredentialsIncomplete",
    "CredentialsNoFile",
    "CredentialsOlder",
    "CredentialsSaved",
    "IsRotation",
    "RollBackFirst",
    "SessionTooLarge",
    "SessionWritten",
    "StillWriting",
    "WrittenOver",
}
"""Codes of runs, undos, restores and backups, never of a look; SystemError has nothing of its own to say."""


@pytest.mark.parametrize("code", sorted(set(SENTENCES) - OF_A_RUN))
def test_what_a_directory_can_be_wrong_with_has_its_own_way_out(code: str) -> None:
    fault = clear(directory_faults.of_directory(code), code)
    assert f"({code})" not in fault.message


def test_a_code_nobody_knows_is_still_a_fault() -> None:
    clear(directory_faults.of_directory("SomethingNew"), "SomethingNew")
    for odd in ("", "a b", "company_1/pre-key-7.json", "x" * 500, "Bad\nCode", "5511999999999"):
        fault = clear(directory_faults.of_directory(odd), "ResultUnreadable")
        assert not odd or odd not in fault.message


def test_an_injected_container_that_does_not_start_is_not_told_as_the_janitors_own() -> None:
    own = {"name": CONTAINER, "state": {"waiting": {"reason": "PodInitializing"}}}
    mesh = {"name": "istio-init", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    status = {"phase": "Pending", "initContainerStatuses": [mesh], "containerStatuses": [own]}
    found = clear(faults.pending({"status": status}), "ContainerRefused")
    assert "istio-init" in found.message
    assert "janitor's image" not in found.message


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "pods is forbidden: minimum memory usage per Container is 128Mi, but request is 32Mi",
            "LimitRange",
        ),
        ("exceeded quota: pods, requested: pods=1, used: pods=5, limited: pods=5", "quota"),
    ],
)
def test_a_pod_that_is_not_admitted_is_told_the_way_out_of_its_cause(
    message: str, words: str
) -> None:
    assert words in clear(faults.pod_refused(message), "PodRefused").message.partition(message)[2]
