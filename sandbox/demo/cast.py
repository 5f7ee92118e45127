"""The tenants of the demo, with directories written by the real Baileys library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

Object = dict[str, Any]

NAMESPACE: Final = "whatsapp"
REQUESTED: Final = "bakery"
"""The tenant that gets an emergency cleanup by annotation."""


@dataclass(frozen=True, slots=True)
class Player:
    """One tenant: its session fixture, whether its own pod runs, and the result to expect."""

    name: str
    company: str
    scenario: str | None
    story: str
    running: bool = True

    @property
    def claim(self) -> str:
        """The name of its PersistentVolumeClaim."""
        return f"baileys-{self.company}"

    @property
    def path(self) -> str:
        """Its session directory inside the volume."""
        return f"company_{self.company}"


CAST: Final = (
    Player("acme", "1001", "healthy", "Healthy: nothing to do"),
    Player("bakery", "1002", "warning", "Warning: cleaned on request (annotation)"),
    Player("clinic", "1003", "orphan", "Critical, above the trigger: a Trigger cleanup follows"),
    Player("depot", "1004", "emergency", "Emergency: cleaned by itself at the first scan"),
    Player(
        "florist", "1005", "stopped", "stopped for 20 days: nothing counts as old", running=False
    ),
    Player("garage", "1006", "corrupt", "creds.json is cut: nothing is removed, and it is said"),
    Player("hotel", "1007", "prekeys", "812 pre-keys of the newer library: none is ever removed"),
    Player("kiosk", "1008", None, "its claim does not exist", running=False),
)


def manifests() -> list[Object]:
    """Return the namespace, claims, workloads and tenants, as a GitOps repository would contain them."""
    objects: list[Object] = [_object("v1", "Namespace", NAMESPACE, {}, namespaced=False)]
    for player in CAST:
        if player.scenario is not None:
            objects.append(_claim(player))
        if player.running:
            objects.append(_workload(player))
        objects.append(_tenant(player))
    return objects


def _object(version: str, kind: str, name: str, body: Object, *, namespaced: bool = True) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE} if namespaced else {"name": name}
    return {"apiVersion": version, "kind": kind, "metadata": metadata} | body


def _claim(player: Player) -> Object:
    resources = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": resources}
    return _object("v1", "PersistentVolumeClaim", player.claim, {"spec": spec})


def _workload(player: Player) -> Object:
    """Return the tenant's own Baileys pod; the sandbox only simulates it."""
    spec = {
        "containers": [
            {
                "name": "baileys",
                "image": "registry.example/baileys:7",
                "volumeMounts": [{"name": "sessions", "mountPath": "/sessions"}],
            }
        ],
        "volumes": [{"name": "sessions", "persistentVolumeClaim": {"claimName": player.claim}}],
    }
    return _object("v1", "Pod", f"baileys-{player.name}", {"spec": spec})


def _tenant(player: Player) -> Object:
    spec = {
        "companyId": player.company,
        "volume": {"claimName": player.claim, "path": player.path},
        # Shorter intervals than anybody needs, so that the demo has something to show; and the daily cleanup half a day
        # from now, so that it does not interfere.
        "schedule": {
            "scanInterval": "10s",
            "adaptive": False,
            "triggerInterval": "1m",
            "dailyCleanup": f"0 {(datetime.now(UTC).hour + 12) % 24} * * *",
        },
    }
    version = "janitor.baileys.dev/v1alpha1"
    return _object(version, "BaileysTenant", player.name, {"spec": spec})
