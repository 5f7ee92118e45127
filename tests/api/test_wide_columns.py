"""`kubectl get -o wide` fits 200 columns with names and reasons of usual length; the other columns fit 100."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api import names
from tests.api.rest import Api
from tests.api.statuses import FULL_STATUS

Object = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
GAP = 3
MESSAGE_ROOM = 90

TENANT = "acme-production"
READY = {"type": "Ready", "status": "True", "reason": "Observing", "message": "Counted."}
BACKED_UP = {"type": "BackedUp", "status": "True", "reason": "UpToDate", "message": "It is."}
RESTORABLE = {"type": "Restorable", "status": "True", "reason": "DrillPassed", "message": "It is."}
SINCE = {"lastTransitionTime": "2026-11-22T08:30:00Z"}
CONDITIONS = [each | SINCE for each in (READY, BACKED_UP, RESTORABLE)]

EXAMPLES: dict[str, tuple[str, str, Object, Object]] = {
    names.PLURAL: (
        names.KIND,
        TENANT,
        {"volume": {"claimName": "baileys-962302"}},
        FULL_STATUS | {"conditions": CONDITIONS},
    ),
    names.STORE_PLURAL: (
        names.STORE_KIND,
        "main-database",
        {"connection": {"secretName": "baileys-db"}},
        {
            "keys": {"total": 2_345_678, "expired": 12_345, "ages": {"over30d": 12_345}},
            "sessions": {"count": 12_345},
            "table": {"size": "1.2 GiB"},
            "lastRun": {"time": "2026-11-22T08:30:00Z", "removed": 12_345, "outcome": "Completed"},
            "nextCleanupTime": "2126-11-22T12:00:00Z",
            "backup": {"lastSuccessTime": "2026-11-22T08:30:00Z"},
            "conditions": CONDITIONS,
        },
    ),
    names.OPERATION_PLURAL: (
        names.OPERATION_KIND,
        f"restore-{TENANT}-x7k2p",
        {"tenant": TENANT, "action": "Restore", "restore": {"repository": "eu"}},
        {
            "phase": "Completed",
            "completionTime": "2026-11-22T08:30:00Z",
            "result": {"outcome": "NothingToDo"},
            "message": "m" * MESSAGE_ROOM,
        },
    ),
    names.SET_PLURAL: (
        names.SET_KIND,
        "all-of-the-bots",
        {"source": {"directories": {"claimName": "bots"}}, "confirm": True},
        {
            "preview": {"found": 500, "tenants": 450, "new": 50, "gone": 1, "waiting": 50},
            "lastLookTime": "2026-11-22T08:30:00Z",
            "conditions": CONDITIONS[:1],
        },
    ),
}


def width(table: Object, wide: bool) -> int:
    """How many columns of a terminal kubectl needs."""
    total = -GAP
    for at, column in enumerate(table["columnDefinitions"]):
        if wide or not column["priority"]:
            cells = [str(row["cells"][at]) for row in table["rows"]]
            total += GAP + max(map(len, [column["name"], *cells]))
    return total


@pytest.mark.parametrize("plural", EXAMPLES)
def test_a_row_fits_the_terminal(api: Api, plural: str) -> None:
    kind, name, spec, status = EXAMPLES[plural]
    place = f"/apis/{names.API_VERSION}/namespaces/default/{plural}"
    made = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    created = api.request("POST", place, made)
    api.request("PUT", f"{place}/{name}/status", created | {"status": status})

    table = api.request("GET", f"{place}/{name}", accept=TABLE)
    api.request("DELETE", f"{place}/{name}")

    assert all(cell is not None for cell in table["rows"][0]["cells"])
    assert width(table, wide=False) <= 100
    assert width(table, wide=True) <= 200
