"""Who asks for what, and whether the chart's admission policies let it pass."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.run_as import RunAs
from tests.admission.jobs import (
    IMAGE,
    SHOP,
    Object,
    backup_job,
    confinement_in,
    container_in,
    cron_job,
    own_job,
    plain_job,
    plain_pod,
    pod_in,
    pod_of,
    repair_job,
    restore_job,
    store_backup_job,
    store_job,
)
from tests.chart.rendering import NAMESPACE, RELEASE

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-baileys-janitor"
PERSON = "jane"
CONTROLLERS = ("system:serviceaccount:kube-system:job-controller", "system:kube-controller-manager")
OTHERS = "system:serviceaccount:kube-system:cronjob-controller"
KUBELET = "system:node:node-1"
OLD = "janitor-old"
"""Name of what is marked and was there before."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an API server. `refused`: a part of the message, empty when it passes."""

    name: str
    user: str
    resource: str
    object: Object
    refused: str = ""
    operation: str = "CREATE"
    old: Object | None = None
    namespace: str = SHOP
    groups: tuple[str, ...] = field(default=())
    may: tuple[str, ...] = ()
    """Verbs that the user has on operations."""


ACTION = {"janitor.baileys.dev/action": "scan"}
MEMBERS = {"janitor.baileys.dev/members": '[["acme","1"]]'}
HARMLESS = {"app.kubernetes.io/managed-by": "baileys-janitor", "team": "shop"}
MARKED, KEPT = "mark what baileys-janitor has made", "can be neither set, changed nor removed"


def with_meta(found: Object, **meta: Any) -> Object:
    """The object with other metadata."""
    return found | {"metadata": found["metadata"] | meta}


def marks() -> Iterator[Request]:
    """Who may use the janitor's labels and annotations."""
    job, pod = own_job(), pod_of(own_job())
    for user in (PERSON, *CONTROLLERS, OTHERS):
        yield Request(f"a Job by {user}", user, "jobs", job, MARKED)
    for user in CONTROLLERS:
        yield Request(f"a pod of a Job by {user}", user, "pods", pod)
        forged = pod_of(own_job(), "ReplicaSet")
        yield Request(f"a pod of a ReplicaSet by {user}", user, "pods", forged, MARKED)
        yield Request(
            f"a pod of nobody's by {user}", user, "pods", plain_pod(labels=ACTION), MARKED
        )
    nodes = ("system:nodes",)
    yield Request("a static pod", KUBELET, "pods", plain_pod(labels=ACTION), groups=nodes)
    for user in (PERSON, OPERATOR, OTHERS):
        yield Request(f"a pod by {user}", user, "pods", pod, MARKED)
    yield Request("an annotation alone", PERSON, "pods", plain_pod(annotations=MEMBERS), MARKED)
    yield Request("a pod without any", PERSON, "pods", plain_pod())
    yield Request(
        "a pod with others", PERSON, "pods", plain_pod(labels=HARMLESS, annotations=HARMLESS)
    )
    yield Request("a Job without any", PERSON, "jobs", plain_job())
    yield Request("a Job's template", PERSON, "jobs", plain_job(labels=ACTION), MARKED)
    yield Request(
        "a Job's template's annotation", PERSON, "jobs", plain_job(annotations=MEMBERS), MARKED
    )
    yield Request("a CronJob without any", PERSON, "cronjobs", cron_job({}, {"labels": HARMLESS}))
    yield Request("a CronJob's Job", PERSON, "cronjobs", cron_job({"labels": ACTION}, {}), MARKED)
    yield Request(
        "a CronJob's pod", PERSON, "cronjobs", cron_job({}, {"annotations": MEMBERS}), MARKED
    )
    marked = with_meta(cron_job({}, {}), labels=ACTION)
    yield Request("a CronJob itself", PERSON, "cronjobs", marked, MARKED)


