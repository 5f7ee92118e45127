"""Creates operations."""

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
"""The label of the operations of one command, which lets it watch only these."""
_NAME_MOST: Final = 40
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class OperationRequest(NamedTuple):
    """An operation to create: the tenant, the action, and the action's group of the spec (`more`)."""

    namespace: str
    tenant: str
    action: str
    more: Mapping[str, Any]
    dry_run: bool = False

    def with_field(self, group: str, field: str, value: str) -> OperationRequest:
        """Return a copy with a field set in a group of the spec."""
        own = {**self.more.get(group, {}), field: value}
        return self._replace(more={**self.more, group: own})

    def body(self, request: str) -> dict[str, Any]:
        """Return the object to create; `request` is the id of the command, for the label."""
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


def create(kubectl: Kubectl, asked: OperationRequest, request: str) -> OperationDocument:
    """Create an operation; raise a Problem if the cluster refuses it."""
    return operation_document(kubectl.create(OPERATIONS, asked.namespace, asked.body(request)))
