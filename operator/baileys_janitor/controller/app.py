"""`baileys-janitor operator`: configuration, logging, leader election, and the parts that run while it leads."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from baileys_janitor import __version__, log_lines
from baileys_janitor.api.config.config import JobPods, OperatorConfig
from baileys_janitor.api.config.config_file import InvalidConfig, load_config
from baileys_janitor.api.names import OPERATION_PLURAL, SET_PLURAL, STORE_PLURAL
from baileys_janitor.controller import kopf_thread
from baileys_janitor.controller.clock import Clock, WallClock
from baileys_janitor.controller.events.recorder import EventRecorder
from baileys_janitor.controller.health.checks import ACTING, STANDBY, STOPPING, HealthChecks
from baileys_janitor.controller.health.server import PortTaken, served
from baileys_janitor.controller.health.watch_audit import Audit, WatchDead, Watches
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.namespace_setup import NamespaceSetup
from baileys_janitor.controller.keystores.reconciler import KeyStoreReconciler
from baileys_janitor.controller.kopf_thread import WatchesEnded
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, NoAccess, path
from baileys_janitor.controller.kube.fenced_client import FencedKube
from baileys_janitor.controller.kube.leader_election import (
    POD_NAME,
    Election,
    NoNamespace,
    own_namespace,
    seat,
)
from baileys_janitor.controller.kube.namespaces import readable, until_back
from baileys_janitor.controller.kube.startup_problems import explain, is_passing
from baileys_janitor.controller.notifications import manager
from baileys_janitor.controller.quiesce import resume_all
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.controller.shards.election import ShardElection
from baileys_janitor.controller.shards.layout import ALL, Shards
from baileys_janitor.controller.tenant_sets.reconciler import SetReconciler
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.status import decision_log

if TYPE_CHECKING:
    from baileys_janitor.controller.metrics.process import OperatorMetrics

logger = logging.getLogger("janitor.operator")
Seen = Callable[[str, str, int], None]

IMAGE_VARIABLE = "BAILEYS_JANITOR_IMAGE"
"""The operator's own image, set by the chart: Jobs use the same one unless configured otherwise."""
CRD_POLL_SECONDS = 5.0
"""Seconds between checks for the CRD while it is not installed, or for an unreachable API server."""
FIRST_ATTEMPTS = 3
"""Number of requests in a check before the problem is logged."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""Pause before the operator acts again after a fault: the first, and the longest. It doubles with each fault."""
LONG_TERM_SECONDS = 300.0
"""After this time without a fault the pauses start again with the first."""


def job_pod(job: JobPods) -> Pod:
    """Return the configured settings of every Job's pod."""
    return Pod(
        image=job.image or os.environ.get(IMAGE_VARIABLE) or f"baileys-janitor:{__version__}",
        pull_policy=job.image_pull_policy,
        pull_secrets=tuple(job.image_pull_secrets),
        priority_class=job.priority_class_name or None,
        node_selector=tuple(sorted(job.node_selector.items())),
        tolerations=tuple(job.tolerations),
        labels=tuple(sorted(job.labels.items())),
        annotations=tuple(sorted(job.annotations.items())),
        deadline=job.deadline_seconds,
        wait=float(job.pending_timeout.seconds),
        backstop=job.ttl.seconds,
    )


