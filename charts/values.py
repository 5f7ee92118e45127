"""The chart's values: their names, types, defaults and meaning.

`charts/generate.py` writes values.yaml, values.schema.json and the table in the chart's README from these models. The
operator's own configuration is not repeated here: `config` is the operator's own model.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.notification_config import RUNBOOKS
from baileys_janitor.api.values.base import Model
from charts.checks import DIGEST, IMAGE, INTERVAL, OBJECT, REPOSITORY, SECRET_KEY, TAG

Object = dict[str, Any]
Labels = dict[str, str]
Name = Annotated[str, Field(min_length=1, max_length=253)]
OptionalName = Annotated[str, Field(max_length=253)]


class Image(Model):
    """The image of the operator, and of its Jobs unless `config.job.image` says otherwise."""

    repository: Annotated[str, Field(min_length=1, max_length=256, pattern=REPOSITORY)] = Field(
        default="baileys-janitor",
        description="Repository, with the registry before it. The default is published nowhere: build it.",
    )
    tag: Annotated[str, Field(max_length=128, pattern=TAG)] = Field(
        default="", description="Tag. Empty: the chart's appVersion."
    )
    digest: Annotated[str, Field(pattern=DIGEST)] = Field(
        default="", description="Digest, `sha256:...`; with it the tag is only for people to read."
    )
    pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = Field(
        default="", description="Pull policy. Empty: what Kubernetes chooses."
    )
    pull_secrets: list[Name] = Field(
        default_factory=list,
        description="Names of pull secrets. The Jobs use them too, so they must also exist in the tenants' "
        "namespaces, unless `config.job.imagePullSecrets` says otherwise.",
    )


class Crds(Model):
    """The BaileysTenant kind. Templated, so that an upgrade of the chart upgrades it."""

    enabled: bool = Field(
        default=True,
        description="Install and upgrade the CRD. false for a second installation in one cluster.",
    )
    keep: bool = Field(
        default=True,
        description="Keep the CRD, and with it every tenant, when the chart is uninstalled.",
    )


class JobPriorityClass(Model):
    """The PriorityClass of the Jobs. It never preempts: a scan must not evict a workload."""

    create: bool = Field(
        default=True,
        description="Create it; it is cluster-wide. Without it set `config.job.priorityClassName`, or the Jobs have "
        "the cluster's default priority.",
    )
    value: Annotated[int, Field(ge=-2_147_483_648, le=1_000_000_000)] = Field(
        default=-10,
        description="Priority. Below 0, so that any other workload may preempt a Job; not below -10, where "
        "the cluster autoscaler stops counting pods.",
    )


class ServiceAccount(Model):
    """The operator's identity for the API server. Jobs get no token."""

    create: bool = Field(default=True, description="Create it.")
    name: OptionalName = Field(
        default="",
        description="Its name. Empty: the release's full name, or `default` if not created.",
    )
    annotations: Labels = Field(default_factory=dict, description="Its annotations.")


class Rbac(Model):
    """The operator's rights; templates/rbac.yaml explains each rule."""

    create: bool = Field(default=True, description="Create the roles and bindings.")
    aggregate: bool = Field(
        default=True,
        description="Let the cluster's view, edit and admin roles see and edit tenants. Never with "
        "`watchNamespaces`: nothing is cluster-wide then.",
    )


ImageName = Annotated[str, Field(min_length=1, max_length=512, pattern=IMAGE)]


class Quiesce(Model):
    """Where the operator may stop workloads and start them again, for operations of the method `Scale`."""

    namespaces: Annotated[list[Name], Field(max_length=1000)] = Field(
        default_factory=list,
        description="Namespaces in which the operator may read Deployments and StatefulSets, and scale them. They must "
        "exist. The action must also be in `config.operations.allowed`.",
    )
    cluster_role: bool = Field(
        default=False,
        description="With `watchNamespaces`: grant the operator get and patch on the operations of all namespaces, and "
        "get on the named namespaces. Roles in a namespace are deleted with it, so without these rights one that is "
        "deleted while a workload in it is stopped waits until a finalizer is removed by hand.",
    )


class AdmissionPolicy(Model):
    """ValidatingAdmissionPolicies (Kubernetes 1.30 and later): nobody else may mark Jobs and pods as the janitor's,
    and the operator's account may make nothing but its own Jobs. docs/threat-model.md says what they stop."""

    enabled: bool = Field(
        default=True,
        description="Create them, where the cluster has them. They are cluster-wide.",
    )
    images: Annotated[list[ImageName], Field(max_length=20)] = Field(
        default_factory=list,
        description="Images that Jobs may have besides their own, such as the name by which a mutating webhook "
        "replaces it.",
    )


class PodDisruptionBudget(Model):
    """Keeps node drains from taking all replicas at once."""

    enabled: bool = Field(default=True, description="Create it.")
    max_unavailable: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="How many replicas may be away at a time."
    )


