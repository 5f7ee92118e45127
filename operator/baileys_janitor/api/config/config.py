"""The operator's own configuration: the YAML file in `--config`.

The chart renders it from its values. Every field has a default, so no file at all is a valid configuration. The
settings that tenants may override are under `defaults`, with the same names as in the resource's spec; the built-in
defaults beneath them are in `defaults.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from baileys_janitor.api.backup.backup_spec import BackupConfig
from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.api.operations.spec import ACTIONS, BY_DEFAULT, Action
from baileys_janitor.api.spec import FleetSettings
from baileys_janitor.api.spec_groups import Mode
from baileys_janitor.api.values.base import Model
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.quantities import Quantity

Name = Annotated[str, Field(min_length=1, max_length=253)]


class JobPods(Model):
    """The Jobs' pods, as far as a tenant may not choose."""

    image: Annotated[str, Field(max_length=512)] = Field(
        default="", description="Image of the Jobs. Empty: the operator's own image."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="Pull policy of the image. Unset: what Kubernetes chooses."
    )
    image_pull_secrets: list[Name] = Field(
        default_factory=list,
        description="Names of the pull secrets; they must exist in the tenants' namespaces, unless "
        "pullSecrets.copy is set.",
    )
    priority_class_name: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="PriorityClass of the Jobs; with preemptionPolicy Never, so that a scan never "
        "evicts a workload. Empty: the cluster's default.",
    )
    node_selector: dict[str, str] = Field(
        default_factory=dict,
        description="Labels that a Job's node must have, besides kubernetes.io/os=linux.",
    )
    tolerations: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Tolerations of the Jobs, besides those of the pod that uses the claim.",
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Further labels of Jobs and their pods."
    )
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Further annotations of Jobs and their pods."
    )
    deadline_seconds: Annotated[int, Field(ge=10, le=3600)] = Field(
        default=60,
        description="How long a Job's pod may run; it must leave quickly when others want the node.",
    )
    pending_timeout: Annotated[Duration, Between("10s", "1d")] = Field(
        default=Duration("5m"),
        description="How long a Job's pod may stay pending before it is given up.",
    )
    ttl: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("1d"),
        description="When Kubernetes deletes a finished Job that the operator did not; a backstop. A scan goes after "
        "ten minutes at most.",
    )


MOST_SHARDS = 16
"""Each replica watches all Leases, and few fleets need more than three."""


class Limits(Model):
    """How much the operator asks of the cluster at a time."""

    jobs_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=50,
        description="Jobs that exist and are not finished, in the whole cluster. For Emergency and requested "
        "cleanups half as many are allowed besides, here and in the other limits.",
    )
    pending_pods: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description="Jobs' pods that wait for a node, in the whole cluster."
    )
    jobs_in_flight_per_namespace: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20,
        description="Of these, Jobs of one namespace: what goes wrong in one never holds up the others.",
    )
    pending_pods_per_namespace: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="Jobs' pods of one namespace that wait for a node."
    )
    tenants_per_scan: Annotated[int, Field(ge=1, le=25)] = Field(
        default=25,
        description="Tenants of one namespace, node and identity that one scan Job looks at, or whose creds.json one "
        "Job copies. 1: every tenant has a pod of its own.",
    )


class DiskPressure(Model):
    """When a volume is called full. A full disk truncates creds.json."""

    free_bytes: Quantity = Field(
        default="64Mi",
        description="Below this much free space, or below a tenth of a volume on small ones.",
    )
    free_inodes: Annotated[int, Field(ge=0)] = Field(
        default=1000, description="Below this many free inodes."
    )


class CircuitBreaker(Model):
    """Holds automatic cleanups when many runs in a short time remove abnormally much.

    Each namespace has a breaker of its own. The fleet's opens when those of three namespaces are open, or of all.
    """

    enabled: bool = Field(default=True, description="false: never hold.")
    window: Annotated[Duration, Between("1m", "7d")] = Field(
        default=Duration("1h"), description="How far back runs are looked at."
    )
    percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=40,
        description="A run is abnormal when it removed at least this share of a tenant's files.",
    )
    runs: Annotated[int, Field(ge=2, le=100_000)] = Field(
        default=10,
        description="So many abnormal runs of a namespace within the window open its breaker. Requested ones do "
        "not count.",
    )
    hold: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("6h"),
        description="How long automatic cleanups then wait. Requested ones do not, and an Emergency one "
        "removes a quarter of what it may otherwise.",
    )


