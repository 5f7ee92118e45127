"""What docs/notifications.md says is so: its tables, its values, and the code that receivers copy from it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.notify.channels.webhook import signed
from charts.values import Values
from tests.notify.world import NOW

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
SECRET = "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBvY3RldHMgLi4uLi4="
BODY = '{"title":"ä"}'.encode()
HEADERS = signed("msg_1", int(NOW), BODY, SECRET)
NODE = shutil.which("node")


def fenced(language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_reason_is_listed_with_its_severity_and_runbook() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \| (\w+) \|.*\| \[([a-z-]+)\]", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((k.name, k.severity, k.runbook) for k in INCIDENT_KINDS.values())


def test_the_values_can_be_used_as_they_are() -> None:
    values, proxy, ca, routes = (yaml.safe_load(each) for each in fenced("yaml"))
    Values.model_validate(proxy | ca)
    config = values["config"]["notifications"]
    assert Notifications.model_validate(config).channels
    named = {name for route in routes["routes"] for name in route["channels"]}
    channels = [{"name": name, "webhook": {"urlKey": "url"}} for name in named]
    assert len(Notifications.model_validate(routes | {"channels": channels}).routes) == 2


def test_the_keys_of_the_document_are_those_of_its_schema() -> None:
    schema = json.loads(
        (files("baileys_janitor.notify") / "schema" / "message.v1.json").read_text()
    )
    parts = schema["$defs"]
    for path, known in (
        ("groups[]", parts["group"]),
        ("groups[].tenants[]", parts["tenant"]),
        ("cleanups", parts["cleanups"]),
        ("summary", parts["summary"]),
    ):
        (said,) = re.findall(rf"^\| `{re.escape(path)}` \| (.*) \|$", PAGE, re.MULTILINE)
        changes = {"new", "lasting", "better", "ended", "passed"}
        assert set(re.findall(r"`(\w+)`", said)) - changes <= set(known["properties"]), path


def python(headers: dict[str, str], body: bytes, now: float) -> bool:
    """Whether the page's Python takes it."""
    (code,) = fenced("python")
    space: dict[str, Any] = {}
    exec(code, space)
    try:
        space["verify"](headers, body, SECRET, now)
    except ValueError:
        return False
    return True


def node(headers: dict[str, str], body: bytes, now: float) -> bool:
    """Whether the page's JavaScript takes it."""
    (code,) = fenced("js")
    call = f"verify({json.dumps(headers)}, Buffer.from({json.dumps(body.hex())}, 'hex'), {SECRET!r}, {now});"
    assert NODE is not None
    done = subprocess.run([NODE, "-e", code + call], capture_output=True, text=True, check=False)
    assert not done.returncode or "Error: " in done.stderr
    return not done.returncode


VERIFIERS = [
    python,
    pytest.param(node, marks=pytest.mark.skipif(NODE is None, reason="there is no node here")),
]


@pytest.mark.parametrize("takes", VERIFIERS)
def test_the_code_that_verifies_takes_what_was_signed_and_nothing_else(takes: Any) -> None:
    assert takes(HEADERS, BODY, NOW + 60)
    rotated = {"webhook-signature": f"v1,AAAA v2,x {HEADERS['webhook-signature']}"}
    assert takes(HEADERS | rotated, BODY, NOW)
    assert not takes(HEADERS, BODY + b" ", NOW)
    assert not takes(HEADERS, BODY, NOW + 301)
    assert not takes(HEADERS | {"webhook-id": "msg_2"}, BODY, NOW)
    assert not takes(HEADERS | {"webhook-timestamp": str(int(NOW) + 1)}, BODY, NOW)
    unsigned = {k: v for k, v in HEADERS.items() if k != "webhook-signature"}
    assert not takes(unsigned, BODY, NOW)
