"""Requests to the API server through `kubectl`, by path: without discovery and without a client library.

The paths are requested with `--raw`, so that a server without a resource answers like one that refuses it, and no
request is sent twice. kubectl prints the API server's JSON, which each caller reads within bounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from baileys_janitor.cli.kubectl.refusals import (
    FAILED,
    Expired,
    no_credentials,
    not_started,
    refusal,
)
from baileys_janitor.cli.kubectl.resources import NO_QUERY, Query
from baileys_janitor.cli.terminal.problems import Problem

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.resources import Resource

Object = dict[str, Any]

PAGE: Final = 500
"""Objects in one page: at most some megabytes."""
_TIMEOUT_SECONDS: Final = 60
_ASKS: Final = b"Please enter Username"
"""The prompt of kubectl without credentials, at which it waits for input."""
_EXPIRED_MOST: Final = 3
"""The most times that a list is restarted because its continue token expired."""
_LINE_MOST: Final = 4 * 2**20
"""Bytes of one event of a watch; the API server stores no object that is larger than 1.5 MiB."""
_SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_DEFAULT_NAMESPACE: Final = "default"


class Kubectl:
    """kubectl with the options that choose the cluster and the user, such as `--context=...`."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._command = ("kubectl", *options)

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Return one object; raise a Problem in one sentence."""
        path = resource.path(namespace, name)
        return self._document(["get", "--raw", path], "get", resource, namespace)

    def page(self, resource: Resource, namespace: str | None, query: Query = NO_QUERY) -> Object:
        """Return one page of a list, with `items` as objects."""
        path = resource.path(namespace, query=query)
        found = self._document(["get", "--raw", path], "list", resource, namespace)
        items = found.get("items")
        if not isinstance(items, list):
            raise Problem(f"kubectl printed something that is not a list of {resource.kind}s.")
        found["items"] = [item for item in items if isinstance(item, dict)]
        return found

    def pages(
        self, resource: Resource, namespace: str | None, query: Query = NO_QUERY
    ) -> Iterator[Object]:
        """Yield the pages of a list; raise Expired if the continue token expired."""
        more: dict[str, str] = {}
        while True:
            found = self.page(resource, namespace, {"limit": PAGE, **query, **more})
            meta = found.get("metadata")
            yield found
            token = meta.get("continue") if isinstance(meta, dict) else None
            if not isinstance(token, str) or not token:
                return
            more = {"continue": token}

    def select(
        self, resource: Resource, namespace: str | None, query: Query = NO_QUERY
    ) -> Iterator[Object]:
        """Yield every object of a list, each at most once, even if the list was restarted."""
        seen: set[tuple[str, str]] = set()
        for _ in range(_EXPIRED_MOST):
            try:
                for page in self.pages(resource, namespace, query):
                    for item in page["items"]:
                        meta = item.get("metadata")
                        meta = meta if isinstance(meta, dict) else {}
                        key = str(meta.get("namespace")), str(meta.get("name"))
                        if key not in seen:
                            seen.add(key)
                            yield item
                return
            except Expired:
                continue
        raise Problem(
            f"The API server forgot the list of {resource.kind}s while it was read; try again."
        )

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Create an object and return it as the API server stored it. The body goes to kubectl's standard input."""
        path = resource.path(namespace)
        command = ["create", "--raw", path, "-f", "-"]
        return self._document(command, "create", resource, namespace, json.dumps(body))

    def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> None:
        """Replace an object. The body goes to kubectl's standard input."""
        path = resource.path(namespace, name)
        command = ["replace", "--raw", path, "-f", "-"]
        self._document(command, "update", resource, namespace, json.dumps(body))

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete an object."""
        path = resource.path(namespace, name)
        self._document(["delete", "--raw", path], "delete", resource, namespace)

    def watch(
        self, resource: Resource, namespace: str | None, seconds: int, query: Query = NO_QUERY
    ) -> Watch:
        """Begin a watch, which the API server ends after `seconds`."""
        path = resource.path(namespace, query={"watch": "true", "timeoutSeconds": seconds, **query})
        return Watch([*self._command, "get", "--raw", path], resource, namespace)

    def versions(self) -> Object:
        """Return the versions of kubectl and of the API server as `kubectl version` prints them."""
        done = self._run(["version", "-o", "json"])
        try:
            found = json.loads(done.stdout)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}

    def namespace(self) -> str:
        """Return the namespace that kubectl uses by default."""
        path = "jsonpath={.contexts[0].context.namespace}"
        done = self._run(["config", "view", "--minify", "-o", path])
        named = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode == 0:
            return named or _DEFAULT_NAMESPACE
        try:
            with open(_SERVICE_ACCOUNT, encoding="utf-8") as file:  # noqa: PTH123
                return file.read(253).strip() or _DEFAULT_NAMESPACE
        except OSError:
            return _DEFAULT_NAMESPACE

    def _document(
        self,
        command: Sequence[str],
        verb: str,
        resource: Resource,
        namespace: str | None,
        body: str | None = None,
    ) -> Object:
        done = self._run(command, body)
        if done.returncode != 0:
            if done.stdout.startswith(_ASKS):
                raise no_credentials()
            said = done.stderr.decode("utf-8", "replace")
            raise refusal(said, verb, resource.full, resource.kind, namespace)
        try:
            found = json.loads(done.stdout)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Problem(
                "kubectl printed something that is not JSON; try `kubectl get --raw /version`.",
                code=FAILED,
            )
        return found

    def _run(
        self, command: Sequence[str], body: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        given: Any = {"stdin": None} if body is None else {"input": body.encode()}
        try:
            return subprocess.run(
                [*self._command, *command],
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
                env=os.environ,
                **given,
            )
        except subprocess.TimeoutExpired as late:
            if (late.stdout or b"").startswith(_ASKS):
                raise no_credentials() from None
            raise Problem(
                f"kubectl did not answer within {_TIMEOUT_SECONDS} seconds; check the context and the network.",
                code=FAILED,
            ) from None
        except OSError as error:
            raise not_started(error) from None


class Watch:
    """A running watch: yields changes until the API server ends it or `end` is called."""

    def __init__(self, command: Sequence[str], resource: Resource, namespace: str | None) -> None:
        self._of = resource, namespace
        self._ended = False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the process
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said
            )
        except OSError as error:
            self._said.close()
            raise not_started(error) from None

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        """Yield the type and the object of each change; raise Expired, or a Problem if it was refused."""
        stream = self._process.stdout
        assert stream is not None
        while line := stream.readline(_LINE_MOST):
            event = _event(line)
            if event is not None:
                yield event
        if self._process.wait() and not self._ended:
            self._said.seek(0)
            said = self._said.read(4096).decode("utf-8", "replace")
            resource, namespace = self._of
            raise refusal(said, "watch", resource.full, resource.kind, namespace)

    def end(self) -> None:
        """End the watch and its iteration, from any thread."""
        self._ended = True
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()


def _event(line: bytes) -> tuple[str, Object] | None:
    """Return the type and the object of one event of a watch; None if the line is not an event. Raises Expired."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("object"), dict):
        return None
    kind, changed = str(found.get("type")), found["object"]
    if kind == "ERROR":
        raise Expired
    return kind, changed