class LeaderElection(Model):
    """Several operators, one at a time: who acts is settled by a Lease."""

    enabled: bool | None = Field(
        default=None,
        description="Unset: in a cluster, that is where POD_NAME and the namespace are known.",
    )
    name: Name = Field(default="baileys-janitor", description="Name of the Lease.")
    namespace: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Namespace of the Lease. Empty: the operator's own."
    )
    duration: Annotated[Duration, Between("3s", "5m")] = Field(
        default=Duration("15s"),
        description="How long a leader that is not heard of still counts as alive. An API server may take up to "
        "half of this, less renewInterval, to answer a renewal.",
    )
    renew_interval: Annotated[Duration, Between("1s", "1m")] = Field(
        default=Duration("3s"),
        description="How often the leader renews. One that could not until this long before the end of "
        "the duration stops acting.",
    )

    @model_validator(mode="after")
    def _renews_in_time(self) -> LeaderElection:
        if self.renew_interval.seconds * 3 > self.duration.seconds:
            raise PydanticCustomError(
                "too_slow",
                "renews less than three times within its duration: lower renewInterval or raise duration",
            )
        return self


class Probes(Model):
    """Where the kubelet asks after the operator's health: `/healthz` and `/readyz`."""

    enabled: bool | None = Field(
        default=None, description="Unset: in a cluster, that is where POD_NAME is known."
    )
    address: Annotated[str, Field(max_length=253)] = Field(
        default="", description="Address to listen on. Empty: all, IPv4 and IPv6."
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        default=8080, description="TCP port to listen on."
    )


class Metrics(Model):
    """What Prometheus scrapes: `/metrics`, on a port of its own."""

    enabled: bool | None = Field(
        default=None, description="Unset: in a cluster, that is where POD_NAME is known."
    )
    address: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="Address to listen on. Empty: all, IPv4 and IPv6. 127.0.0.1 closes the metrics to other pods: "
        "only a container of the same pod, and a port-forward, can read them.",
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        default=9090, description="TCP port to listen on; not the probes'."
    )
    per_tenant: Literal["Full", "Brief", "None"] = Field(
        default="Full",
        description="Series of each tenant. Full: all, about thirty. Brief: what the alerts need, about five. "
        "None: only what is counted over all tenants.",
    )


class NetworkPolicy(Model):
    """The NetworkPolicy that denies the Jobs' pods all traffic."""

    manage: bool = Field(
        default=False,
        description="true: the operator creates it in every namespace before its first Job there.",
    )
    databases: list[dict[str, Any]] = Field(
        default_factory=lambda: [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 5432, "protocol": "TCP"}, {"port": 6432, "protocol": "TCP"}]},
        ],
        description="With manage: where the Jobs of key stores may connect to, as egress rules of a NetworkPolicy. "
        "Empty: nothing is allowed.",
    )
    object_stores: list[dict[str, Any]] = Field(
        default_factory=lambda: [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 443, "protocol": "TCP"}]},
        ],
        description="With manage: where the Jobs of backups may connect to, as egress rules of a NetworkPolicy. "
        "Empty: nothing is allowed.",
    )


class PullSecrets(Model):
    """The pull secrets of the Jobs' image in the tenants' namespaces."""

    copy_: bool = Field(
        default=False,
        alias="copy",
        description="true: the operator copies those of job.imagePullSecrets from its own namespace "
        "before its first Job, and keeps the copies current.",
    )


class KeyStores(Model):
    """Databases that hold the keys of many sessions: BaileysKeyStore."""

    enabled: bool = Field(
        default=True,
        description="false: none is looked after. The same where the cluster does not have their CRD.",
    )


class OperationHistory(Model):
    """How long operations that are over are kept. Whichever comes first ends it."""

    keep: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=20, description="Operations of one tenant that are over and kept."
    )
    max_age: Annotated[Duration, Between("1h", "3650d")] = Field(
        default=Duration("30d"), description="How long one that is over is kept."
    )


class Operations(Model):
    """What can be asked for by BaileysOperation. Who may create one is settled by roles."""

    enabled: bool = Field(
        default=True,
        description="false: none is carried out. The same where the cluster does not have their CRD.",
    )
    allowed: Annotated[list[Action], Field(max_length=len(ACTIONS))] = Field(
        default_factory=lambda: list(BY_DEFAULT),
        description="Actions that are carried out. What is not listed fails, whoever asks for it.",
    )
    history: OperationHistory = Field(
        default=OperationHistory(),
        description="How long operations that are over are kept. Whichever comes first ends it.",
    )


