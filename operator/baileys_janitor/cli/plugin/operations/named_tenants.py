"""The tenants that a command names, and the refusal of those that do not exist.

The operator waits ten minutes for the tenant of an operation, since it may be about to be created. A mistyped name is
refused at once.
"""

from __future__ import annotations

import difflib
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from baileys_janitor.api.bounded import part
from baileys_janitor.api.names import KIND
from baileys_janitor.cli.kubectl.refusals import FORBIDDEN, NOT_FOUND, Request
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin.options import parted, typed_options
from baileys_janitor.cli.plugin.tenants import shown
from baileys_janitor.cli.terminal.pasting import word
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.plugin.options import Chosen

_NEAREST_MOST: Final = 3
_MISSING_MOST: Final = 3


class _Missing(NamedTuple):
    """A tenant that does not exist, and the names there that resemble it."""

    namespace: str
    name: str
    nearest: list[str]

    def __str__(self) -> str:
        nearest = f" (nearest: {', '.join(self.nearest)})" if self.nearest else ""
        return f"{self.name} in the namespace {self.namespace}{nearest}"


def each_of(cluster: Chosen, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return namespace and name of each named tenant, without repeats; raise bad usage for an invalid name."""
    return list(dict.fromkeys(parted(name, cluster, KIND) for name in names))


def existing(cluster: Chosen, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return namespace and name of each named tenant; raise bad usage if one does not exist."""
    tenants = each_of(cluster, names)
    refuse_missing(cluster, tenants)
    return tenants


def refuse_missing(cluster: Chosen, tenants: Iterable[tuple[str, str]]) -> None:
    """Raise bad usage if any of these tenants does not exist. Tenants that may not be read count as existing."""
    missing: list[_Missing] = []
    for namespace, places in groupby(sorted(tenants), key=itemgetter(0)):
        missing += _missing(cluster.kubectl, namespace, [name for _, name in places])
    if not missing:
        return
    said = " and no ".join(map(str, missing[:_MISSING_MOST]))
    if len(missing) > _MISSING_MOST:
        said += f" and none of {len(missing) - _MISSING_MOST:,} more"
    if not any(each.nearest for each in missing):
        line = " ".join(map(word, ("kubectl", "baileys", "status", "-A", *typed_options())))
        said += f"; `{line}` shows those that there are"
    raise usage(f"There is no {KIND} {said}: no operation was created.")


def _missing(kubectl: Kubectl, namespace: str, wanted: Sequence[str]) -> Iterator[_Missing]:
    """Yield those of some names in a namespace that do not exist; none if tenants may not be read there."""
    if len(wanted) == 1:
        # One object is faster to read than a list of thousands, and needs only the right to get.
        try:
            kubectl.get(TENANTS, namespace, wanted[0])
            return
        except Request as refused:
            if refused.code == FORBIDDEN:
                return
            if refused.code != NOT_FOUND:
                raise
    try:
        found = _names(kubectl, namespace, wanted)
    except Request as refused:
        if refused.code != FORBIDDEN:
            raise
        found = set() if len(wanted) == 1 else set(wanted)
    for name in wanted:
        if name not in found:
            nearest = difflib.get_close_matches(name, sorted(found), n=_NEAREST_MOST)
            yield _Missing(namespace, name, nearest)


def _names(kubectl: Kubectl, namespace: str, wanted: Sequence[str]) -> set[str]:
    """Return the names of a namespace's tenants; the list may end once all wanted names were found."""
    open_, found = set(wanted), set()
    for each in kubectl.select(TENANTS, namespace):
        name = shown(part(each, "metadata").get("name"))
        found.add(name)
        open_.discard(name)
        if not open_:
            break
    return found
