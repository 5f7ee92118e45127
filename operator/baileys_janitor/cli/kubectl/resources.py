"""The resources that are accessed through kubectl, and their paths on the API server."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

from baileys_janitor.api.names import API_VERSION, KIND, OPERATION_KIND, OPERATION_PLURAL, PLURAL

Query: TypeAlias = Mapping[str, str | int]
NO_QUERY: Final[Query] = MappingProxyType({})


class Resource(NamedTuple):
    """A resource: its group and version, its plural, and its singular for sentences."""

    version: str
    plural: str
    kind: str

    def path(self, namespace: str | None, name: str | None = None, query: Query = NO_QUERY) -> str:
        """Return the path of one object or of a list, in one namespace or in all."""
        parts = ["apis" if "/" in self.version else "api", *self.version.split("/")]
        parts += ["namespaces", quote(namespace, safe="")] if namespace else []
        parts += [self.plural]
        parts += [quote(name, safe="")] if name else []
        asked = f"?{urlencode(query)}" if query else ""
        return f"/{'/'.join(parts)}{asked}"

    @property
    def full(self) -> str:
        """Return the name that `kubectl auth can-i` takes: the plural with its group."""
        group = self.version.rpartition("/")[0]
        return f"{self.plural}.{group}" if group else self.plural


TENANTS: Final = Resource(API_VERSION, PLURAL, KIND)
OPERATIONS: Final = Resource(API_VERSION, OPERATION_PLURAL, OPERATION_KIND)
EVENTS: Final = Resource("v1", "events", "Event")
JOBS: Final = Resource("batch/v1", "jobs", "Job")
PODS: Final = Resource("v1", "pods", "Pod")
NAMESPACES: Final = Resource("v1", "namespaces", "Namespace")
SECRETS: Final = Resource("v1", "secrets", "Secret")
DEPLOYMENTS: Final = Resource("apps/v1", "deployments", "Deployment")
