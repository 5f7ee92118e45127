"""`baileys-janitor operator`: configuration, logging, Kopf and the engine in one event loop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import kopf

from baileys_janitor import __version__
from baileys_janitor.api.config import JobPods, OperatorConfig
from baileys_janitor.api.loading import InvalidConfig, load_config
from baileys_janitor.controller import handlers
from baileys_janitor.controller.clock import Clock, WallClock
from baileys_janitor.controller.engine import Engine
from baileys_janitor.controller.kube import TENANTS, ApiError, Kube
from baileys_janitor.controller.manifests import Pod

logger = logging.getLogger(__name__)

IMAGE_VARIABLE = "BAILEYS_JANITOR_IMAGE"
"""The operator's own image, set by the chart: Jobs run the same one unless configured otherwise."""
CRD_POLL = 5.0
"""Seconds between looks for the CRD while it is not installed."""


def job_pod(job: JobPods) -> Pod:
    """Return what the configuration says of every Job's pod."""
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
        backstop=job.ttl.seconds,
    )


async def serve(
    config: OperatorConfig, clock: Clock | None = None, stop: asyncio.Event | None = None
) -> None:
    """Run the operator until a signal or `stop` ends it."""
    kube = await Kube.connect()
    try:
        await _crd_is_there(kube)
        engine = Engine(kube, config, job_pod(config.job), clock or WallClock())
        kopf_stop = stop or asyncio.Event()
        watching = asyncio.create_task(
            kopf.operator(
                registry=handlers.register(engine),
                settings=handlers.configure(kopf.OperatorSettings()),
                namespaces=config.watch_namespaces,
                clusterwide=not config.watch_namespaces,
                standalone=True,
                stop_flag=kopf_stop,
            )
        )
        working = asyncio.create_task(engine.run())
        try:
            await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whichever ends, by a signal or a fault, takes the other along: half an operator is worse than none.
            kopf_stop.set()
            working.cancel()
            results = await asyncio.gather(watching, working, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
    finally:
        await kube.close()


async def _crd_is_there(kube: Kube) -> None:
    told = False
    while True:
        try:
            await kube.get(TENANTS)
            return
        except ApiError as error:
            if not told:
                logger.warning(
                    "Waiting for the API server to serve janitor.baileys.dev/v1alpha1 (%s %s): apply the CRD, "
                    "`baileys-janitor crd | kubectl apply --server-side -f -`",
                    error.status,
                    error.reason,
                )
                told = True
            await asyncio.sleep(CRD_POLL)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time (Unix seconds), level, logger and message."""
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_logging(config: OperatorConfig) -> None:
    """Log to stderr as configured."""
    handler = logging.StreamHandler(sys.stderr)
    if config.logging.format == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=config.logging.level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(max(logging.INFO, logging.root.level))


def run(
    config_path: str | None = None, namespaces: Sequence[str] = (), log_level: str | None = None
) -> int:
    """Run the operator; return the exit code: 0 when asked to stop, 1 after a fault, 2 for a bad configuration."""
    try:
        config = load_config(Path(config_path) if config_path else None, os.environ)
    except InvalidConfig as problem:
        print(f"baileys-janitor: {problem}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    if namespaces:
        config = config.model_copy(update={"watch_namespaces": list(namespaces)})
    if log_level:
        logs = config.logging.model_copy(update={"level": log_level})
        config = config.model_copy(update={"logging": logs})
    set_up_logging(config)
    try:
        asyncio.run(serve(config))
    except Exception:
        logger.exception("The operator stops")
        return 1
    return 0
