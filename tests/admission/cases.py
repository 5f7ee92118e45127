"""Who asks for what, and whether the chart's admission policies let it pass."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.api.operations.spec import ACTIONS
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.run_as import RunAs
from tests.chart.rendering import NAMESPACE, RELEASE, only, render

Object = dict[str, Any]

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-baileys-janitor"
PERSON = "jane"
CONTROLLERS = ("system:serviceaccount:kube-system:job-controller", "system:kube-controller-manager")
OTHERS = "system:serviceaccount:kube-system:cronjob-controller"
KUBELET = "system:node:node-1"
OLD = "janitor-old"
"""Name of what is marked and was there before."""
IMAGE = only(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
SHOP = "shop"


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


def own_job(action: str = "clean", **more: Any) -> Object:
    """A Job as the operator makes it."""
    place = more.pop(
        "place", Place("node-1", "", RunAs(1000, 1000, (2000,), (("level", "s0:c1,c2"),)))
    )
    return manifest.job(
        name="janitor-job",
        namespace=SHOP,
        action=action,
        task='{"v":1}',
        members=[manifest.Member("acme", "1")],
        claims=["acme", "other"],
        place=place,
        pod=manifest.Pod(image=IMAGE, pull_secrets=("registry",), priority_class="low", **more),
        resources={"limits": {"memory": "128Mi"}},
        read_only=action == "scan",
        run="20261127-000000-abc" if action == "clean" else None,
        owner=manifest.owner_reference("acme", "1") if action == "clean" else None,
    )


def store_job(action: str = "keys-clean") -> Object:
    """A Job of a key store as the operator makes it."""
    return manifest.job(
        name="janitor-job",
        namespace=SHOP,
        action=action,
        task='{"v":1}',
        members=[manifest.Member("main", "1")],
        claims=[],
        place=Place(),
        pod=manifest.Pod(image=IMAGE, command=("baileys-janitor", "keystore-job")),
        resources={"limits": {"memory": "128Mi"}},
        read_only=True,
        run="20261127-000000-abc" if action == "keys-clean" else None,
        owner=manifest.owner_reference("main", "1", "BaileysKeyStore"),
        secrets=[
            manifest.SecretMount("db", "dsn", "/connection", "url"),
            manifest.SecretMount("ca", "ca.crt", "/authority", "ca.crt"),
        ],
    )


def store_backup_job(action: str = "keys-backup") -> Object:
    """A Job of a key store's backups as the operator makes it."""
    at_home = action == "keys-drill"
    found = store_job(action)
    stores = [manifest.SecretMount("store", "", "/stores/0", "", optional=True)]
    identity = manifest.SecretMount("key", "identity", "/identity", "identity", optional=True)
    return manifest.job(
        name="janitor-job",
        namespace=NAMESPACE if at_home else SHOP,
        action=action,
        task='{"v":1}',
        members=[manifest.Member("main", "1")],
        claims=[],
        place=Place(),
        pod=manifest.Pod(image=IMAGE, command=("baileys-janitor", "keystore-job")),
        resources=_container(found)["resources"],
        read_only=True,
        secrets=[
            manifest.SecretMount("db", "url", "/connection", "url", optional=at_home),
            *stores,
            *([identity] if at_home else []),
        ],
    )


def backup_job(action: str = "backup") -> Object:
    """A Job of backups as the operator makes it."""
    stores = [manifest.SecretMount("store", "", "/stores/0", "", optional=True)]
    identity = manifest.SecretMount("key", "identity", "/identity", "identity", optional=True)
    return manifest.job(
        name="janitor-job",
        namespace=SHOP if action == "backup" else NAMESPACE,
        action=action,
        task='{"v":1}',
        members=[manifest.Member("acme", "1")],
        claims=["acme", "other"] if action == "backup" else [],
        place=Place(),
        pod=manifest.Pod(image=IMAGE, command=("baileys-janitor", "backup-job")),
        resources={"limits": {"memory": "256Mi"}},
        read_only=True,
        secrets=stores if action == "backup" else [*stores, identity],
    )


def restore_job() -> Object:
    """A Job that restores: one container fetches the archive, the other one writes the session."""
    secrets = [
        manifest.SecretMount("store", "", "/stores/0", "", optional=True),
        manifest.SecretMount("key", "identity", "/identity", "identity", optional=True),
    ]
    return manifest.job(
        name="janitor-job",
        namespace=SHOP,
        action="restore",
        task='{"v":1}',
        members=[manifest.Member("acme", "1")],
        claims=["acme"],
        place=Place(identity=RunAs(1000, 1000)),
        pod=manifest.Pod(image=IMAGE, command=("baileys-janitor", "restore-job")),
        resources={"limits": {"memory": "256Mi"}},
        read_only=False,
        run="restore-1",
        fetching=manifest.Fetching(("baileys-janitor", "fetch-job"), secrets, "/archive", "80Mi"),
    )


