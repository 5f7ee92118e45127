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
    """Settings of the Jobs' pods that a tenant cannot change."""

    image: Annotated[str, Field(max_length=512)] = Field(
        default="", description="Image of the Jobs. Empty: the operator's own image."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="Pull policy of the image. Unset: the default of Kubernetes."
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
        description="Maximum run time of a Job's pod, so that it soon frees the node for others.",
    )
    pending_timeout: Annotated[Duration, Between("10s", "1d")] = Field(
        default=Duration("5m"),
        description="How long a Job's pod may stay pending before the Job is deleted.",
    )
    ttl: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("1d"),
        description="When Kubernetes deletes a finished Job that the operator has not deleted. A Job of a scan "
        "is deleted after ten minutes at most.",
    )


MOST_SHARDS = 16
"""Each replica watches all Leases, and few fleets need more than three."""


class Limits(Model):
    """Limits on the operator's Jobs and requests."""

    jobs_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=50,
        description="Maximum unfinished Jobs in the whole cluster. Emergency and requested cleanups may add half "
        "as many, here and in the other limits.",
    )
    pending_pods: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description="Maximum pods of Jobs that wait for a node, in the whole cluster."
    )
    jobs_in_flight_per_namespace: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20,
        description="Maximum unfinished Jobs of one namespace, so that a fault in one never blocks the others.",
    )
    pending_pods_per_namespace: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="Maximum pods of Jobs of one namespace that wait for a node."
    )
    tenants_per_scan: Annotated[int, Field(ge=1, le=25)] = Field(
        default=25,
        description="Maximum tenants of one namespace, node and identity that share a Job, for scans and for "
        "copies of creds.json. 1: every tenant has a pod of its own.",
    )


class DiskPressure(Model):
    """When a volume counts as full. A full disk truncates creds.json."""

    free_bytes: Quantity = Field(
        default="64Mi",
        description="A volume counts as full below this much free space; a small volume, below a tenth of its "
        "size.",
    )
    free_inodes: Annotated[int, Field(ge=0)] = Field(
        default=1000, description="A volume counts as full below this many free inodes."
    )


class CircuitBreaker(Model):
    """Holds automatic cleanups when many runs in a short time remove abnormally many files.

    Each namespace has a breaker of its own. The fleet's opens when those of three namespaces are open, or of all.
    """

    enabled: bool = Field(default=True, description="false: automatic cleanups are never held.")
    window: Annotated[Duration, Between("1m", "7d")] = Field(
        default=Duration("1h"), description="The window in which runs are counted."
    )
    percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=40,
        description="A run is abnormal when it removed at least this share of a tenant's files.",
    )
    runs: Annotated[int, Field(ge=2, le=100_000)] = Field(
        default=10,
        description="Number of abnormal runs of a namespace within the window that opens its breaker. Requested "
        "runs do not count.",
    )
    hold: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("6h"),
        description="How long automatic cleanups then wait. Requested cleanups do not wait; an Emergency cleanup "
        "runs with a quarter of its usual limit.",
    )


class LeaderElection(Model):
    """Leader election between several replicas, by a Lease."""

    enabled: bool | None = Field(
        default=None,
        description="Whether to use a Lease. Unset: yes if POD_NAME and the namespace are known, as in a cluster.",
    )
    name: Name = Field(default="baileys-janitor", description="Name of the Lease.")
    namespace: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Namespace of the Lease. Empty: the operator's own."
    )
    duration: Annotated[Duration, Between("3s", "5m")] = Field(
        default=Duration("15s"),
        description="How long a Lease is valid after its last renewal. An API server may take up to half of "
        "this, less renewInterval, to answer a renewal.",
    )
    renew_interval: Annotated[Duration, Between("1s", "1m")] = Field(
        default=Duration("3s"),
        description="How often the leader renews the Lease. A leader that has not renewed it this long before "
        "its end stops acting.",
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
    """Health endpoints for the kubelet: `/healthz` and `/readyz`."""

    enabled: bool | None = Field(
        default=None,
        description="Whether they are served. Unset: yes if POD_NAME is known, as in a cluster.",
    )
    address: Annotated[str, Field(max_length=253)] = Field(
        default="", description="Address to listen on. Empty: all, IPv4 and IPv6."
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        default=8080, description="TCP port to listen on."
    )


class Metrics(Model):
    """Metrics endpoint for Prometheus: `/metrics`, on a port of its own."""

    enabled: bool | None = Field(
        default=None,
        description="Whether they are served. Unset: yes if POD_NAME is known, as in a cluster.",
    )
    address: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="Address to listen on. Empty: all, IPv4 and IPv6. 127.0.0.1 closes the metrics to other pods: "
        "only a container of the same pod, and a port-forward, can read them.",
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        default=9090,
        description="TCP port to listen on; it must differ from the port of the probes.",
    )
    per_tenant: Literal["Full", "Brief", "None"] = Field(
        default="Full",
        description="Series of each tenant. Full: all, about thirty. Brief: those that the alerts need, about "
        "five. None: only totals over all tenants.",
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
        description="false: key stores are ignored, as in a cluster without their CRD.",
    )


