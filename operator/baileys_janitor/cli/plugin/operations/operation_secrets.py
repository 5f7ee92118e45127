"""Secrets for the time of an operation: created with it, and deleted when it has ended.

The operator has no right on Secrets, so the command creates the Secret that an operation needs, and deletes it. The
content is written to kubectl's standard input; it is in no argument, output or message.
"""

from __future__ import annotations

import base64
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.api.bounded import mapping
from baileys_janitor.api.names import API_VERSION, OPERATION_KIND
from baileys_janitor.cli.kubectl.refusals import NOT_FOUND, Request
from baileys_janitor.cli.kubectl.resources import SECRETS
from baileys_janitor.cli.plugin.operations.create import REQUEST_LABEL
from baileys_janitor.cli.plugin.operations.run_operations import carry_out
from baileys_janitor.cli.terminal.output import say_prose
from baileys_janitor.cli.terminal.problems import EXIT_FAILED, Problem

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.plugin.operations.create import OperationRequest
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument
    from baileys_janitor.cli.plugin.operations.run_operations import Waiting
    from baileys_janitor.cli.plugin.options import Chosen

_SIGNALS: Final = [getattr(signal, each) for each in ("SIGTERM", "SIGHUP") if hasattr(signal, each)]


class OperationSecrets:
    """One Secret `baileys-KIND-REQUEST` in each namespace, all with the same data.

    `what` describes the content to people: "the recovery key". With `outlives` the Secret stays if an operation
    continues after the command has ended. The content is never shown.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        kind: str,
        data: Mapping[str, str],
        request: str,
        what: str,
        *,
        outlives: bool,
    ) -> None:
        self._kubectl = kubectl
        self._kind = kind
        self._data = dict(data)
        self._request = request
        self._what = what
        self._outlives = outlives
        self._secrets: dict[str, str] = {}
        self._stored: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"OperationSecrets({self._kind}, {len(self._secrets)} Secrets)"

    def name_in(self, namespace: str) -> str:
        """Return the name of a namespace's Secret, and create the Secret at the first call."""
        name = f"baileys-{self._kind}-{self._request}"
        if namespace not in self._secrets:
            # Recorded before it is created, so that it is deleted even if the answer never arrives.
            self._secrets[namespace] = name
            encoded = {
                key: base64.b64encode(text.encode()).decode() for key, text in self._data.items()
            }
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {REQUEST_LABEL: self._request},
                },
                "type": "Opaque",
                "data": encoded,
            }
            try:
                self._stored[namespace] = self._kubectl.create(SECRETS, namespace, body)
            except Request:
                # The API server has refused, so there is no Secret.
                del self._secrets[namespace]
                raise
        return name

    def give_to(self, operation: OperationDocument) -> None:
        """Make the first operation own its Secret, so that a killed command does not leave the Secret forever."""
        stored = self._stored.pop(operation["namespace"], None)
        if stored is None:
            return
        owner = {
            "apiVersion": API_VERSION,
            "kind": OPERATION_KIND,
            "name": operation["name"],
            "uid": operation["uid"],
        }
        meta = {**mapping(stored.get("metadata")), "ownerReferences": [owner]}
        try:
            name = self._secrets[operation["namespace"]]
            self._kubectl.replace(
                SECRETS, operation["namespace"], name, {**stored, "metadata": meta}
            )
        except Problem:
            say_prose(
                f"The Secret with {self._what} is deleted when this command ends, but by nothing else: that takes "
                "the right to update Secrets."
            )

    def take_away(self, under_way: Counter[str]) -> bool:
        """Delete the Secrets, except those that operations still need; return False if one could not be deleted."""
        clean = True
        for namespace, name in self._secrets.items():
            delete = f"kubectl -n {namespace} delete secrets {name}"
            if under_way[namespace] and self._outlives:
                say_prose(
                    f"The Secret {name} with {self._what} stays, because an operation goes on that needs it. When it "
                    "has ended:",
                    delete,
                )
                continue
            try:
                self._kubectl.delete(SECRETS, namespace, name)
            except Problem as problem:
                if isinstance(problem, Request) and problem.code == NOT_FOUND:
                    continue
                clean = False
                say_prose(
                    f"Error: the Secret {name} with {self._what} could not be deleted. Do it now:",
                    delete,
                )
                continue
            if under_way[namespace]:
                say_prose(
                    f"The Secret with {self._what} is deleted: what goes on fails unless its pod runs already. Ask "
                    "again then."
                )
        return clean


def carry_out_with(
    cluster: Chosen,
    made: OperationSecrets,
    asked: Sequence[OperationRequest],
    with_secret: Callable[[OperationRequest, str], OperationRequest],
    waiting: Waiting,
    over: Callable[[OperationDocument], None] | None = None,
) -> int:
    """Run operations with their Secrets in the cluster, and delete the Secrets in every case.

    `with_secret` adds the name of the Secret to a request; `over` is called with each operation that has ended.
    """
    under_way: Counter[str] = Counter()
    code = EXIT_FAILED

    def begun(operation: OperationDocument) -> None:
        under_way[operation["namespace"]] += 1
        made.give_to(operation)

    def ended(operation: OperationDocument) -> None:
        under_way[operation["namespace"]] -= 1
        if over is not None:
            over(operation)

    with _ends_as_interrupts():
        try:
            for each in sorted({one.namespace for one in asked}):
                made.name_in(each)
            requests = [with_secret(each, made.name_in(each.namespace)) for each in asked]
            code = carry_out(cluster, requests, waiting, begun, ended)
        finally:
            if not made.take_away(under_way):
                code = EXIT_FAILED
    return code


@contextmanager
def _ends_as_interrupts() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP as Ctrl-C, so that the cleanup runs."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = [(each, signal.signal(each, interrupt)) for each in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