def changes() -> Iterator[Request]:
    """What may be changed of objects that exist."""
    bare, bot = plain_pod(), plain_pod(labels=HARMLESS)
    ours = with_meta(pod_of(own_job()), name=OLD)
    more = with_meta(ours, labels=ours["metadata"]["labels"] | HARMLESS)
    less = with_meta(ours, labels=HARMLESS)
    other = with_meta(ours, annotations={"janitor.baileys.dev/members": "[]"})
    done = with_meta(ours, finalizers=[])

    def change(
        name: str, old: Object, new: Object, refused: str = "", user: str = PERSON
    ) -> Request:
        return Request(name, user, f"{new['kind'].lower()}s", new, refused, "UPDATE", old)

    yield change("a pod's other labels", bare, bot)
    yield change("a label put on", bot, with_meta(bot, labels=ACTION), KEPT)
    yield change("an annotation put on", bare, with_meta(bare, annotations=MEMBERS), KEPT)
    yield change("another's label on ours", ours, more)
    yield change("our labels taken off", ours, less, KEPT)
    yield change("our annotation changed", ours, other, KEPT)
    yield change("the Job controller lets go", ours, done, user=CONTROLLERS[0])
    job = with_meta(own_job(), name=OLD)
    # Kueue and people suspend Jobs, whatever one thinks of it.
    suspended = job | {"spec": job["spec"] | {"suspend": True}}
    yield change("our Job is suspended", job, suspended)
    yield change("our Job's label changed", job, with_meta(job, labels={**ACTION, "a": "b"}), KEPT)
    cron = cron_job({}, {})
    yield change("a CronJob's pods from now on", cron, cron_job({}, {"labels": ACTION}), KEPT)
    yield change("a CronJob's Jobs from now on", cron, cron_job({"annotations": MEMBERS}, {}), KEPT)
    yield change(
        "a CronJob's other labels", cron, cron_job({"labels": HARMLESS}, {"labels": HARMLESS})
    )


Change = Callable[[Object], Any]


def _probe(kind: str) -> Callable[[Object], object]:
    return lambda job: container_in(job).update({kind: {"exec": {"command": ["id"]}}})


def _volume(source: Object) -> Change:
    return lambda j: pod_in(j)["volumes"].append({"name": "more", **source})


HOST: dict[str, tuple[Change, str]] = {
    "another image": (lambda j: container_in(j).update(image="evil:1"), "one container"),
    "its image with a digest of another": (
        lambda j: container_in(j).update(image=IMAGE + "@sha256:" + "0" * 64),
        "one container",
    ),
    "a second container": (
        lambda j: pod_in(j)["containers"].append(container_in(j) | {"name": "b"}),
        "one container",
    ),
    "an init container": (
        lambda j: pod_in(j).update(initContainers=[container_in(j) | {"name": "b"}]),
        "one container",
    ),
    "another command": (
        lambda j: container_in(j).update(command=["sh", "-c", "id"]),
        "runs `baileys",
    ),
    "no command": (lambda j: container_in(j).pop("command"), "runs `baileys"),
    "the operator itself": (
        lambda j: container_in(j).update(command=["baileys-janitor", "operator", "x"]),
        "runs `baileys",
    ),
    "arguments": (lambda j: container_in(j).update(args=["x"]), "runs `baileys"),
    "a library preloaded": (
        lambda j: container_in(j)["env"].append(
            {"name": "LD_PRELOAD", "value": "/volumes/000/x.so"}
        ),
        "runs `baileys",
    ),
    "a Secret as environment": (
        lambda j: container_in(j).update(envFrom=[{"secretRef": {"name": "s"}}]),
        "runs `baileys",
    ),
    "a hook": (
        lambda j: container_in(j).update(lifecycle={"postStart": {"exec": {"command": ["id"]}}}),
        "runs `baileys",
    ),
    **{
        f"a {kind} that runs a command": (_probe(kind), "runs `baileys")
        for kind in ("livenessProbe", "readinessProbe", "startupProbe")
    },
    "another working directory": (
        lambda j: container_in(j).update(workingDir="/volumes/000"),
        "runs `baileys",
    ),
    "the host's files": (_volume({"hostPath": {"path": "/"}}), "claims alone"),
    "a Secret": (_volume({"secret": {"secretName": "s"}}), "claims alone"),
    "a ConfigMap": (_volume({"configMap": {"name": "s"}}), "claims alone"),
    "a token": (
        _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
        "claims alone",
    ),
    "a CSI volume": (_volume({"csi": {"driver": "d"}}), "claims alone"),
    "an NFS volume": (_volume({"nfs": {"server": "a", "path": "/"}}), "claims alone"),
    "a token by default": (lambda j: pod_in(j).pop("automountServiceAccountToken"), "no token"),
    "a token asked for": (
        lambda j: pod_in(j).update(automountServiceAccountToken=True),
        "no token",
    ),
    "a service account": (lambda j: pod_in(j).update(serviceAccountName="admin"), "no token"),
    "a service account by its old name": (
        lambda j: pod_in(j).update(serviceAccount="admin"),
        "no token",
    ),
    "root": (lambda j: pod_in(j)["securityContext"].update(runAsUser=0), "not root"),
    "perhaps root": (lambda j: pod_in(j)["securityContext"].pop("runAsNonRoot"), "not root"),
    "no security context": (lambda j: pod_in(j).pop("securityContext"), "not root"),
    "a container as root": (lambda j: confinement_in(j).update(runAsUser=0), "not root"),
    "a container perhaps as root": (
        lambda j: confinement_in(j).update(runAsNonRoot=False),
        "not root",
    ),
    "the host's network": (lambda j: pod_in(j).update(hostNetwork=True), "nothing of the host's"),
    "the host's processes": (lambda j: pod_in(j).update(hostPID=True), "nothing of the host's"),
    "the host's memory": (lambda j: pod_in(j).update(hostIPC=True), "nothing of the host's"),
    "a node without the scheduler": (
        lambda j: pod_in(j).update(nodeName="n"),
        "nothing of the host's",
    ),
    "the files' group changed": (
        lambda j: pod_in(j)["securityContext"].update(fsGroup=1),
        "nothing of the host's",
    ),
    "the priority of the system": (
        lambda j: pod_in(j).update(priorityClassName="system-node-critical"),
        "nothing of the host's",
    ),
    "a port of the host": (
        lambda j: container_in(j).update(ports=[{"containerPort": 80, "hostPort": 80}]),
        "nothing of the host's",
    ),
    "privileges": (
        lambda j: confinement_in(j).update(privileged=True, allowPrivilegeEscalation=True),
        "no privileges",
    ),
    "a capability": (
        lambda j: confinement_in(j)["capabilities"].update(add=["NET_ADMIN"]),
        "no privileges",
    ),
    "the usual capabilities": (lambda j: confinement_in(j).pop("capabilities"), "no privileges"),
    "escalation": (lambda j: confinement_in(j).pop("allowPrivilegeEscalation"), "no privileges"),
    "a writable root": (
        lambda j: confinement_in(j).update(readOnlyRootFilesystem=False),
        "no privileges",
    ),
    "no seccomp": (
        lambda j: pod_in(j)["securityContext"].update(seccompProfile={"type": "Unconfined"}),
        "no privileges",
    ),
    "many pods": (lambda j: j["spec"].update(parallelism=50, completions=50), "one pod that ends"),
    "restarts": (lambda j: pod_in(j).update(restartPolicy="OnFailure"), "one pod that ends"),
    "no end": (lambda j: pod_in(j).pop("activeDeadlineSeconds"), "one pod that ends"),
    "no label": (lambda j: j["metadata"].update(labels={"a": "b"}), "Jobs of its own"),
}
"""Jobs that the operator's account must not be able to make."""


