"""Asks for acts: creates operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from baileys_janitor.api.names import API_VERSION, GROUP, OPERATION_KIND
from baileys_janitor.cli.kubectl.resources import OPERATIONS
from baileys_janitor.cli.plugin.operations.documents import operation_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument

REQUEST_LABEL: Final = f"{GROUP}/request"
"""Label of operations that one command has asked for, so that it can watch these alone."""
_NAME_MOST: Final = 40
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Asked(NamedTuple):
    """An act that somebody asks for: the tenant, the action, and the action's own group of the spec."""

    namespace: str
    tenant: str
    action: str
    more: Mapping[str, Any]
    dry_run: bool = False

    def with_field(self, group: str, field: str, value: str) -> Asked:
        """Return the same act, with a field in a group of the spec."""
        own = {**self.more.get(group, {}), field: value}
        return self._replace(more={**self.more, group: own})

    def body(self, request: str) -> dict[str, Any]:
        """Return the operation as it is created; `request` stands for the command that asks for it."""
        words = "-".join(_WORDS.split(self.action)).lower()
        spec: dict[str, Any] = {"tenant": self.tenant, "action": self.action, **self.more}
        spec |= {"dryRun": True} if self.dry_run else {}
        return {
            "apiVersion": API_VERSION,
            "kind": OPERATION_KIND,
            "metadata": {
                "generateName": f"{words}-{self.tenant[:_NAME_MOST]}-",
                "namespace": self.namespace,
                "labels": {REQUEST_LABEL: request},
            },
            "spec": spec,
        }


def ask(kubectl: Kubectl, asked: Asked, request: str) -> OperationDocument:
    """Create an operation; raise a Problem where the cluster refuses it."""
    return operation_document(kubectl.create(OPERATIONS, asked.namespace, asked.body(request)))
