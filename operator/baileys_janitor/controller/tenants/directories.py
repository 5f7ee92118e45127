"""Finds tenants that share a directory, or have one inside another: only the oldest is managed. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from baileys_janitor.api.config.effective import Effective
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

Entry = tuple[str, str]
"""(path with a slash at its end, name of the tenant). The path of a claim's root is empty."""


class Directories:
    """The directories of all tenants by (namespace, claim), each claim's in the order of their paths.

    Directories inside a directory follow it in that order, so looking up one directory takes as long with ten thousand
    tenants on other claims, or beside it on the same claim, as with ten.
    """

    def __init__(self) -> None:
        self._by_claim: dict[tuple[str, str], list[Entry]] = {}

    def add(self, namespace: str, name: str, effective: Effective) -> None:
        """Record the directory of a tenant."""
        entries = self._by_claim.setdefault((namespace, effective.claim_name), [])
        insort(entries, (_key(effective.path), name))

    def remove(self, namespace: str, name: str, effective: Effective) -> None:
        """Drop the directory of a tenant, which was added with these settings."""
        claim = namespace, effective.claim_name
        entries, entry = self._by_claim.get(claim, []), (_key(effective.path), name)
        at = bisect_left(entries, entry)
        if entries[at : at + 1] == [entry]:
            del entries[at]
        if not entries:
            self._by_claim.pop(claim, None)

    def overlapping(self, namespace: str, effective: Effective) -> Iterator[str]:
        """Yield the names of the tenants of this directory, of those around it, and of those inside it."""
        entries = self._by_claim.get((namespace, effective.claim_name), [])
        if len(entries) < 2:
            yield from (name for _, name in entries)
            return
        key = _key(effective.path)
        for outer in _around(key):
            at = bisect_left(entries, (outer, ""))
            while at < len(entries) and entries[at][0] == outer:
                yield entries[at][1]
                at += 1
        at = bisect_left(entries, (key, ""))
        while at < len(entries) and entries[at][0].startswith(key):
            yield entries[at][1]
            at += 1


def _key(path: str) -> str:
    return "" if path == "." else f"{path}/"


def _around(key: str) -> Iterator[str]:
    """Yield the directories that contain this one, the root first."""
    if key:
        yield ""
    for at, letter in enumerate(key[:-1]):
        if letter == "/":
            yield key[: at + 1]


def age(tenant: TenantRecord) -> tuple[float, str]:
    """Return the sort key of tenants by age, oldest first: the time of creation, and the name if times are equal."""
    return tenant.resource.created, tenant.name


def duplicate(tenant: TenantRecord, elder: TenantRecord) -> Fault:
    """Return the fault of a tenant whose directory belongs to an older one."""
    assert tenant.effective is not None
    assert elder.effective is not None
    here, there = tenant.effective.path, elder.effective.path
    if here == there:
        how = "is also that"
    elif there == "." or here.startswith(f"{there}/"):
        how = f"lies inside that (path {there})"
    else:
        how = f"holds that (path {there})"
    return Fault(
        "DuplicateDirectory",
        f'The directory of this tenant {how} of the BaileysTenant "{elder.name}", which is older and is looked after. '
        "Correct spec.volume, or delete one of the two.",
    )
