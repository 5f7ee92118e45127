"""Who creates which operation, and whether the chart's admission policy lets it pass."""

from __future__ import annotations

from collections.abc import Iterator

from baileys_janitor.api.operations.spec import ACTIONS
from tests.admission.cases import PERSON, Request


def _operations() -> Iterator[Request]:
    """Who asks for an operation, with which verbs."""
    allowed = ("create", "get", "clean", "undo")
    for action in ACTIONS:
        body = {
            "metadata": {"generateName": "now-"},
            "spec": {"tenant": "acme", "action": action},
        }
        refused = "" if action.lower() in allowed else f"the verb {action.lower()} on"
        name = f"a person asks for {action}"
        yield Request(name, PERSON, "baileysoperations", body, refused, may=allowed)


OPERATIONS = {each.name: each for each in _operations()}
"""By name; a real API server knows the user's verbs itself."""
