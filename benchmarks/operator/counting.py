"""Requests as the API server counted them: by program, verb and resource. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from benchmarks.operator.simulation import SIMULATED

Calls = Counter[tuple[str, str, str]]
"""By program, verb and resource (or `resource/subresource`)."""
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
OWN = frozenset({"bench", "sandbox", "kube-apiserver"})
"""Programs of the harness itself, and the API server: their requests are not counted as cost."""


def read(listed: Iterable[list[Any]]) -> Calls:
    """Parse the output of the server's process."""
    return Counter({(agent, verb, about): count for agent, verb, about, count in listed})


def audited(events: Iterable[dict[str, Any]]) -> Calls:
    """Count the requests of a real API server's audit log; a watch counts once, when it begins."""
    found: Calls = Counter()
    for event in events:
        about = event.get("objectRef") or {}
        begun = event["verb"] == "watch"
        if "resource" not in about or about["resource"].endswith("reviews"):
            continue
        if event["stage"] == ("ResponseStarted" if begun else "ResponseComplete"):
            agent = (event.get("userAgent") or "unknown").partition("/")[0]
            sub = about.get("subresource")
            what = f"{about['resource']}/{sub}" if sub else about["resource"]
            found[agent, event["verb"], what] += 1
    return found


def since(before: Calls, after: Calls) -> Calls:
    """Return the calls between two counts."""
    return Counter({key: n - before[key] for key, n in after.items() if n != before[key]})


def tested(calls: Calls) -> Calls:
    """Return the calls of the program under test: those of no simulated program."""
    return Counter({key: n for key, n in calls.items() if key[0] not in SIMULATED | OWN})


def everybody(calls: Calls) -> Calls:
    """Return the calls of all clients except the harness itself."""
    return Counter({key: n for key, n in calls.items() if key[0] not in OWN})


def by_verb(calls: Calls) -> dict[str, int]:
    """Return the requests by verb, most first."""
    found: Counter[str] = Counter()
    for (_, verb, _), count in calls.items():
        found[verb] += count
    return dict(found.most_common())


def by_resource(calls: Calls) -> dict[str, int]:
    """Return the requests by `verb resource`, most first."""
    found: Counter[str] = Counter()
    for (_, verb, about), count in calls.items():
        found[f"{verb} {about}"] += count
    return dict(found.most_common())


def writes(calls: Calls, *resources: str) -> int:
    """Return the number of writes to some resources, or without names to all."""
    return sum(
        count
        for (_, verb, about), count in calls.items()
        if verb in WRITES and (not resources or about in resources)
    )


def only(calls: Calls, *resources: str) -> int:
    """Return the number of requests for some resources."""
    return sum(count for (_, _, about), count in calls.items() if about in resources)
