"""`report --cluster`: ten thousand tenants through a real kubectl, and what can go wrong on the way."""

from __future__ import annotations

import json
import shutil
import threading
import weakref
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest

from baileys_janitor.cli.kubectl.client import Kubectl
from sandbox.tools import kubectl_path
from tests.api.statuses import FULL_STATUS
from tests.cli.test_output import strict
from tests.report.conftest import Run
from tests.report.test_renderings import SCHEMA

VALIDATOR = jsonschema.Draft202012Validator(strict(SCHEMA))
TENANTS = 10_000
LEVELS = ("Healthy", "Healthy", "Warning", "Critical", "Emergency")
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
clusters: [{{name: test, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: test, user: {{}}}}]
"""


def tenant(number: int) -> dict[str, Any]:
    files = {**FULL_STATUS["files"], "counted": number % 190}
    disk = {**FULL_STATUS["conditions"][0], "type": "DiskPressure", "reason": "DiskPressure"}
    history = FULL_STATUS["history"][:2]
    conditions = [*FULL_STATUS["conditions"], disk]
    level = LEVELS[number % 5]
    status = {
        **FULL_STATUS,
        "level": level,
        "files": files,
        "conditions": conditions[: 1 + (number == 3)],
        "history": history,
    }
    return {
        "metadata": {"name": f"tenant-{number}", "namespace": f"shop-{number % 7}"},
        "spec": {},
        "status": status,
    }


class Server(ThreadingHTTPServer):
    """Lists tenants in pages, as an API server does; it can forget a listing or refuse one."""

    def __init__(self, tenants: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tenants = tenants
        self.asked: list[str] = []
        self.forgets = 0
        self.refusal = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(self.path)
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if server.refusal:
            self._answer(server.refusal, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "reason": {403: "Forbidden", 404: "NotFound"}[server.refusal],
                "message": "no", "code": server.refusal})  # fmt: skip
            return
        begin, limit = int(query.get("continue", 0)), int(query["limit"])
        if begin and server.forgets:
            server.forgets -= 1
            self._answer(410, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "reason": "Expired", "message": "too old", "code": 410})  # fmt: skip
            return
        end = begin + limit
        more = {"continue": str(end)} if end < len(server.tenants) else {}
        self._answer(200, {"metadata": more, "items": server.tenants[begin:end]})

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    program = kubectl_path()
    if program is None:
        pytest.skip("no kubectl: `make tools` unpacks one")
    with Server([tenant(number) for number in range(7)]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = tmp_path / "kubeconfig"
        config.write_text(KUBECONFIG.format(port=server.server_port))
        path = tmp_path / "bin"
        path.mkdir()
        (path / "kubectl").symlink_to(program)
        monkeypatch.setenv("PATH", str(path))
        monkeypatch.setenv("KUBECONFIG", str(config))
        monkeypatch.setenv("HOME", str(tmp_path))
        yield server
        server.shutdown()


def test_ten_thousand_tenants_make_one_page_of_bounded_size(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[Page] = weakref.WeakSet()
    most = 0

    def page(_self: Kubectl, command: list[str], *_: object) -> Page:
        nonlocal most
        query = parse_qs(urlsplit(command[-1]).query)
        begin, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        end = begin + limit
        found = Page(items=[tenant(number) for number in range(begin, end)])
        found["metadata"] = {"continue": str(end)} if end < TENANTS else {}
        alive.add(found)
        most = max(most, len(alive))
        return found

    monkeypatch.setattr(Kubectl, "_document", page)
    done = run("report", "--cluster", "--to", tmp_path / "report.html")
    assert done.code == 0, done.err
    text = (tmp_path / "report.html").read_text()
    assert len(text) < 1_000_000
    assert "200 fullest of 10,000" in text
    assert "4,000 of 10,000 tenants need attention." in text
    assert most <= 2, "no more of the list is in memory than the page that is read and the last one"


class Page(dict[str, Any]):
    """A page of a list, of which can be seen whether somebody still has it."""

    __hash__ = object.__hash__


def test_a_list_is_read_in_pages_and_anew_when_it_was_forgotten(server: Server, run: Run) -> None:
    server.tenants = [tenant(number) for number in range(501)]
    server.forgets = 1
    document = json.loads(run("report", "--cluster", "-o", "json").out)
    assert document["summary"]["sessions"] == len(document["sessions"]) == 501
    assert len(server.asked) == 2 + 2, "one page before the list was forgotten, and all again"


def test_all_tenants_are_in_the_document_for_machines(server: Server, run: Run) -> None:
    done = run("report", "--cluster", "-o", "json")
    document = json.loads(done.out)
    VALIDATOR.validate(document)
    assert document["source"] == "Cluster"
    assert len(document["sessions"]) == 7
    [first] = [each for each in document["sessions"] if each["name"] == "shop-3/tenant-3"]
    assert (first["level"], first["growthPerDay"]) == ("Critical", 4.5)
    assert first["forecast"]["emergency"] == "2026-11-23T05:50:00Z"
    assert {each["type"] for each in first["findings"]} == {"Critical", "DiskPressure"}
    assert document["cleanups"]["removedBecause"]["SessionExpired"] >= 7 * 12


def test_one_namespace_alone(server: Server, run: Run) -> None:
    assert run("report", "--cluster", "-n", "shop-1", "-o", "json").code == 0
    [asked] = server.asked
    assert "/namespaces/shop-1/baileystenants" in asked


def test_an_incident_of_a_tenant(server: Server, run: Run) -> None:
    done = run("report", "--cluster", "--incident", "shop-4/tenant-4")
    assert "# Incident report: shop-4/tenant-4" in done.out
    assert "Trigger at 22 Nov 2026, 03:00 UTC" in done.out
    assert run("report", "--cluster", "--incident", "tenant-4").code == 0
    assert run("report", "--cluster", "--incident", "nobody").code == 2


def test_statuses_that_are_forged_are_read_within_bounds(server: Server, run: Run) -> None:
    server.tenants = [
        {"metadata": {"name": "a", "namespace": "n"}, "status": status, "spec": spec}
        for status, spec in (
            ({"level": "Great", "files": {"counted": -1, "byKind": "x"}}, []),
            ({"history": [{"time": "x", "removed": "y", "reason": "4915112345678"}]}, None),
            ("", {"thresholds": {"critical": "x"}}),
            ({"conditions": [{"type": "DiskPressure"}], "growthPerDay": 1e300}, {}),
        )
    ]
    for number, each in enumerate(server.tenants):
        each["metadata"]["name"] = f"a{number}"
    done = run("report", "--cluster", "-o", "json")
    VALIDATOR.validate(json.loads(done.out))
    assert "4915112345678" not in done.out
    assert {each["level"] for each in json.loads(done.out)["sessions"]} == {"Unknown"}


@pytest.mark.parametrize(
    ("refusal", "said"),
    [(403, "kubectl may not list BaileysTenants"), (404, "has no BaileysTenant resource")],
)
def test_what_the_cluster_refuses_is_one_sentence(
    server: Server, run: Run, refusal: int, said: str
) -> None:
    server.refusal = refusal
    done = run("report", "--cluster")
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_without_tenants_and_without_a_cluster(
    server: Server, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tenants = []
    assert run("report", "--cluster").err == "Error: There is no BaileysTenant in this cluster.\n"
    server.forgets, server.tenants = 9, [tenant(number) for number in range(501)]
    assert "forgot the list" in run("report", "--cluster").err
    (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(port=1))
    done = run("report", "--cluster")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: kubectl failed: ")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("kubectl") is None
    done = run("report", "--cluster")
    assert done.code == 2
    assert "not on the PATH" in done.err