def repair_job(*, dry_run: bool = False) -> Object:
    """A Job that repairs a contact: its one container has the claim and the one Secret that names the contact."""
    named = manifest.SecretMount(
        "named", "contact", "/contact", "contact", optional=True, more=("group",)
    )
    return manifest.job(
        name="janitor-job",
        namespace=SHOP,
        action="repair",
        task='{"v":1}',
        members=[manifest.Member("acme", "1")],
        claims=["acme"],
        place=Place(identity=RunAs(1000, 1000)),
        pod=manifest.Pod(image=IMAGE, command=("baileys-janitor", "repair-job")),
        resources={"limits": {"memory": "128Mi"}},
        read_only=dry_run,
        run="20261128-093500-abc",
        owner=manifest.owner_reference("repair-acme", "1", "BaileysOperation"),
        secrets=[named],
    )


def plain_pod(**meta: Any) -> Object:
    """A pod that is somebody's."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bot", "namespace": SHOP, **meta},
        "spec": {"containers": [{"name": "bot", "image": "bot:1"}]},
    }


def pod_of(job: Object, kind: str = "Job") -> Object:
    """The pod that a controller makes of a Job's template."""
    owner = {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "name": "janitor-job",
        "uid": "1",
        "controller": True,
    }
    template = copy.deepcopy(job["spec"]["template"])
    meta = template["metadata"] | {"name": "janitor-job-x", "namespace": SHOP}
    meta["ownerReferences"] = [owner]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


def plain_job(**template_meta: Any) -> Object:
    """A Job that is somebody's."""
    spec = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "backup", "namespace": SHOP},
        "spec": {"template": {"metadata": template_meta, "spec": spec}},
    }


def cron_job(job_meta: Object, pod_meta: Object) -> Object:
    """A CronJob that is somebody's."""
    template = plain_job(**pod_meta)["spec"]
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "backup", "namespace": SHOP},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"metadata": job_meta, "spec": template}},
    }


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


def _pod(found: Object) -> Object:
    return found["spec"]["template"]["spec"]


def _container(found: Object) -> Object:
    return _pod(found)["containers"][0]


def _confined(found: Object) -> Object:
    return _container(found)["securityContext"]


def _probe(kind: str) -> Callable[[Object], object]:
    return lambda job: _container(job).update({kind: {"exec": {"command": ["id"]}}})


def _volume(source: Object) -> Change:
    return lambda j: _pod(j)["volumes"].append({"name": "more", **source})


