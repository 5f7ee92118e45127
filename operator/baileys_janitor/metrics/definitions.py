"""The operator's own metrics, each with its meaning. The metrics of the tenants are in `tenants`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from baileys_janitor.api.config.config import MOST_SHARDS
from baileys_janitor.api.operations.spec import ACTIONS as OPERATION_ACTIONS
from baileys_janitor.api.operations.status import ENDED, Phase
from baileys_janitor.api.status import CleanupReason
from baileys_janitor.job.result import OUTCOMES
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.status.changes import CRASH_SITES
from baileys_janitor.tenants.directory_faults import DIRECTORY
from baileys_janitor.tenants.fault import OF_CLAIMS


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric: its full name, type, meaning, labels, and the maximum number of its series in a process.

    `most` is None if others determine the number, such as the status codes of an API server.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    most: int | None = 1


REASONS = (
    OF_CLAIMS
    | DIRECTORY.keys()
    | frozenset(
        {
            *(
                "WaitingForFirstConsumer",
                "JobRefused",
                "PodRefused",
                "Unschedulable",
                "ImagePullFailed",
            ),
            *(
                "ContainerRefused",
                "VolumeNotMounted",
                "JobDeadline",
                "JobEvicted",
                "JobOutOfMemory",
            ),
            *(
                "JobKilled",
                "JobFailed",
                "JobStuck",
                "JobSuspended",
                "SecretMissing",
                "SecretKeyMissing",
                "ResultUnreadable",
                "InvalidSpec",
                "InternalError",
            ),
            *("SystemError", "LockLost", "Interrupted", "DeadlineReached", "BadTask", "Unexpected"),
            *("MemoryError", "DuplicateDirectory", "Parted"),
        }
    )
)
"""Reasons that metrics distinguish. A result can contain any word of the right form: all others count as `OTHER`."""

WHY = get_args(CleanupReason)
ENDINGS = (*OUTCOMES, KILLED)
ASKED, OVER = OPERATION_ACTIONS, ("Completed", "Failed", "RolledBack")
UNDER_WAY = tuple(phase for phase in get_args(Phase) if phase not in ENDED)
"""Phases of operations that are not over."""
ACTIONS = ("scan", "clean", "purge", "keep", "undo")
OTHER = "other"
"""Replaces a word that is in none of these lists, such as one from a Job of a later version."""
UNTOLD = "unknown"
"""The kind of removed files that the result had no room to list by kind."""
JOB_BUCKETS_SECONDS = (1.0, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Buckets of a Job's duration: it takes about three seconds on an idle node, and a minute is its deadline."""
NOTIFIED = ("sent", "failed")
BREAKERS = 50
"""Maximum number of namespaces reported as held."""
STOPPED_MOST = 50
"""Maximum number of workloads reported as stopped."""
OLDEST_MOST = 50
"""Maximum number of operations reported as not over."""
CHANNELS = 20
"""The maximum number of channels in the configuration."""
UNANSWERED = "<error>"
"""The code of a request without an answer, as in client-go's own metric."""