async def serve(
    config: OperatorConfig,
    clock: Clock | None = None,
    stop: asyncio.Event | None = None,
    checks: HealthChecks | None = None,
) -> None:
    """Run the operator until a signal or `stop` ends it.

    Raises:
        PortTaken: a configured port is in use.
        NoAccess: somebody started it at a terminal, and the API server cannot be used with the kubeconfig.
    """
    clock, stop, checks = clock or WallClock(), stop or asyncio.Event(), checks or HealthChecks()
    contest = seat(config.leader_election)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(_on_signals(stop))
        if _is_wanted(config.probes.enabled):
            await stack.enter_async_context(served(config.probes, checks))
        process, seen = None, cast(Seen, checks.answered)
        if _is_wanted(config.metrics.enabled):
            process = await stack.enter_async_context(_measured(config, clock))
            seen = _both(checks.answered, process.answered)
        kube = await FencedKube.connect(seen)
        stack.push_async_callback(kube.close)
        beating = asyncio.create_task(checks.beat())
        stack.callback(beating.cancel)
        in_pod = bool(own_namespace(os.environ))
        await _api_is_served(kube, checks, stop, in_pod, patient=in_pod or contest is not None)
        election: Election | ShardElection | None = None
        if contest is not None:
            electing = await Kube.connect(seen)
            stack.push_async_callback(electing.close)
            if config.shards > 1:
                election = ShardElection(electing, contest, config.shards)
            else:
                election = Election(electing, contest)
            stack.push_async_callback(election.release)
            kube.permitted = checks.may_act = election.held
            checks.leaderless = election.leaderless
            checks.takes_part = lambda: election.takes_part
        await _terms(kube, config, clock, stop, checks, process, election)