class NetworkPolicy(Model):
    """What may talk to the operator and to the Jobs' pods."""

    operator: bool = Field(
        default=True,
        description="Let only the ports for probes and metrics be reached on the operator's pods.",
    )
    metrics_from: list[Object] = Field(
        default_factory=list,
        description="Who may read the metrics, as peers of a NetworkPolicy, such as "
        '`[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]`. Empty: all.',
    )
    jobs: bool = Field(
        default=True,
        description="Deny all traffic of the Jobs' pods in each of `watchNamespaces`, and where drills run. An "
        "installation that watches all namespaces has it made by the operator, with `config.networkPolicy.manage`.",
    )

    databases: list[Object] = Field(
        default_factory=lambda: [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 5432, "protocol": "TCP"}, {"port": 6432, "protocol": "TCP"}]},
        ],
        description="Where the Jobs of key stores may connect to, as egress rules of a NetworkPolicy, in each of "
        "`watchNamespaces`: DNS, and the ports of PostgreSQL and PgBouncer anywhere. Name your database's address to "
        "narrow it. Empty: nothing is allowed.",
    )

    object_stores: list[Object] = Field(
        default_factory=lambda: [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 443, "protocol": "TCP"}]},
        ],
        description="The same for the Jobs of backups: DNS, and port 443 anywhere. Name your store's address and port "
        "to narrow it.",
    )


class Scraping(Model):
    """The shared settings of both monitors."""

    enabled: bool = Field(
        default=False,
        description="Create it. It needs the Prometheus operator's CRDs; of the two monitors choose one.",
    )
    labels: Labels = Field(
        default_factory=dict,
        description="Further labels, such as `release: kube-prometheus-stack`, by which your Prometheus selects it.",
    )
    interval: Annotated[str, Field(pattern=INTERVAL)] = Field(
        default="30s", description="Time between two scrapes. Empty: that of your Prometheus."
    )
    scrape_timeout: Annotated[str, Field(pattern=INTERVAL)] = Field(
        default="25s",
        description="Longest time of one; not above the interval. The first scrape of 10,000 tenants can take ten.",
    )


class ServiceMonitor(Scraping):
    """Has the Prometheus operator scrape every replica, by the Service's endpoints."""


class PodMonitor(Scraping):
    """The same without a Service in between."""


class PrometheusRule(Model):
    """The alerts of files/alerts.yaml for the Prometheus operator; docs/runbooks/README.md lists them."""

    enabled: bool = Field(
        default=False, description="Create it. It needs the Prometheus operator's CRDs."
    )
    labels: Labels = Field(
        default_factory=dict,
        description="Further labels by which your Prometheus selects it.",
    )
    runbook_base_url: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        default=RUNBOOKS,
        description="Where alerts link to: the runbook's name and .md follow. Messages link there too, unless "
        "`config.notifications.runbookBaseUrl` says otherwise.",
    )


class Dashboard(Model):
    """The Grafana dashboard of files/dashboard.json as a ConfigMap, for Grafana's sidecar that loads such."""

    enabled: bool = Field(default=False, description="Create it.")
    labels: Labels = Field(
        default_factory=lambda: {"grafana_dashboard": "1"},
        description="Labels by which the sidecar finds it.",
    )
    annotations: Labels = Field(
        default_factory=dict,
        description="Annotations, such as `grafana_folder: WhatsApp` for the folder it is shown in.",
    )


class CaBundle(Model):
    """Private CAs that notifications trust besides the public ones; see docs/notifications.md."""

    config_map: OptionalName = Field(
        default="",
        description="Name of a ConfigMap in the release's namespace that holds the CAs' certificates.",
    )
    secret: OptionalName = Field(
        default="", description="Name of a Secret that holds them, in place of a ConfigMap."
    )
    key: Annotated[str, Field(pattern=SECRET_KEY)] = Field(
        default="ca.crt",
        description="The key with the certificates in PEM. A change needs a restart.",
    )


class Notifications(Model):
    """Secrets of the notifications; `config.notifications` selects who is notified."""

    existing_secret: OptionalName = Field(
        default="",
        description="Name of a Secret in the release's namespace. Its keys are those that "
        "`config.notifications.channels` names; a change needs no restart.",
    )
    ca_bundle: CaBundle = CaBundle()


class NamedSecret(Model):
    """A pull secret, as pods name it."""

    name: Name = Field(description="Its name.")


class Global(Model):
    """What a parent chart shares with all its charts. Other fields are left to the other charts."""

    image_registry: Annotated[str, Field(max_length=256)] = Field(
        default="",
        description="Registry of the image, in place of the one in `image.repository`. `config.job.image` "
        "stays as it is.",
    )
    image_pull_secrets: list[Name | NamedSecret] = Field(
        default_factory=list,
        description="Pull secrets besides `image.pullSecrets`, by name or as `{name: ...}`; of the Jobs, too.",
    )