HOST: dict[str, tuple[Change, str]] = {
    "another image": (lambda j: _container(j).update(image="evil:1"), "one container"),
    "its image with a digest of another": (
        lambda j: _container(j).update(image=IMAGE + "@sha256:" + "0" * 64),
        "one container",
    ),
    "a second container": (
        lambda j: _pod(j)["containers"].append(_container(j) | {"name": "b"}),
        "one container",
    ),
    "an init container": (
        lambda j: _pod(j).update(initContainers=[_container(j) | {"name": "b"}]),
        "one container",
    ),
    "another command": (
        lambda j: _container(j).update(command=["sh", "-c", "id"]),
        "runs `baileys",
    ),
    "no command": (lambda j: _container(j).pop("command"), "runs `baileys"),
    "the operator itself": (
        lambda j: _container(j).update(command=["baileys-janitor", "operator", "x"]),
        "runs `baileys",
    ),
    "arguments": (lambda j: _container(j).update(args=["x"]), "runs `baileys"),
    "a library preloaded": (
        lambda j: _container(j)["env"].append({"name": "LD_PRELOAD", "value": "/volumes/000/x.so"}),
        "runs `baileys",
    ),
    "a Secret as environment": (
        lambda j: _container(j).update(envFrom=[{"secretRef": {"name": "s"}}]),
        "runs `baileys",
    ),
    "a hook": (
        lambda j: _container(j).update(lifecycle={"postStart": {"exec": {"command": ["id"]}}}),
        "runs `baileys",
    ),
    **{
        f"a {kind} that runs a command": (_probe(kind), "runs `baileys")
        for kind in ("livenessProbe", "readinessProbe", "startupProbe")
    },
    "another working directory": (
        lambda j: _container(j).update(workingDir="/volumes/000"),
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
    "a token by default": (lambda j: _pod(j).pop("automountServiceAccountToken"), "no token"),
    "a token asked for": (lambda j: _pod(j).update(automountServiceAccountToken=True), "no token"),
    "a service account": (lambda j: _pod(j).update(serviceAccountName="admin"), "no token"),
    "a service account by its old name": (
        lambda j: _pod(j).update(serviceAccount="admin"),
        "no token",
    ),
    "root": (lambda j: _pod(j)["securityContext"].update(runAsUser=0), "not root"),
    "perhaps root": (lambda j: _pod(j)["securityContext"].pop("runAsNonRoot"), "not root"),
    "no security context": (lambda j: _pod(j).pop("securityContext"), "not root"),
    "a container as root": (lambda j: _confined(j).update(runAsUser=0), "not root"),
    "a container perhaps as root": (lambda j: _confined(j).update(runAsNonRoot=False), "not root"),
    "the host's network": (lambda j: _pod(j).update(hostNetwork=True), "nothing of the host's"),
    "the host's processes": (lambda j: _pod(j).update(hostPID=True), "nothing of the host's"),
    "the host's memory": (lambda j: _pod(j).update(hostIPC=True), "nothing of the host's"),
    "a node without the scheduler": (
        lambda j: _pod(j).update(nodeName="n"),
        "nothing of the host's",
    ),
    "the files' group changed": (
        lambda j: _pod(j)["securityContext"].update(fsGroup=1),
        "nothing of the host's",
    ),
    "the priority of the system": (
        lambda j: _pod(j).update(priorityClassName="system-node-critical"),
        "nothing of the host's",
    ),
    "a port of the host": (
        lambda j: _container(j).update(ports=[{"containerPort": 80, "hostPort": 80}]),
        "nothing of the host's",
    ),
    "privileges": (
        lambda j: _confined(j).update(privileged=True, allowPrivilegeEscalation=True),
        "no privileges",
    ),
    "a capability": (
        lambda j: _confined(j)["capabilities"].update(add=["NET_ADMIN"]),
        "no privileges",
    ),
    "the usual capabilities": (lambda j: _confined(j).pop("capabilities"), "no privileges"),
    "escalation": (lambda j: _confined(j).pop("allowPrivilegeEscalation"), "no privileges"),
    "a writable root": (
        lambda j: _confined(j).update(readOnlyRootFilesystem=False),
        "no privileges",
    ),
    "no seccomp": (
        lambda j: _pod(j)["securityContext"].update(seccompProfile={"type": "Unconfined"}),
        "no privileges",
    ),
    "many pods": (lambda j: j["spec"].update(parallelism=50, completions=50), "one pod that ends"),
    "restarts": (lambda j: _pod(j).update(restartPolicy="OnFailure"), "one pod that ends"),
    "no end": (lambda j: _pod(j).pop("activeDeadlineSeconds"), "one pod that ends"),
    "no label": (lambda j: j["metadata"].update(labels={"a": "b"}), "Jobs of its own"),
}
"""Jobs that the operator's account must not be able to make."""


def _first_volume(change: Callable[[Object], object]) -> Callable[[Object], object]:
    return lambda j: change(_pod(j)["volumes"][0])


OF_STORES: dict[str, Callable[[Object], object]] = {
    "a claim beside the Secret": _volume({"persistentVolumeClaim": {"claimName": "acme"}}),
    "a whole Secret": _first_volume(lambda v: v["secret"].pop("items")),
    "another file": _first_volume(lambda v: v["secret"]["items"][0].update(path="x")),
    "two keys": _first_volume(
        lambda v: v["secret"]["items"].append({"key": "b", "path": "ca.crt"})
    ),
    "a token": _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
    "the host's files": _volume({"hostPath": {"path": "/"}}),
    "the Secret of a store for a directory's Job": lambda j: _container(j)["command"].__setitem__(
        1, "job"
    ),
}
"""Jobs of key stores that the operator's account must not be able to make."""


OF_STORE_BACKUPS: dict[str, Callable[[Object], object]] = {
    "the repository's Secret elsewhere": lambda j: _container(j)["volumeMounts"][1].update(
        mountPath="/connection/more"
    ),
    "a Secret to write to": lambda j: _container(j)["volumeMounts"][1].pop("readOnly"),
    "a claim": _volume({"persistentVolumeClaim": {"claimName": "acme"}}),
}
"""Jobs of key stores' backups that the operator's account must not be able to make."""


OF_BACKUPS: dict[str, Callable[[Object], object]] = {
    "a claim to write to": lambda j: _container(j)["volumeMounts"][0].pop("readOnly"),
    "the identity beside claims": lambda j: _container(j)["volumeMounts"].append(
        {"name": "s0", "mountPath": "/identity", "readOnly": True}
    ),
    "the identity in a directory of its own": lambda j: _container(j)["volumeMounts"].append(
        {"name": "s0", "mountPath": "/identity/key", "readOnly": True}
    ),
    "a directory of the host": lambda j: _pod(j)["volumes"].append(
        {"name": "h", "hostPath": {"path": "/"}}
    ),
    "a Secret for a scan": lambda j: _container(j).update(command=["baileys-janitor", "job", "{}"]),
}
"""Jobs of backups that the operator's account must not be able to make."""


def _fetcher(found: Object) -> Object:
    return _pod(found)["initContainers"][0]


def _mounted(found: Object, source: str) -> Object:
    """A mount of the first volume of a kind, which may be written to."""
    name = next(each["name"] for each in _pod(found)["volumes"] if source in each)
    return {"name": name, "mountPath": "/more"}


RESTORES: dict[str, tuple[Change, str]] = {
    "a Secret beside the claim": (
        lambda j: _container(j)["volumeMounts"].append(_mounted(j, "secret") | {"readOnly": True}),
        "claims alone",
    ),
    "the claim beside the Secrets": (
        lambda j: _fetcher(j)["volumeMounts"].append(_mounted(j, "persistentVolumeClaim")),
        "claims alone",
    ),
    "what was fetched to write to": (
        lambda j: _container(j)["volumeMounts"].append(_mounted(j, "emptyDir")),
        "claims alone",
    ),
    "a second claim": (_volume({"persistentVolumeClaim": {"claimName": "b"}}), "claims alone"),
    "a directory on the node's disk": (
        lambda j: _pod(j)["volumes"][-1].update(emptyDir={}),
        "claims alone",
    ),
    "a directory of the host": (_volume({"hostPath": {"path": "/"}}), "claims alone"),
    "a token": (
        _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
        "claims alone",
    ),
    "nothing that fetches": (lambda j: _pod(j).pop("initContainers"), "one container"),
    "two that fetch": (
        lambda j: _pod(j)["initContainers"].append(_fetcher(j) | {"name": "b"}),
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
        lambda j: _container(j)["command"].__setitem__(1, "job"),
        "one container",
    ),
}
"""Jobs that restore and that the operator's account must not be able to make."""


def _secret_of(found: Object) -> Object:
    secret: Object = next(each["secret"] for each in _pod(found)["volumes"] if "secret" in each)
    return secret


def _secret_mount(found: Object) -> Object:
    mount: Object = next(
        each for each in _container(found)["volumeMounts"] if each["mountPath"] == "/contact"
    )
    return mount


REPAIRS: dict[str, Change] = {
    "a second claim": _volume({"persistentVolumeClaim": {"claimName": "b"}}),
    "a second Secret": _volume({"secret": {"secretName": "b", "items": []}}),
    "no claim": lambda j: (_pod(j)["volumes"].pop(0), _container(j)["volumeMounts"].pop(0)),
    "no Secret": lambda j: (_pod(j)["volumes"].pop(1), _container(j)["volumeMounts"].pop(1)),
    "the whole Secret": lambda j: _secret_of(j).pop("items"),
    "another key": lambda j: _secret_of(j)["items"][0].update(key="identity"),
    "another file": lambda j: _secret_of(j)["items"][0].update(path="identity"),
    "a third key": lambda j: _secret_of(j)["items"].append({"key": "contact", "path": "contact"}),
    "the Secret elsewhere": lambda j: _secret_mount(j).update(mountPath="/identity"),
    "the Secret to write to": lambda j: _secret_mount(j).update(readOnly=False),
    "the Secret twice": lambda j: _container(j)["volumeMounts"].append(
        _secret_mount(j) | {"mountPath": "/contact/more"}
    ),
    "the host's files": _volume({"hostPath": {"path": "/"}}),
    "a token": _volume({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
    "the Secret for a cleanup": lambda j: _container(j)["command"].__setitem__(1, "job"),
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
    _pod(fetching)["initContainers"] = [_container(fetching) | {"name": "fetch"}]
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


def _operations() -> Iterator[Request]:
    """Who asks for an operation, with which verbs."""
    allowed = ("create", "get", "clean", "undo")
    for action in ACTIONS:
        body = {
            "metadata": {"generateName": "now-"},
            "spec": {"tenant": "acme", "action": action},
        }
        refused = "" if action.lower() in allowed else f"the verb {action.lower()} on"
        name = f"a person asks for {action}"
        yield Request(name, PERSON, "baileysoperations", body, refused, may=allowed)


OPERATIONS = {each.name: each for each in _operations()}
"""By name; a real API server knows the user's verbs itself."""
