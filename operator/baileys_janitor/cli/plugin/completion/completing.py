"""Completions with names from the cluster. Never prints a problem, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.api.bounded import part, text
from baileys_janitor.cli.arguments.completing import plain
from baileys_janitor.cli.kubectl.refusals import Expired
from baileys_janitor.cli.kubectl.resources import NAMESPACES, OPERATIONS, TENANTS
from baileys_janitor.cli.terminal.problems import Problem

if TYPE_CHECKING:
    import click

    from baileys_janitor.cli.kubectl.resources import Resource

_ASKED_MOST: Final = 500


def tenants(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of tenants in the namespace chosen so far."""
    namespace, slash, _ = incomplete.rpartition("/")
    taken = set(ctx.params.get("names") or ())
    found = _names(ctx, TENANTS, namespace if slash else None)
    return plain([f"{namespace}{slash}{each}" for each in found if each not in taken], incomplete)


def operations(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of operations in the namespace chosen so far."""
    return plain(_names(ctx, OPERATIONS, None), incomplete)


def namespaces(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the cluster's namespaces."""
    return plain(_names(ctx, NAMESPACES, None), incomplete)


def _names(ctx: click.Context, resource: Resource, namespace: str | None) -> list[str]:
    """Return the names of a resource, in a namespace or in the one chosen so far."""
    from baileys_janitor.cli.plugin.options import chosen

    with ctx.scope(cleanup=False):
        try:
            cluster = chosen()
            place = None if resource is NAMESPACES else namespace or cluster.place
            found = cluster.kubectl.page(resource, place, {"limit": _ASKED_MOST})
        except (Problem, Expired):
            return []
    return sorted(text(part(each, "metadata").get("name")) for each in found["items"])
