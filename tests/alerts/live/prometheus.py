"""A real Prometheus on loopback that scrapes one operator, with the chart's rules in a hurry."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from tests.alerts.promtool import binary
from tests.alerts.rules import document
from tests.chart.rendering import only, render
from tests.controller.live.world import PATIENCE, until

STEP = "300ms"
"""Between two scrapes, and between two evaluations."""
SOON = "1s"
"""In place of every rule's own `for` and `keep_firing_for`."""
Alert = dict[str, Any]


def hurried() -> Any:
    """The chart's rules; that something has to last is tested by promtool."""
    found = copy.deepcopy(document())
    for group in found["groups"]:
        for rule in group["rules"]:
            rule |= {key: SOON for key in ("for", "keep_firing_for") if key in rule}
    return found


def configuration(target: int, rules: Path) -> Any:
    """Scrape as the chart's ServiceMonitor says, with the labels that a pod in a cluster has."""
    monitor = only(render(serviceMonitor={"enabled": True}), "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    pod = {"namespace": "baileys-janitor", "pod": "janitor-0"}
    return {
        "global": {"scrape_interval": STEP, "evaluation_interval": STEP},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "janitor",
                "scrape_timeout": STEP,
                "metrics_path": endpoint["path"],
                "honor_labels": endpoint["honorLabels"],
                "static_configs": [{"targets": [f"127.0.0.1:{target}"], "labels": pod}],
            }
        ],
    }


class Prometheus:
    """The process, as an async context manager. `target` is the port of the operator's metrics."""

    def __init__(self, directory: Path, target: int, port: int) -> None:
        self._directory = directory
        self._target = target
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        rules, config = self._directory / "rules.yaml", self._directory / "prometheus.yaml"
        rules.write_text(yaml.safe_dump(hurried()))
        config.write_text(yaml.safe_dump(configuration(self._target, rules)))
        with (self._directory / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                binary("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={self._directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=warn",
                stdout=log,
                stderr=log,
            )
        self._http = aiohttp.ClientSession(f"http://127.0.0.1:{self._port}")
        await until(self._ready, f"Prometheus is ready: {(self._directory / 'log').read_text()}")
        return self

    async def _ready(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with self._http.get("/-/ready") as answer:
                return answer.status == 200
        return False

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()  # nobody needs what it has stored
        await asyncio.wait_for(self._process.wait(), PATIENCE)

    async def _ask(self, path: str, **parameters: str) -> Any:
        async with self._http.get(f"/api/v1/{path}", params=parameters) as answer:
            found = await answer.json()
        assert found["status"] == "success", found
        return found["data"]

    async def query(self, expr: str) -> list[Any]:
        """The result of an instant query."""
        return list((await self._ask("query", query=expr))["result"])

    async def firing(self) -> list[Alert]:
        """The alerts that fire now, as Alertmanager gets them."""
        found = (await self._ask("alerts"))["alerts"]
        return [alert for alert in found if alert["state"] == "firing"]

    async def fires(self, name: str, **labels: str) -> Alert:
        """Wait until an alert with these labels fires, and return it."""

        async def told() -> Alert | None:
            for alert in await self.firing():
                has = alert["labels"].items()
                if alert["labels"]["alertname"] == name and labels.items() <= has:
                    return alert
            return None

        found: Alert = await until(told, f"{name} fires")
        return found

    async def ends(self, name: str, **labels: str) -> None:
        """Wait until no such alert fires any more."""

        async def silent() -> bool:
            return not [
                alert
                for alert in await self.firing()
                if alert["labels"]["alertname"] == name
                and labels.items() <= alert["labels"].items()
            ]

        await until(silent, f"{name} ends")

    async def ever_fired(self, name: str, **labels: str) -> bool:
        """Whether it has fired since Prometheus began."""
        chosen = {"alertname": name, "alertstate": "firing", **labels}
        text = ",".join(f'{key}="{value}"' for key, value in chosen.items())
        return bool(await self.query(f"count_over_time(ALERTS{{{text}}}[1h])"))

    async def scraped(self) -> None:
        """Wait until the operator has been scraped."""
        await until(lambda: self.query("baileys_janitor_leader == 1"), "the operator is scraped")