class Values(Model):
    """All values."""

    config: OperatorConfig = Field(
        default=OperatorConfig(),
        description="The operator's configuration: defaults of all tenants, the fleet's mode ceiling, the Jobs. "
        "What is unset has the operator's own default; the table below lists every field.",
    )
    watch_namespaces: Annotated[list[Name], Field(max_length=1000)] = Field(
        default_factory=list,
        description="Namespaces whose tenants are looked after. Empty: all. With a list the operator gets roles in "
        "these namespaces and no cluster-wide rights; they must exist.",
    )
    image: Image = Image()
    replicas: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2,
        description="Pods of the operator. One leads, the others take over within seconds.",
    )
    crds: Crds = Crds()
    job_priority_class: JobPriorityClass = JobPriorityClass()
    service_account: ServiceAccount = ServiceAccount()
    rbac: Rbac = Rbac()
    quiesce: Quiesce = Quiesce()
    admission_policy: AdmissionPolicy = AdmissionPolicy()
    network_policy: NetworkPolicy = NetworkPolicy()
    pod_disruption_budget: PodDisruptionBudget = PodDisruptionBudget()
    service_monitor: ServiceMonitor = ServiceMonitor()
    pod_monitor: PodMonitor = PodMonitor()
    prometheus_rule: PrometheusRule = PrometheusRule()
    dashboard: Dashboard = Dashboard()
    notifications: Notifications = Notifications()
    resources: Object = Field(
        default={
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        description="Resources of the operator's pods. 10,000 tenants need about 200 MiB.",
    )
    priority_class_name: OptionalName = Field(
        default="", description="PriorityClass of the operator's pods."
    )
    node_selector: Labels = Field(
        default={"kubernetes.io/os": "linux"},
        description="Labels of nodes for the operator's pods.",
    )
    tolerations: list[Object] = Field(
        default_factory=list, description="Tolerations of the operator's pods."
    )
    affinity: Object = Field(default_factory=dict, description="Affinity of the operator's pods.")
    topology_spread_constraints: list[Object] | None = Field(
        default=None,
        description="Topology spread of the operator's pods. null: over nodes and zones, as far as possible.",
    )
    pod_labels: Labels = Field(
        default_factory=dict, description="Further labels of the operator's pods."
    )
    pod_annotations: Labels = Field(
        default_factory=dict, description="Further annotations of the operator's pods."
    )
    pod_security_context: Object = Field(
        default={
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        description="Security context of the operator's pods. On OpenShift set runAsUser and runAsGroup to null.",
    )
    security_context: Object = Field(
        default={
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        description="Security context of the operator's container.",
    )
    env: list[Object] = Field(
        default_factory=list,
        description="Further environment variables of the operator, such as HTTPS_PROXY, by which notifications are "
        "sent. Requests to the API server go directly, unless BAILEYS_JANITOR_API_PROXY names a proxy for them.",
    )
    env_from: list[Object] = Field(
        default_factory=list,
        description="ConfigMaps and Secrets whose keys become environment variables of the operator.",
    )
    extra_volumes: list[Object] = Field(
        default_factory=list, description="Further volumes of the operator's pods."
    )
    extra_volume_mounts: list[Object] = Field(
        default_factory=list,
        description="Where the operator's container mounts further volumes. Its root is read-only.",
    )
    extra_containers: list[Object] = Field(
        default_factory=list, description="Further containers of the operator's pods."
    )
    extra_init_containers: list[Object] = Field(
        default_factory=list, description="Containers that run before the operator's."
    )
    host_aliases: list[Object] = Field(
        default_factory=list, description="Entries of the operator's pods' /etc/hosts."
    )
    dns_policy: Literal["", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] = Field(
        default="",
        description="DNS policy of the operator's pods. Empty: that of Kubernetes, ClusterFirst.",
    )
    dns_config: Object = Field(
        default_factory=dict, description="DNS configuration of the operator's pods."
    )
    runtime_class_name: OptionalName = Field(
        default="", description="RuntimeClass of the operator's pods."
    )
    scheduler_name: OptionalName = Field(
        default="", description="Scheduler of the operator's pods. Empty: the cluster's default."
    )
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=3600)] = Field(
        default=30, description="How long the operator has to stop; it needs a second or two."
    )
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        default=3, description="Old ReplicaSets that are kept to roll back to."
    )
    deployment_annotations: Labels = Field(
        default_factory=dict,
        description="Annotations of the operator's Deployment, such as those of a reloader.",
    )
    common_labels: Labels = Field(
        default_factory=dict, description="Further labels of every object of the chart."
    )
    name_override: Annotated[str, Field(max_length=63, pattern=OBJECT)] = Field(
        default="", description="In place of the chart's name."
    )
    fullname_override: Annotated[str, Field(max_length=63, pattern=OBJECT)] = Field(
        default="", description="In place of the release's full name."
    )
    global_: Global = Field(default=Global(), alias="global")
