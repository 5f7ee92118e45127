"""The Jobs that the operator makes, and the plain workloads of others, as requests carry them."""

from __future__ import annotations

import copy
from typing import Any

from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.run_as import RunAs
from tests.chart.rendering import NAMESPACE, only, render

Object = dict[str, Any]

IMAGE = only(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
SHOP = "shop"


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
        resources=container_in(found)["resources"],
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


def pod_in(found: Object) -> Object:
    return found["spec"]["template"]["spec"]


def container_in(found: Object) -> Object:
    return pod_in(found)["containers"][0]


def confinement_in(found: Object) -> Object:
    return container_in(found)["securityContext"]
