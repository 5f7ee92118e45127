"""The resources of an API server, for controllers that need all of them."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.client import ApiError, Client


@dataclass(frozen=True, slots=True)
class Listed:
    """A resource that can be listed, watched and deleted; `path` is such as `batch/v1/jobs`."""

    path: str
    api_version: str
    kind: str
    namespaced: bool


async def discover(client: Client) -> list[Listed]:
    """Return all of them, each in its group's preferred version.

    Raises:
        ApiError, aiohttp.ClientError: discovery itself fails.
    """
    groups = await client.request("GET", "/apis")
    versions = ["v1", *(g["preferredVersion"]["groupVersion"] for g in groups["groups"])]
    found = []
    for version in versions:
        # The same Events as in v1.
        if version.startswith("events.k8s.io/"):
            continue
        root = "/apis" if "/" in version else "/api"
        try:
            listed = await client.request("GET", f"{root}/{version}")
        except ApiError:
            continue
        found += [
            Listed(f"{version}/{r['name']}", version, r["kind"], r["namespaced"])
            for r in listed["resources"]
            if "/" not in r["name"] and {"list", "watch", "delete"} <= set(r["verbs"])
        ]
    return found
