"""Just enough of a Kubernetes client to hold the resource against an API server."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Refused(Exception):  # noqa: N818 - what the server did, not what went wrong
    """The API server said no; the message is its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Api:
    """Requests to one API server."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._place = urlsplit(url)
        self._headers: dict[str, str] = {}
        self._groups: list[str] = []
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def as_user(self, name: str, groups: Iterable[str] = ()) -> Api:
        """The same server, asked in another's name, who is in these groups."""
        other = Api(self._place.geturl())
        other._headers = self._headers | {"Impersonate-User": name}
        other._groups = [*groups]
        return other

    def request(
        self, method: str, path: str, body: object = None, accept: str = "application/json"
    ) -> Any:
        """The answer's document; `Refused` for any other than a 2xx."""
        connection = self._connection()
        try:
            headers = self._headers | {"Content-Type": "application/json", "Accept": accept}
            data = None if body is None else json.dumps(body)
            connection.putrequest(method, path)
            for name, value in [
                *headers.items(),
                *(("Impersonate-Group", g) for g in self._groups),
            ]:
                connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data.encode())))
            connection.endheaders(None if data is None else data.encode())
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        document = json.loads(text) if text[:1] == "{" else {"message": text}
        if answer.status >= 300:
            raise Refused(answer.status, str(document.get("message", text)))
        return document

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._place.hostname or "", self._place.port
        if self._place.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=60)
        # The certificate is the test server's own, made a second ago.
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection(host, port, timeout=60, context=context)

    def ready(self) -> bool:
        """Whether the server answers that it is ready."""
        try:
            return bool(self.request("GET", "/readyz")["message"] == "ok")
        except (OSError, Refused, http.client.HTTPException):
            return False

    def install(self, crd: dict[str, Any]) -> dict[str, Any]:
        """Creates the definition and waits until the server serves it."""
        self.request("POST", CRDS, crd)
        end = time.monotonic() + 30
        while True:
            stored: dict[str, Any] = self.request("GET", f"{CRDS}/{crd['metadata']['name']}")
            conditions = stored.get("status", {}).get("conditions") or []
            held = {found["type"]: found["status"] for found in conditions}
            if held.get("Established") == "True" and self._serves(crd["spec"]):
                return stored
            if time.monotonic() > end:
                raise TimeoutError(f"the definition was not established: {conditions}")
            time.sleep(0.05)  # a process outside: there is nothing to await

    def _serves(self, spec: dict[str, Any]) -> bool:
        # A real server serves the kind a moment after it has said so.
        try:
            self.request("GET", f"/apis/{spec['group']}/v1alpha1/{spec['names']['plural']}")
        except Refused:
            return False
        return True
