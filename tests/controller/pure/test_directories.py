"""Tenants that share a directory: the elder one is looked after, and finding out stays cheap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.controller.tenants.directories import duplicate
from baileys_janitor.tenants.record import TenantRecord
from tests.calls import Calls
from tests.controller.pure.world import CONFIG, NOW, body

Object = dict[str, Any]


def resource(
    name: str, claim: str, path: str, second: int = 0, namespace: str = "shop", version: str = "1"
) -> Object:
    """A tenant's resource that was created in some second."""
    spec = {"volume": {"claimName": claim, "path": path}}
    found = body(
        spec,
        namespace=namespace,
        name=name,
        uid=f"u-{name}",
        version=version,
        generation=int(version),
    )
    found["metadata"]["creationTimestamp"] = f"2026-11-22T00:{second // 60:02}:{second % 60:02}Z"
    return found


def known(*resources: Object) -> TenantCache:
    cache = TenantCache(CONFIG)
    for one in resources:
        cache.observe(one, NOW)
    return cache


def elder(cache: TenantCache, name: str) -> str | None:
    found = cache.elder(cache.tenants["shop", name])
    return None if found is None else found.name


@pytest.mark.parametrize("path", ["company_1", "./company_1/", "company_1/auth", "."])
@pytest.mark.parametrize("first", [0, 1])
def test_the_younger_of_two_tenants_of_one_directory_is_the_duplicate(
    path: str, first: int
) -> None:
    both = [resource("old", "data", "company_1", 1), resource("a-new", "data", path, 2)]
    cache = known(both[first], both[1 - first])

    assert elder(cache, "a-new") == "old"
    assert elder(cache, "old") is None


def test_the_name_decides_between_tenants_of_the_same_second() -> None:
    cache = known(resource("b", "data", "."), resource("a", "data", "."))

    assert (elder(cache, "a"), elder(cache, "b")) == (None, "a")


@pytest.mark.parametrize(
    "other",
    [
        resource("old", "other", "company_1"),
        resource("old", "data", "company_2"),
        resource("old", "data", "company_10"),
        resource("old", "data", "company"),
        resource("old", "data", "company_1", namespace="mall"),
    ],
)
def test_another_directory_is_no_duplicate(other: Object) -> None:
    assert elder(known(other, resource("new", "data", "company_1", 5)), "new") is None


def test_a_duplicate_is_none_any_more_when_the_other_goes_moves_or_is_another() -> None:
    old, new = resource("old", "data", "."), resource("new", "data", ".", 5)

    cache = known(old, new)
    cache.forget(("shop", "old"), "u-old")
    assert elder(cache, "new") is None

    cache = known(old, new)
    cache.observe(resource("old", "data", "elsewhere", version="2"), NOW)
    assert elder(cache, "new") == "old"
    cache.observe(resource("old", "other", ".", version="3"), NOW)
    assert elder(cache, "new") is None

    cache = known(old, new)
    again = resource("old", "data", ".", 9, version="2")
    again["metadata"]["uid"] = "u-again"
    cache.observe(again, NOW)
    assert (elder(cache, "new"), elder(cache, "old")) == (None, "new")


def test_a_tenant_whose_spec_has_become_invalid_keeps_its_directory() -> None:
    cache = known(resource("old", "data", "."), resource("new", "data", ".", 5))
    invalid = resource("old", "data", ".", version="2")
    invalid["spec"]["thresholds"] = {"warning": -1}
    cache.observe(invalid, NOW)
    assert elder(cache, "new") == "old"

    nowhere = resource("old", "data", ".", version="3")
    nowhere["spec"] = {"volume": {"claimName": "elsewhere", "path": "../x"}}
    cache.observe(nowhere, NOW)
    assert elder(cache, "new") == "old"


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [("a", "a", "is also"), ("a/b", "a", "inside"), ("a", ".", "inside"), (".", "a", "holds")],
)
def test_the_message_names_the_other_one_and_the_way_out(here: str, there: str, words: str) -> None:
    cache = known(resource("old", "data", there), resource("new", "data", here, 5))
    new, old = cache.tenants["shop", "new"], cache.tenants["shop", "old"]
    fault = duplicate(new, old)

    assert fault.reason == "DuplicateDirectory"
    assert fault.stalled
    assert words in fault.message
    assert '"old"' in fault.message
    assert "delete" in fault.message


paths = st.lists(st.sampled_from(["a", "a!", "ab", "b", "a-"]), max_size=3).map(
    lambda parts: "/".join(parts) or "."
)


def overlap(one: TenantRecord, other: TenantRecord) -> bool:
    """The rule, as one would say it."""
    assert one.effective is not None
    assert other.effective is not None
    mine, theirs = (
        [part for part in each.path.split("/") if part != "."]
        for each in (one.effective, other.effective)
    )
    shared = min(len(mine), len(theirs))
    return mine[:shared] == theirs[:shared]


@given(st.lists(st.tuples(paths, st.integers(0, 3)), max_size=12), st.sets(st.integers(0, 11)))
def test_the_index_finds_what_comparing_all_with_all_finds(
    made: list[tuple[str, int]], gone: set[int]
) -> None:
    cache = known(*(resource(f"t{n}", "data", path, age) for n, (path, age) in enumerate(made)))
    for number in gone:
        cache.forget(("shop", f"t{number}"), f"u-t{number}")
    everybody = list(cache.tenants.values())
    for one in everybody:
        beside = [other for other in everybody if overlap(one, other)]
        eldest = min(beside, key=lambda other: (other.resource.created, other.name))
        assert cache.elder(one) is (None if eldest is one else eldest)


@pytest.mark.parametrize("shared", [True, False])
def test_ten_thousand_tenants_stay_cheap(shared: bool) -> None:
    count = 10_000
    cache = known(
        *(
            resource(f"t{n}", "data" if shared else f"data-{n}", f"company_{n}")
            for n in range(count)
        )
    )
    with Calls() as made:
        assert not any(cache.elder(tenant) for tenant in cache.tenants.values())
    # Comparing all with all would take thousands for each.
    assert count < made.count < 100 * count
