"""Clusters that refuse, and what stands between here and them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest

from baileys_janitor.cli.help.documented import every_command
from baileys_janitor.cli.kubectl.client import Kubectl
from baileys_janitor.cli.kubectl.refusals import refusal
from baileys_janitor.cli.kubectl.resources import OPERATIONS, SECRETS, TENANTS
from baileys_janitor.cli.plugin import watching
from baileys_janitor.cli.plugin.main import application
from baileys_janitor.cli.plugin.tenants import brief_of
from baileys_janitor.cli.terminal.problems import Problem
from tests.cli.sessions import Done
from tests.plugin.conftest import Run
from tests.plugin.tenants import Fleet
from tests.report.test_cluster import KUBECONFIG


class Answering(ThreadingHTTPServer):
    """Answers whatever is asked in the same way."""

    code = 200
    body = b""
    kind = "application/json"
    asked = 0
    listed: bytes | None = None
    """What a list is answered with, where that differs."""


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.server.asked += 1
        body, kind = self.server.body, self.server.kind
        if self.server.listed is not None and "watch=" not in self.path:
            body, kind = self.server.listed, "application/json"
        self.send_response(self.server.code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(
    fleet: Fleet, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = tmp_path / "kubeconfig"
        config.write_text(KUBECONFIG.format(port=server.server_port))
        monkeypatch.setenv("KUBECONFIG", str(config))
        yield server
        server.shutdown()


def one_sentence(done: Done, said: str) -> None:
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert said in done.err
    assert "\x1b" not in done.err


def test_a_proxy_that_refuses_is_not_taken_for_the_cluster(server: Answering, run: Run) -> None:
    server.code, server.kind = 403, "text/html"
    server.body = b"<html><body>Forbidden by \x1b[31mpolicy</body></html>"
    done = run("status", "-A")
    one_sentence(done, "kubectl failed: ")
    assert "ask for the verb" not in done.err


def test_a_login_page_is_no_list(server: Answering, run: Run) -> None:
    server.kind, server.body = "text/html", b"<html>Please log in</html>"
    one_sentence(run("status", "-A"), "not JSON")
    server.kind, server.body = "application/json", b'{"items": "many"}'
    one_sentence(run("status", "-A"), "not a list of BaileysTenants")


def test_a_login_page_is_no_answer_to_what_is_asked_for(server: Answering, run: Run) -> None:
    server.kind, server.body = "text/html", b"<html>Please log in</html>"
    one_sentence(run("clean", "acme", "-n", "shop"), "not JSON")
    server.code = 407
    one_sentence(run("clean", "acme", "-n", "shop"), "kubectl failed: ")


@pytest.mark.parametrize(
    ("code", "said"), [(403, "Forbidden"), (200, "kubectl failed: "), (502, "Bad Gateway")]
)
def test_an_https_proxy_that_answers_html_is_one_sentence(
    server: Answering,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    said: str,
) -> None:
    server.code, server.kind = code, "text/html"
    server.body = b"<html><body>\x1b[31mAsk your administrator</body></html>"
    config = tmp_path / "behind-a-proxy"
    config.write_text(
        KUBECONFIG.replace("http://127.0.0.1:{port}", "https://cluster.example")
        .replace("user: {{}}", "user: {{token: t}}")
        .format()
    )
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    for words in (["status", "-A"], ["clean", "acme", "-n", "shop", "--wait"]):
        one_sentence(run(*words), said)
    assert server.asked, "kubectl went through the proxy"


def test_who_has_no_credentials_is_told_and_not_asked_for_a_user(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "nobody"
    config.write_text(KUBECONFIG.replace("http:", "https:").format(port=1))
    monkeypatch.setenv("KUBECONFIG", str(config))
    one_sentence(run("status", "-A"), "kubectl has no credentials for this cluster")


def test_a_proxy_that_ends_every_watch_at_once_is_not_asked_without_end(
    server: Answering, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = 0.5
    monkeypatch.setattr(watching, "PAUSE_SECONDS", pause)
    server.kind, server.body = "text/html", b"<html>No streams here</html>"
    server.listed = b'{"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []}'
    began = time.monotonic()
    watched = watching.WatchedList(Kubectl(), TENANTS, "shop", brief_of)
    watched.start()
    while server.asked < 5 and time.monotonic() - began < 120:
        watched.wait(pause)
    watched.end()
    assert server.asked >= 5, "it is tried again"
    # A list and a watch in each round.
    assert server.asked <= 3 + 2 * (time.monotonic() - began) / pause


@pytest.mark.parametrize("name", ["-x", "--all", "a\x1b[31m", "../x", "shop/-x", "A"])
def test_no_command_takes_what_is_no_name_for_a_tenant(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kubectl, "_document", lambda *_: pytest.fail("the cluster was asked"))
    needed = {"restore": ["--repository", "eu"], "repair": ["--contact-secret", "them"]}
    seen = set()
    for words, command in every_command(application, ""):
        takes = [each for each in command.params if isinstance(each, click.Argument)]
        if not any(each.name in {"name", "names"} for each in takes):
            continue
        seen.add(words.split()[-1])
        done = run(*words.split(), *needed.get(words.split()[-1], ()), "-n", "shop", "--", name)
        assert (done.code, done.out) == (2, ""), words
        assert len(done.err.splitlines()) == 1, done.err
        assert "Traceback" not in done.err
        assert "\x1b" not in done.err
    assert seen >= {"status", "clean", "undo", "backup", "drill", "quiesce", "resume", "support"}


def test_a_cluster_without_the_operator(server: Answering, run: Run) -> None:
    server.code, server.body = 404, b"404 page not found\n"
    server.kind = "text/plain"
    one_sentence(run("status", "-A"), "This cluster has no BaileysTenant resource")
    one_sentence(run("status", "shop/acme"), "This cluster has no BaileysTenant resource")


def test_a_server_that_breaks_down(server: Answering, run: Run) -> None:
    server.code, server.body = 500, b"\x00\xff"
    one_sentence(run("status", "-A"), "kubectl failed: ")


def test_without_kubectl(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("kubectl") is None
    done = run("status", "-A")
    assert done.code == 2
    assert "kubectl is not on the PATH" in done.err
    (tmp_path / "kubectl").write_text("not a program")
    assert "kubectl" in run("status", "-A").err
    assert "Traceback" not in run("status", "-A").err


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            'The BaileysOperation "x" is invalid: spec.run: Invalid value: "A": use lower case',
            'The cluster refuses this BaileysOperation: spec.run: Invalid value: "A": use lower case.',
        ),
        (
            'The BaileysOperation "x" is invalid: \n* spec.a: Required value\n* spec.b: Too long\n',
            "The cluster refuses this BaileysOperation: spec.a: Required value; spec.b: Too long.",
        ),
        (
            (
                'The BaileysOperation "x" is invalid: \n* spec.action: Unsupported value: "Drill": supported '
                'values: "Undo"\n* spec: Invalid value: "object"\n'
            ),
            (
                "This cluster's operator does not know the action Drill: it is older than this command, or of another "
                "release."
            ),
        ),
        (
            "Error from server (Forbidden): exceeded quota: operations, requested: count/x=1",
            (
                "The cluster refuses to create this BaileysOperation: Error from server (Forbidden): exceeded quota: "
                "operations, requested: count/x=1."
            ),
        ),
        (
            (
                'Error from server (Forbidden): baileysoperations.janitor.baileys.dev "quiesce-a" is forbidden: '
                "ValidatingAdmissionPolicy 'janitor.operations' with binding 'janitor.operations' denied request: this "
                "action needs a right of its own: ask for the verb quiesce on baileysoperations"
            ),
            (
                "The cluster refuses to create this BaileysOperation: this action needs a right of its own: ask for "
                "the verb quiesce on baileysoperations (janitor.operations)."
            ),
        ),
        (
            'Error from server (Forbidden): admission webhook "rules.example" denied the request: only on weekdays',
            "The cluster refuses to create this BaileysOperation: only on weekdays (rules.example).",
        ),
    ],
)
def test_why_an_operation_is_refused_is_said(said: str, shown: str) -> None:
    found = refusal(said, "create", OPERATIONS.full, OPERATIONS.kind, "shop")
    assert isinstance(found, Problem)
    assert found.message == shown


def test_what_was_refused_of_a_secret_is_not_repeated() -> None:
    for said in ('The Secret "x" is invalid: data: "a2V5"', "Error from server (Forbidden): a2V5"):
        found = refusal(said, "create", SECRETS.full, SECRETS.kind, "shop")
        assert isinstance(found, Problem)
        assert "a2V5" not in found.message