def _first_volume(change: Callable[[Object], object]) -> Callable[[Object], object]:
    return lambda j: change(pod_in(j)["volumes"][0])


OF_STORES: dict[str, Callable[[Object], object]] = {
    "a claim beside the Secret": _volume({"persistentVolumeClaim": {"claimName": "acme"}}),
    "a whole Secret": _first_volume(lambda v: v["secret"].pop("items")),
    "another file": _first_volume(lambda v: v["secret"]["items"][0].update(path="x")),
    "two keys": _first_volume(
        lambda v: v["secret"]["items"].append({"key": "b", "path": "ca.crt"})
    ),
    "a token": _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
    "the host's files": _volume({"hostPath": {"path": "/"}}),
    "the Secret of a store for a directory's Job": lambda j: container_in(j)["command"].__setitem__(
        1, "job"
    ),
}
"""Jobs of key stores that the operator's account must not be able to make."""


OF_STORE_BACKUPS: dict[str, Callable[[Object], object]] = {
    "the repository's Secret elsewhere": lambda j: container_in(j)["volumeMounts"][1].update(
        mountPath="/connection/more"
    ),
    "a Secret to write to": lambda j: container_in(j)["volumeMounts"][1].pop("readOnly"),
    "a claim": _volume({"persistentVolumeClaim": {"claimName": "acme"}}),
}
"""Jobs of key stores' backups that the operator's account must not be able to make."""


OF_BACKUPS: dict[str, Callable[[Object], object]] = {
    "a claim to write to": lambda j: container_in(j)["volumeMounts"][0].pop("readOnly"),
    "the identity beside claims": lambda j: container_in(j)["volumeMounts"].append(
        {"name": "s0", "mountPath": "/identity", "readOnly": True}
    ),
    "the identity in a directory of its own": lambda j: container_in(j)["volumeMounts"].append(
        {"name": "s0", "mountPath": "/identity/key", "readOnly": True}
    ),
    "a directory of the host": lambda j: pod_in(j)["volumes"].append(
        {"name": "h", "hostPath": {"path": "/"}}
    ),
    "a Secret for a scan": lambda j: container_in(j).update(
        command=["baileys-janitor", "job", "{}"]
    ),
}
"""Jobs of backups that the operator's account must not be able to make."""