class TenantSets(Model):
    """Tenants that are created by the operator: BaileysTenantSet."""

    enabled: bool = Field(
        default=False,
        description="true: sets are looked after. The operator then has the right to create, change and delete "
        "BaileysTenants.",
    )


class Events(Model):
    """Kubernetes Events on the tenants, for `kubectl describe`."""

    enabled: bool = Field(
        default=True, description="false: none are written. docs/events.md lists their reasons."
    )


class Logging(Model):
    """What the operator writes to its log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="The least important lines that are written. info: every decision; debug: every Job.",
    )
    format: Literal["text", "json"] = Field(
        default="text",
        description="text: lines for a console. json: one object a line. docs/logs.md lists the fields.",
    )


class OperatorConfig(Model):
    """The operator's configuration."""

    defaults: FleetSettings = Field(
        default=FleetSettings(),
        description="Settings of every tenant that does not set them itself.",
    )
    mode_ceiling: Mode = Field(
        default="Enforce",
        description="The most that any tenant's mode may do: Observe, DryRun or Enforce.",
    )
    watch_namespaces: list[Name] = Field(
        default_factory=list, description="Namespaces to watch. Empty: all of them."
    )
    job: JobPods = Field(
        default=JobPods(),
        description="The Jobs' pods, as far as a tenant may not choose.",
    )
    limits: Limits = Field(
        default=Limits(),
        description="How much the operator asks of the cluster at a time.",
    )
    daily_jitter: Annotated[Duration, Between("0s", "12h")] = Field(
        default=Duration("30m"),
        description="Daily cleanups are spread over this long, each tenant always at the same place.",
    )
    session_inactive_after: Annotated[Duration, Between("1h", "365d")] = Field(
        default=Duration("7d"),
        description="Without traffic for longer, a session is called inactive.",
    )
    disk_pressure: DiskPressure = Field(
        default=DiskPressure(), description="When a volume is called full."
    )
    circuit_breaker: CircuitBreaker = Field(
        default=CircuitBreaker(),
        description="Holds automatic cleanups where many runs remove abnormally much.",
    )
    status_interval: Annotated[Duration, Between("1m", "1d")] = Field(
        default=Duration("30m"),
        description="How often a status is written when nothing in it changed materially.",
    )
    scan_unused_claims_every: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("24h"),
        description="How often a claim is scanned that no running pod uses; it cannot change.",
    )
    leader_election: LeaderElection = Field(
        default=LeaderElection(),
        description="Several operators, one at a time: who acts is settled by a Lease.",
    )
    shards: Annotated[int, Field(ge=1, le=MOST_SHARDS)] = Field(
        default=1,
        description="Into how many shards the fleet is divided, by a hash of the namespace. Each is looked after by "
        "one replica, and the replicas share them evenly. 1: one replica looks after all.",
    )
    probes: Probes = Field(
        default=Probes(), description="Where the kubelet asks after the operator's health."
    )
    metrics: Metrics = Field(default=Metrics(), description="What Prometheus scrapes.")
    network_policy: NetworkPolicy = Field(
        default=NetworkPolicy(),
        description="The NetworkPolicy that denies the Jobs' pods all traffic.",
    )
    pull_secrets: PullSecrets = Field(
        default=PullSecrets(),
        description="The pull secrets of the Jobs' image in the tenants' namespaces.",
    )
    key_stores: KeyStores = Field(
        default=KeyStores(), description="Databases that hold the keys of many sessions."
    )
    tenant_sets: TenantSets = Field(
        default=TenantSets(), description="Tenants that the operator creates by itself."
    )
    backup: BackupConfig = Field(
        default=BackupConfig(), description="Backups, as far as a tenant may not choose."
    )
    operations: Operations = Field(
        default=Operations(), description="What can be asked for by BaileysOperation."
    )
    events: Events = Field(
        default=Events(), description="Kubernetes Events on the tenants, for `kubectl describe`."
    )
    notifications: Notifications = Field(
        default=Notifications(), description="Who is told what, where and how often."
    )
    logging: Logging = Field(default=Logging(), description="What the operator writes to its log.")

    @model_validator(mode="after")
    def _ports_differ(self) -> OperatorConfig:
        if self.metrics.port == self.probes.port and False not in (
            self.metrics.enabled,
            self.probes.enabled,
        ):
            raise PydanticCustomError(
                "same_port",
                "metrics.port and probes.port are the same: choose another one for either",
            )
        return self