async def _terms(
    kube: FencedKube,
    config: OperatorConfig,
    clock: Clock,
    stop: asyncio.Event,
    checks: HealthChecks,
    process: OperatorMetrics | None,
    election: Election | ShardElection | None,
) -> None:
    """Lead again and again until `stop` is set. A fault ends a term and never the process."""
    faults = 0
    while not stop.is_set():
        checks.state = STANDBY
        if election is not None and not await election.win(stop):
            return
        began = time.monotonic()
        try:
            await _lead(kube, config, clock, stop, checks, process, election)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next term may do without it
            if time.monotonic() - began > LONG_TERM_SECONDS:
                faults = 0
            pause = backoff_seconds(faults, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
            faults += 1
            _log_fault(fault, pause)
            checks.resting = (
                f"The operator's work failed; it starts again after a pause of {pause:g} s."
            )
            await _wait(stop, pause)
            checks.resting = ""


def _log_fault(fault: Exception, pause: float) -> None:
    again = f"everything is read again in {pause:g} s"
    if isinstance(fault, (WatchDead, WatchesEnded)):
        why = f"{fault}: {type(fault.__cause__).__name__}" if fault.__cause__ else str(fault)
        logger.warning("The operator stops acting (%s); %s", why, again)
    else:
        logger.error("The operator stops acting; %s", again, exc_info=fault)


async def _lead(
    kube: FencedKube,
    config: OperatorConfig,
    clock: Clock,
    stop: asyncio.Event,
    checks: HealthChecks,
    process: OperatorMetrics | None = None,
    election: Election | ShardElection | None = None,
) -> None:
    """Watch and act until `stop` is set, the Lease is lost or a part ends; raise the exception that ended it."""
    shards = election.shards if isinstance(election, ShardElection) else ALL
    kube.keeps = None if shards.whole else shards.keeps
    config = shards.limited(config)
    home = own_namespace(os.environ)
    listed = config.watch_namespaces
    config = config.model_copy(update={"watch_namespaces": await readable(kube, listed)})
    left_out = [each for each in listed if each not in config.watch_namespaces]
    setup = NamespaceSetup(
        kube,
        clock,
        policy=config.network_policy.manage,
        secrets=config.job.image_pull_secrets if config.pull_secrets.copy_ else (),
        home=home,
        databases=config.network_policy.databases,
        stores=config.network_policy.object_stores,
    )
    pod = job_pod(config.job)
    reconciler = Reconciler(kube, config, pod, clock, setup.prepare, setup.prepare_for_backup, home)
    stores = await _key_stores(kube, config, clock, setup, home)
    sets = await _tenant_sets(kube, config, clock, setup)
    others = [each for each in (stores, sets) if each is not None]
    for each in (reconciler, *others):
        each.bus.subscribe(decision_log.write)
    if process is not None:
        process.leads(reconciler, shards)
        if stores is not None:
            process.key_stores.leads(stores)
        if sets is not None:
            process.tenant_sets.leads(sets)
    operations = config.operations.enabled and await _is_served(
        kube, config, OPERATION_PLURAL, "Operations are not carried out"
    )
    if operations:
        reconciler.operations.look_after()
    watches = Watches(config.watch_namespaces)
    kube.writes = watches.writes
    audit = Audit(kube, reconciler, watches, config.watch_namespaces, shards)
    checks.scheduler, checks.dead_watches, checks.state = reconciler, watches.dead, ACTING
    logger.info("The operator is at work")
    watching = asyncio.create_task(
        kopf_thread.watch(
            *(reconciler, watches, config.watch_namespaces, stores, sets, shards),
            operations=operations,
        )
    )
    working = asyncio.create_task(reconciler.run())
    auditing = asyncio.create_task(audit.run())
    ends: set[asyncio.Task[Any]] = {watching, working, auditing, asyncio.create_task(stop.wait())}
    ends |= {asyncio.create_task(each.run()) for each in others}
    ends.add(asyncio.create_task(until_back(kube, left_out)))
    beside = _beside(kube, config, clock, reconciler, stores, process, sets, shards)
    if election is not None:
        ends.add(asyncio.create_task(election.until_lost()))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # When one part ends, all end: half an operator is worse than none. The parts that act end first, then the Lease
        # is released, so that the successor waits neither for Kopf nor for the clock.
        acting = [*(ends - {watching}), *beside]
        for task in acting:
            task.cancel()
        await asyncio.wait(acting)
        checks.state = STOPPING if stop.is_set() else STANDBY
        if process is not None:
            process.stands_by()
        if election is not None:
            await election.release()
        watching.cancel()
        results = await asyncio.gather(watching, *acting, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def _beside(
    kube: FencedKube,
    config: OperatorConfig,
    clock: Clock,
    reconciler: Reconciler,
    stores: KeyStoreReconciler | None,
    process: OperatorMetrics | None,
    sets: SetReconciler | None,
    shards: Shards,
) -> list[asyncio.Task[None]]:
    """Start the tasks that publish changes beside the work: Events, notifications."""
    beside: list[asyncio.Task[None]] = []
    if config.events.enabled:
        recorder = EventRecorder(kube, clock)
        reconciler.bus.subscribe(recorder.hear)
        if stores is not None:
            stores.bus.subscribe(recorder.hear)
        if sets is not None:
            sets.bus.subscribe(recorder.hear)
        beside.append(asyncio.create_task(recorder.run()))
    if manager.wanted(config):
        channels = [each.name for each in config.notifications.channels]
        heard = process.notifies(channels) if process is not None else None
        # Each shard sends its own notifications, so that the next replica that manages it knows what was sent.
        voices = [
            manager.NotificationManager(
                kube,
                config,
                clock,
                reconciler.cache,
                reconciler.holds,
                heard,
                stores.cache if stores is not None else None,
                Shards(shards.count, frozenset({shard})),
            )
            for shard in sorted(shards.held)
        ]
        for voice in voices:
            reconciler.bus.subscribe(voice.hear)
            if stores is not None:
                stores.bus.subscribe(voice.hear)
            beside.append(asyncio.create_task(voice.run()))
        if process is not None:
            process.watches_channels(partial(manager.failing, voices))
    return beside


async def _is_served(kube: FencedKube, config: OperatorConfig, plural: str, otherwise: str) -> bool:
    """Return whether a kind is served and may be listed; else log `otherwise`, and why.

    A server that does not answer now may do so later: tenants do not wait for that, and the watch tries again.
    """
    reasons = {
        403: f"the operator may not list {plural}",
        404: "their CRD is not installed",
    }
    where = path(plural, next(iter(config.watch_namespaces), None), group=TENANTS)
    try:
        await kube.get(where, attempts=2)
    except ApiError as error:
        why = reasons.get(error.status)
        if why is not None:
            logger.info("%s: %s", otherwise, why)
            return False
    return True


async def _key_stores(
    kube: FencedKube, config: OperatorConfig, clock: Clock, setup: NamespaceSetup, home: str
) -> KeyStoreReconciler | None:
    """Return the reconciler of key stores; None if the API server does not serve them, or they are disabled."""
    if not config.key_stores.enabled:
        return None
    if not await _is_served(kube, config, STORE_PLURAL, "Key stores are not looked after"):
        return None
    return KeyStoreReconciler(
        *(kube, config, job_pod(config.job), clock),
        *(setup.prepare_for_store, setup.prepare_for_store_backup, home),
    )


async def _tenant_sets(
    kube: FencedKube, config: OperatorConfig, clock: Clock, setup: NamespaceSetup
) -> SetReconciler | None:
    """Return the reconciler of sets of tenants; None if the API server does not serve them, or they are disabled."""
    if not config.tenant_sets.enabled:
        return None
    if not await _is_served(kube, config, SET_PLURAL, "Sets of tenants are not looked after"):
        return None
    return SetReconciler(kube, config, job_pod(config.job), clock, setup.prepare)


@contextlib.asynccontextmanager
async def _measured(config: OperatorConfig, clock: Clock) -> AsyncIterator[OperatorMetrics]:
    # Imported only if they are served: an operator without metrics does not load the library.
    from baileys_janitor.controller.metrics import process, server

    measured = process.OperatorMetrics(clock, config.shards)
    async with server.served(config.metrics, measured, clock):
        yield measured


def _both(first: Seen, second: Seen) -> Seen:
    def seen(verb: str, url: str, status: int) -> None:
        first(verb, url, status)
        second(verb, url, status)

    return seen


def _is_wanted(enabled: bool | None) -> bool:
    return bool(os.environ.get(POD_NAME)) if enabled is None else enabled


def _on_signals(stop: asyncio.Event) -> Callable[[], None]:
    """Have SIGTERM and SIGINT set `stop`; return the function that undoes it."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def undo() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    return undo


async def _api_is_served(
    kube: Kube, checks: HealthChecks, stop: asyncio.Event, in_pod: bool, patient: bool
) -> None:
    """Wait until the API server serves the resource. Raise NoAccess if waiting cannot help, unless `patient`."""
    told = set[str]()
    while not stop.is_set():
        try:
            await kube.get(TENANTS, attempts=FIRST_ATTEMPTS)
            return
        except ApiError as error:
            problem = explain(error, kube.server, in_pod)
            if not (patient or is_passing(error)):
                raise NoAccess(f"{problem}.") from None
            if problem not in told:
                logger.warning("Waiting: %s", problem)
                told.add(problem)
            missing = error.status == 404
            checks.waiting_for = (
                "the CRD of BaileysTenant to be served" if missing else "the API server"
            )
            await _wait(stop, CRD_POLL_SECONDS)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def _calm_the_collector() -> None:
    """Collect cyclic garbage less often: with ten thousand tenants at a start, it took a fifth of the work."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _resume_all(config: OperatorConfig) -> bool:
    kube = await Kube.connect()
    try:
        return await resume_all.resume_all(kube, config, WallClock())
    finally:
        await kube.close()


def run(
    config_path: str | None = None,
    namespaces: Sequence[str] = (),
    log_level: str | None = None,
    started_again: bool = False,
) -> int:
    """Run the operator; return the exit code: 0 after a request to stop, 1 after a fault, 2 for an invalid
    configuration.

    With `started_again` it only starts again the workloads that operations have stopped; 1 if any stays stopped.
    """
    try:
        config = load_config(Path(config_path) if config_path else None, os.environ)
    except InvalidConfig as problem:
        print(f"baileys-janitor: {problem}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    if namespaces:
        config = config.model_copy(update={"watch_namespaces": list(namespaces)})
    if log_level:
        wanted = config.logging.model_copy(update={"level": log_level})
        config = config.model_copy(update={"logging": wanted})
    log_lines.set_up(config.logging)
    _calm_the_collector()
    where = ", ".join(config.watch_namespaces) or "all"
    said = "baileys-janitor %s starts: namespaces %s, mode at most %s"
    logger.info(said, __version__, where, config.mode_ceiling)
    try:
        if started_again:
            return 0 if asyncio.run(_resume_all(config)) else 1
        asyncio.run(serve(config))
    except (NoAccess, NoNamespace, PortTaken) as problem:
        print(f"baileys-janitor: {problem}", file=sys.stderr)  # noqa: T201 - as for the configuration
        return 2
    except Exception:
        logger.exception("The operator stops")
        return 1
    logger.info("The operator has stopped, as it was asked to")
    return 0