def _fetcher(found: Object) -> Object:
    return pod_in(found)["initContainers"][0]


def _mounted(found: Object, source: str) -> Object:
    """A mount of the first volume of a kind, which may be written to."""
    name = next(each["name"] for each in pod_in(found)["volumes"] if source in each)
    return {"name": name, "mountPath": "/more"}


RESTORES: dict[str, tuple[Change, str]] = {
    "a Secret beside the claim": (
        lambda j: container_in(j)["volumeMounts"].append(
            _mounted(j, "secret") | {"readOnly": True}
        ),
        "claims alone",
    ),
    "the claim beside the Secrets": (
        lambda j: _fetcher(j)["volumeMounts"].append(_mounted(j, "persistentVolumeClaim")),
        "claims alone",
    ),
    "what was fetched to write to": (
        lambda j: container_in(j)["volumeMounts"].append(_mounted(j, "emptyDir")),
        "claims alone",
    ),
    "a second claim": (_volume({"persistentVolumeClaim": {"claimName": "b"}}), "claims alone"),
    "a directory on the node's disk": (
        lambda j: pod_in(j)["volumes"][-1].update(emptyDir={}),
        "claims alone",
    ),
    "a directory of the host": (_volume({"hostPath": {"path": "/"}}), "claims alone"),
    "a token": (
        _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
        "claims alone",
    ),
    "nothing that fetches": (lambda j: pod_in(j).pop("initContainers"), "one container"),
    "two that fetch": (
        lambda j: pod_in(j)["initContainers"].append(_fetcher(j) | {"name": "b"}),
        "one container",
    ),
    "another image": (lambda j: _fetcher(j).update(image="evil:1"), "one container"),
    "another program": (
        lambda j: _fetcher(j)["command"].__setitem__(1, "backup-job"),
        "runs `baileys",
    ),
    "a shell": (lambda j: _fetcher(j).update(command=["sh", "-c", "id"]), "runs `baileys"),
    "a library preloaded": (
        lambda j: _fetcher(j)["env"].append({"name": "LD_PRELOAD", "value": "/x.so"}),
        "runs `baileys",
    ),
    "one that goes on beside it": (
        lambda j: _fetcher(j).update(restartPolicy="Always"),
        "runs `baileys",
    ),
    "root": (lambda j: _fetcher(j)["securityContext"].update(runAsUser=0), "not root"),
    "privileges": (
        lambda j: _fetcher(j)["securityContext"].update(
            privileged=True, allowPrivilegeEscalation=True
        ),
        "no privileges",
    ),
    "a port": (
        lambda j: _fetcher(j).update(ports=[{"containerPort": 80, "hostPort": 80}]),
        "nothing of the host's",
    ),
    "a fetching container for a scan": (
        lambda j: container_in(j)["command"].__setitem__(1, "job"),
        "one container",
    ),
}
"""Jobs that restore and that the operator's account must not be able to make."""


def _secret_of(found: Object) -> Object:
    secret: Object = next(each["secret"] for each in pod_in(found)["volumes"] if "secret" in each)
    return secret


def _secret_mount(found: Object) -> Object:
    mount: Object = next(
        each for each in container_in(found)["volumeMounts"] if each["mountPath"] == "/contact"
    )
    return mount


REPAIRS: dict[str, Change] = {
    "a second claim": _volume({"persistentVolumeClaim": {"claimName": "b"}}),
    "a second Secret": _volume({"secret": {"secretName": "b", "items": []}}),
    "no claim": lambda j: (pod_in(j)["volumes"].pop(0), container_in(j)["volumeMounts"].pop(0)),
    "no Secret": lambda j: (pod_in(j)["volumes"].pop(1), container_in(j)["volumeMounts"].pop(1)),
    "the whole Secret": lambda j: _secret_of(j).pop("items"),
    "another key": lambda j: _secret_of(j)["items"][0].update(key="identity"),
    "another file": lambda j: _secret_of(j)["items"][0].update(path="identity"),
    "a third key": lambda j: _secret_of(j)["items"].append({"key": "contact", "path": "contact"}),
    "the Secret elsewhere": lambda j: _secret_mount(j).update(mountPath="/identity"),
    "the Secret to write to": lambda j: _secret_mount(j).update(readOnly=False),
    "the Secret twice": lambda j: container_in(j)["volumeMounts"].append(
        _secret_mount(j) | {"mountPath": "/contact/more"}
    ),
    "the host's files": _volume({"hostPath": {"path": "/"}}),
    "a token": _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
    "the Secret for a cleanup": lambda j: container_in(j)["command"].__setitem__(1, "job"),
}
"""Jobs that repair and that the operator's account must not be able to make."""


