"""Tenants that are named and do not exist, without a cluster: who is refused, and in which sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.kubectl.client import Kubectl
from baileys_janitor.cli.kubectl.refusals import FORBIDDEN, NOT_FOUND, Request
from baileys_janitor.cli.kubectl.resources import Resource
from baileys_janitor.cli.plugin.operations.named_tenants import existing, refuse_missing
from baileys_janitor.cli.plugin.options import Chosen
from baileys_janitor.cli.terminal.problems import EXIT_USAGE, Problem

NAMES = st.text("abc", min_size=1, max_size=3)
PLACES = st.tuples(st.sampled_from(["shop", "support"]), NAMES)


class Known(Kubectl):
    """Reads the tenants that are known, as far as `rights` (verbs) go."""

    def __init__(self, known: set[tuple[str, str]], rights: set[str]) -> None:
        super().__init__()
        self._known = known
        self._rights = rights

    def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        self._need("get")
        if (namespace, name) not in self._known:
            raise Request("There is none.", NOT_FOUND, "get")
        return {}

    def select(
        self, resource: Resource, namespace: str | None, query: Mapping[str, str | int] = {}
    ) -> Iterator[dict[str, Any]]:
        self._need("list")
        for place, name in sorted(self._known):
            if place == namespace:
                yield {"metadata": {"namespace": place, "name": name}}

    def _need(self, verb: str) -> None:
        if verb not in self._rights:
            raise Request("It is forbidden.", FORBIDDEN, verb)


@pytest.fixture(autouse=True, scope="module")
def command_line() -> Iterator[None]:
    with click.Context(click.Command("clean")):
        yield


@given(st.sets(PLACES), st.lists(PLACES, min_size=1), st.sets(st.sampled_from(["get", "list"])))
def test_who_is_missing_is_refused_and_who_exists_never(
    known: set[tuple[str, str]], named: list[tuple[str, str]], rights: set[str]
) -> None:
    cluster = Chosen(Known(known, rights), None)
    tenants = set(named)
    seen = set()
    for place in ("shop", "support"):
        there = {each for each in tenants if each[0] == place}
        if ("get" if len(there) == 1 else "list") in rights:
            seen |= there
    missing = seen - known
    said = refusal_of(cluster, tenants)
    assert (said is not None) is bool(missing)
    for place, name in tenants - missing:
        assert f"no {name} in the namespace {place}" not in (said or "")
        assert f"BaileysTenant {name} in the namespace {place}" not in (said or "")


def refusal_of(cluster: Chosen, tenants: set[tuple[str, str]]) -> str | None:
    """The sentence of a refusal, None where there is none."""
    try:
        refuse_missing(cluster, tenants)
    except Problem as problem:
        return problem.message
    return None


def test_a_name_that_is_given_twice_is_one_tenant() -> None:
    cluster = Chosen(Known({("shop", "a"), ("shop", "b")}, {"list"}), "shop")
    assert existing(cluster, ["b", "a", "shop/b"]) == [("shop", "b"), ("shop", "a")]


@pytest.mark.parametrize(
    ("named", "rights", "said"),
    [
        ("acmee", "get list", "acmee in the namespace shop (nearest: acme, acme-2)"),
        ("acmee", "get", "acmee in the namespace shop; `kubectl baileys status -A` shows those that there are"),
        ("zz", "get list", "zz in the namespace shop; `kubectl baileys status -A` shows those that there are"),
        ("v w x y z", "list", (
            "v in the namespace shop and no w in the namespace shop and no x in the namespace shop and none of 2 more; "
            "`kubectl baileys status -A` shows those that there are"
        )),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_near(named: str, rights: str, said: str) -> None:
    known = {("shop", "acme"), ("shop", "acme-2"), ("shop", "bank"), ("support", "acmee")}
    cluster = Chosen(Known(known, set(rights.split())), "shop")
    with pytest.raises(Problem) as refused:
        existing(cluster, named.split())
    assert refused.value.exit_code == EXIT_USAGE
    assert refused.value.message == f"There is no BaileysTenant {said}: no operation was created."