BUILD_INFO = Definition(
    "baileys_janitor_build_info", "gauge", "Always 1; the operator's version.", ("version",)
)
LEADER = Definition(
    "baileys_janitor_leader", "gauge", "1 while this operator acts, 0 while it stands by."
)
SHARD_HELD = Definition(
    "baileys_janitor_shard_held",
    "gauge",
    "1 for each shard that this operator looks after, 0 for each other one; without samples where `shards` is 1.",
    ("shard",),
    most=MOST_SHARDS,
)
TENANTS = Definition(
    "baileys_janitor_tenants",
    "gauge",
    "Tenants at each level.",
    ("level",),
    most=5,
)
QUEUE_DEPTH = Definition(
    "baileys_janitor_queue_depth",
    "gauge",
    "Tenants for which something is due and has not begun; most wait for room among the Jobs.",
)
LAG = Definition(
    "baileys_janitor_scheduling_lag_seconds",
    "gauge",
    "For how long work has been due for the tenant that has waited longest.",
)
JOBS = Definition(
    "baileys_janitor_jobs_in_flight", "gauge", "Jobs that exist and are not finished."
)
PODS = Definition(
    "baileys_janitor_pods_pending", "gauge", "Jobs under way whose pod does not run yet."
)
HELD = Definition(
    "baileys_janitor_circuit_breaker_open",
    "gauge",
    "1 while automatic cleanups are held in all namespaces because many removed abnormally much, else 0.",
)
HELD_NAMESPACES = Definition(
    "baileys_janitor_circuit_breaker_namespace_open",
    "gauge",
    f"1 for each namespace whose cleanups removed abnormally much, so that its automatic ones are held; {BREAKERS} "
    "namespaces at most.",
    ("namespace",),
    most=BREAKERS,
)
STOPPED = Definition(
    "baileys_janitor_workload_resume_overdue_seconds",
    "gauge",
    "For how long a workload that an operation has stopped should have been started again; 0 while it may be stopped. "
    f"{STOPPED_MOST} workloads at most.",
    ("namespace", "tenant", "workload"),
    most=STOPPED_MOST,
)
ACTIVE = Definition(
    "baileys_janitor_operations_active",
    "gauge",
    "Operations that are not over, by what is asked for and their phase.",
    ("action", "phase"),
    most=(len(ASKED) + 1) * len(UNDER_WAY),
)
ACTIVE_SINCE = Definition(
    "baileys_janitor_operation_age_seconds",
    "gauge",
    "For how long an operation that is not over has waited for its turn, or since it was begun. The oldest one of a "
    f"tenant for each action and phase, {OLDEST_MOST} at most.",
    ("namespace", "tenant", "action", "phase"),
    most=OLDEST_MOST,
)
CRASHES = Definition(
    "baileys_janitor_internal_errors_total",
    "counter",
    "Exceptions that nobody foresaw, by where they were met. Each is in the log; a tenant that one is about has "
    "Ready False with InternalError.",
    ("site",),
    most=len(CRASH_SITES) + 1,
)
CLEANUPS = Definition(
    "baileys_janitor_cleanups_total",
    "counter",
    "Cleanups that are over, by why they ran and how they ended.",
    ("reason", "outcome"),
    most=(len(WHY) + 1) * (len(ENDINGS) + 1),
)
OPERATIONS = Definition(
    "baileys_janitor_operations_total",
    "counter",
    "Operations that are over, by what was asked for and how they ended: Completed, Failed or RolledBack.",
    ("action", "outcome"),
    most=(len(ASKED) + 1) * len(OVER),
)
REMOVED = Definition(
    "baileys_janitor_files_removed_total",
    "counter",
    "Files that cleanups moved to the trash, by kind of file.",
    ("file_type",),
    most=len(KINDS) + 1,
)
FREED = Definition(
    "baileys_janitor_freed_bytes_total",
    "counter",
    "Size of the files that cleanups moved to the trash.",
)
DURATION = Definition(
    "baileys_janitor_job_duration_seconds",
    "histogram",
    "Time from a Job's creation until its result was taken in or its failure noticed.",
    ("action",),
    most=(len(ACTIONS) + 1) * (len(JOB_BUCKETS_SECONDS) + 3),
)
MEMBERS = Definition(
    "baileys_janitor_job_tenants_total",
    "counter",
    "Tenants that ended Jobs were for; divided by the Jobs, how many share one.",
    ("action",),
    most=len(ACTIONS) + 1,
)
FAILURES = Definition(
    "baileys_janitor_job_failures_total",
    "counter",
    "Jobs that brought no result, by the reason that the tenants' Ready condition has.",
    ("action", "reason"),
    most=(len(ACTIONS) + 1) * (len(REASONS) + 1),
)
REQUESTS = Definition(
    "baileys_janitor_api_requests_total",
    "counter",
    f"Requests to the API server, watches excepted, by verb and HTTP status code ({UNANSWERED}: no answer).",
    ("verb", "code"),
    most=None,
)

NOTIFICATIONS = Definition(
    "baileys_janitor_notifications_total",
    "counter",
    "Messages to a channel of the configuration: sent, or failed after all attempts of a round. What failed is kept "
    "and sent later.",
    ("channel", "outcome"),
    most=len(NOTIFIED) * CHANNELS,
)

FAILING = Definition(
    "baileys_janitor_notification_channel_failing",
    "gauge",
    "1 while a channel of the configuration cannot be used, or the last message to it did not arrive.",
    ("channel",),
    most=CHANNELS,
)

LEADERS_ONLY = (
    TENANTS,
    QUEUE_DEPTH,
    LAG,
    JOBS,
    PODS,
    HELD,
    HELD_NAMESPACES,
    STOPPED,
    ACTIVE,
    ACTIVE_SINCE,
)
"""Gauges that are computed from the records of all tenants: a standby has no samples of them."""
DEFINITIONS = (
    BUILD_INFO,
    LEADER,
    SHARD_HELD,
    *LEADERS_ONLY,
    CLEANUPS,
    OPERATIONS,
    REMOVED,
    FREED,
    DURATION,
    MEMBERS,
    FAILURES,
    CRASHES,
    REQUESTS,
    NOTIFICATIONS,
    FAILING,
)
"""All of them, in the order of docs/metrics.md."""