def stolen() -> Iterator[Request]:
    """What the operator's account may do."""
    for action in ("scan", "clean", "purge"):
        yield Request(f"its own {action}", OPERATOR, "jobs", own_job(action))
    for action in ("keys-scan", "keys-clean"):
        yield Request(f"its own {action}", OPERATOR, "jobs", store_job(action))
    yield Request("its own keys-backup", OPERATOR, "jobs", store_backup_job())
    rows = store_backup_job("keys-drill")
    yield Request("its own keys-drill", OPERATOR, "jobs", rows, namespace=NAMESPACE)
    elsewhere = with_meta(rows, namespace=SHOP)
    yield Request("a keys-drill among tenants", OPERATOR, "jobs", elsewhere, "claims alone")
    for name, change in OF_STORE_BACKUPS.items():
        changed = copy.deepcopy(store_backup_job())
        change(changed)
        yield Request(f"for a store's backups, {name}", OPERATOR, "jobs", changed, "claims alone")
    yield Request("its own backup", OPERATOR, "jobs", backup_job())
    yield Request("its own drill", OPERATOR, "jobs", backup_job("drill"), namespace=NAMESPACE)
    yield Request("its own restore", OPERATOR, "jobs", restore_job())
    for name, (change, refused) in RESTORES.items():
        changed = restore_job()
        change(changed)
        yield Request(f"for a restore, {name}", OPERATOR, "jobs", changed, refused)
    yield Request("its own repair", OPERATOR, "jobs", repair_job())
    yield Request("the dry run of a repair", OPERATOR, "jobs", repair_job(dry_run=True))
    for name, alter in REPAIRS.items():
        changed = repair_job()
        alter(changed)
        yield Request(f"for a repair, {name}", OPERATOR, "jobs", changed, "claims alone")
    fetching = repair_job()
    pod_in(fetching)["initContainers"] = [container_in(fetching) | {"name": "fetch"}]
    yield Request("a repair that fetches", OPERATOR, "jobs", fetching, "one container")
    elsewhere = with_meta(backup_job("drill"), namespace=SHOP)
    yield Request("a drill among tenants", OPERATOR, "jobs", elsewhere, "claims alone")
    for name, change in OF_BACKUPS.items():
        changed = copy.deepcopy(backup_job())
        change(changed)
        yield Request(f"for backups, {name}", OPERATOR, "jobs", changed, "claims alone")
    for name, change in OF_STORES.items():
        changed = copy.deepcopy(store_job())
        change(changed)
        yield Request(f"for a key store, {name}", OPERATOR, "jobs", changed, "claims alone")
    for name, place in {"root": Place(identity=RunAs(0, 0)), "nobody known": Place()}.items():
        yield Request(f"beside a workload of {name}", OPERATOR, "jobs", own_job(place=place))
    settings: Object = {
        "labels": (("team", "shop"),),
        "annotations": (("note", "x"),),
        "node_selector": (("pool", "chat"),),
        "tolerations": ({"operator": "Exists"},),
        "pull_policy": "Always",
        "deadline": 3600,
    }
    yield Request("with all that is configured", OPERATOR, "jobs", own_job(**settings))
    for name, (change, refused) in HOST.items():
        changed = copy.deepcopy(own_job())
        change(changed)
        yield Request(name, OPERATOR, "jobs", changed, refused)
    for namespace in ("kube-system", "kube-public", "openshift-etcd"):
        moved = with_meta(own_job(), namespace=namespace)
        yield Request(namespace, OPERATOR, "jobs", moved, "of the system's", namespace=namespace)
    job = with_meta(own_job(), name=OLD)
    changed = job | {"spec": job["spec"] | {"suspend": True}}
    yield Request("a change", OPERATOR, "jobs", changed, "changes no Job", "UPDATE", job)
    yield Request("its own goes", OPERATOR, "jobs", {}, "", "DELETE", job)
    yield Request("another's stays", OPERATOR, "jobs", {}, "Jobs of its own", "DELETE", plain_job())
    yield Request("a person's Job is a person's", PERSON, "jobs", plain_job())


ALL = {
    f"{group.__name__}: {each.name}": each for group in (marks, changes, stolen) for each in group()
}