class OperationHistory(Model):
    """How many finished operations are kept, and how long. The limit that is reached first applies."""

    keep: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=20, description="Maximum finished operations of one tenant to keep."
    )
    max_age: Annotated[Duration, Between("1h", "3650d")] = Field(
        default=Duration("30d"), description="How long a finished operation is kept."
    )


class Operations(Model):
    """BaileysOperations that the operator runs. Roles decide who may create one."""

    enabled: bool = Field(
        default=True,
        description="false: no operation runs, as in a cluster without their CRD.",
    )
    allowed: Annotated[list[Action], Field(max_length=len(ACTIONS))] = Field(
        default_factory=lambda: list(BY_DEFAULT),
        description="Allowed actions. An operation with any other action fails.",
    )
    history: OperationHistory = Field(
        default=OperationHistory(),
        description="How many finished operations are kept, and how long. The limit that is reached first "
        "applies.",
    )


class TenantSets(Model):
    """Sets of tenants that the operator creates: BaileysTenantSet."""

    enabled: bool = Field(
        default=False,
        description="true: the operator reconciles sets. It then has the right to create, change and delete "
        "BaileysTenants.",
    )


class Events(Model):
    """Kubernetes Events on the tenants, for `kubectl describe`."""

    enabled: bool = Field(
        default=True,
        description="false: no Events are written. docs/events.md lists their reasons.",
    )


class Logging(Model):
    """The operator's log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Minimum level of the lines that are written. info: every decision; debug: every Job.",
    )
    format: Literal["text", "json"] = Field(
        default="text",
        description="text: lines for a console. json: one object per line. docs/logs.md lists the fields.",
    )


class OperatorConfig(Model):
    """The operator's configuration."""

    defaults: FleetSettings = Field(
        default=FleetSettings(),
        description="Settings of tenants that do not set them.",
    )
    mode_ceiling: Mode = Field(
        default="Enforce",
        description="Upper limit of every tenant's mode: Observe, DryRun or Enforce.",
    )
    watch_namespaces: list[Name] = Field(
        default_factory=list, description="Namespaces to watch. Empty: all of them."
    )
    job: JobPods = Field(
        default=JobPods(),
        description="Settings of the Jobs' pods that a tenant cannot change.",
    )
    limits: Limits = Field(
        default=Limits(),
        description="Limits on the operator's Jobs and requests.",
    )
    daily_jitter: Annotated[Duration, Between("0s", "12h")] = Field(
        default=Duration("30m"),
        description="Daily cleanups are spread over this period, with a fixed delay for each tenant.",
    )
    session_inactive_after: Annotated[Duration, Between("1h", "365d")] = Field(
        default=Duration("7d"),
        description="A session without traffic for longer than this is reported as inactive.",
    )
    disk_pressure: DiskPressure = Field(
        default=DiskPressure(), description="When a volume counts as full."
    )
    circuit_breaker: CircuitBreaker = Field(
        default=CircuitBreaker(),
        description="Holds automatic cleanups when many runs remove abnormally many files.",
    )
    status_interval: Annotated[Duration, Between("1m", "1d")] = Field(
        default=Duration("30m"),
        description="How often a status without material changes is written.",
    )
    scan_unused_claims_every: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("24h"),
        description="Scan interval of a claim that no running pod uses, and that therefore cannot change.",
    )
    leader_election: LeaderElection = Field(
        default=LeaderElection(),
        description="Leader election between several replicas, by a Lease.",
    )
    shards: Annotated[int, Field(ge=1, le=MOST_SHARDS)] = Field(
        default=1,
        description="Number of shards that the fleet is divided into, by a hash of the namespace. Each shard has "
        "one replica at a time, and the replicas share the shards evenly. 1: one replica reconciles "
        "all tenants.",
    )
    probes: Probes = Field(default=Probes(), description="Health endpoints for the kubelet.")
    metrics: Metrics = Field(default=Metrics(), description="Metrics endpoint for Prometheus.")
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
        default=TenantSets(), description="Sets of tenants that the operator creates."
    )
    backup: BackupConfig = Field(
        default=BackupConfig(), description="Settings of backups that a tenant cannot change."
    )
    operations: Operations = Field(
        default=Operations(), description="BaileysOperations that the operator runs."
    )
    events: Events = Field(
        default=Events(), description="Kubernetes Events on the tenants, for `kubectl describe`."
    )
    notifications: Notifications = Field(
        default=Notifications(),
        description="Channels and routes of notifications, and how often they are sent.",
    )
    logging: Logging = Field(default=Logging(), description="The operator's log.")

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
