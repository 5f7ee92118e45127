"""What was sent is kept for each shard, and found again when the fleet is divided otherwise."""

from __future__ import annotations

from typing import Any, cast

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.notifications.state_store import StateStore, key_of
from baileys_janitor.controller.shards.layout import ALL, Shards, shard_of
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.controller.tenants.shard_records import ShardRecords
from baileys_janitor.notify.delivery_state import DeliveryState, Entry
from baileys_janitor.notify.incidents import identify

Object = dict[str, Any]
KIND = INCIDENT_KINDS["ScanStale"]
TENANTS = [(f"space-{n}", "acme", f"uid-{n}") for n in range(12)]


class ConfigMaps:
    """One ConfigMap, as the chart makes it; larger ones than `most` characters are refused."""

    def __init__(self) -> None:
        self.data: dict[str, str] | None = {}
        self.most = 1_000_000

    async def get(self, _url: str) -> Object:
        return {"data": dict(self.data or {})}

    async def patch(self, _url: str, body: Object) -> Object:
        if self.data is None:
            raise ApiError(404, "NotFound", "")
        merged = {k: v for k, v in (self.data | body["data"]).items() if v is not None}
        if sum(map(len, merged.values())) > self.most:
            raise ApiError(422, "Invalid", "too long")
        self.data = merged
        return {"data": dict(merged)}


def store(maps: ConfigMaps, shard: int, shards: int) -> StateStore:
    one = Shards(shards, frozenset({shard}))
    return StateStore(cast("Kube", maps), "operators", "janitor-notifications", one)


def own(shard: int, shards: int) -> set[int]:
    return {identify(*each) for each in TENANTS if shard_of(each[0], shards) == shard}


async def sent(maps: ConfigMaps, shards: int, mark: float = 100.0) -> None:
    """Every shard has sent what holds of its tenants."""
    for shard in range(shards):
        entries = {base | KIND.family: Entry(KIND, 5.0, 7.0) for base in own(shard, shards)}
        state = DeliveryState(entries, mark=mark + shard, day=3.0)
        kept = store(maps, shard, shards)
        await kept.read()
        assert await kept.write({"hook": state})


async def taken_over(maps: ConfigMaps, shard: int, shards: int) -> set[int]:
    """What a shard of another layout knows as sent, after it has looked for it."""
    kept = store(maps, shard, shards)
    assert await kept.read() == {}
    assert kept.has_another_layout()
    found = kept.read_others(own(shard, shards))
    await kept.write(found)
    assert found["hook"].mark == max(each.mark or 0.0 for each in found.values())
    return {id_ & ~0xF for id_ in found["hook"].entries}


async def test_each_shard_reads_its_own() -> None:
    maps = ConfigMaps()
    await sent(maps, 2)

    for shard in range(2):
        kept = store(maps, shard, 2)
        found = await kept.read()
        assert {id_ & ~0xF for id_ in found["hook"].entries} == own(shard, 2)
        assert not kept.has_another_layout()


async def test_with_another_number_of_shards_nothing_is_lost_and_nothing_is_anothers() -> None:
    for before, after in ((1, 2), (2, 3), (3, 2), (2, 1)):
        maps = ConfigMaps()
        await sent(maps, before)

        for shard in range(after):
            assert await taken_over(maps, shard, after) == own(shard, after), (before, after)

        # What is of the layout before goes once everybody has taken over.
        wanted = {"about", *(key_of(shard, after) for shard in range(after))}
        assert set(maps.data or {}) == wanted


async def test_what_finds_no_room_beside_the_layout_before_takes_its_place() -> None:
    maps = ConfigMaps()
    await sent(maps, 1)
    maps.most = sum(map(len, (maps.data or {}).values())) + 10

    await taken_over(maps, 0, 2)

    assert set(maps.data or {}) == {"about", key_of(0, 2)}


def test_a_shard_sees_the_records_of_its_namespaces_alone() -> None:
    cache = TenantCache(OperatorConfig())
    for number, (namespace, name, uid) in enumerate(TENANTS):
        meta = {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": str(number)}
        spec = {"volume": {"claimName": "data"}}
        cache.observe({"metadata": meta | {"generation": 1}, "spec": spec}, 1000.0)

    seen = [set(ShardRecords(cache, Shards(2, frozenset({s}))).records) for s in range(2)]

    assert seen[0] | seen[1] == set(cache.records)
    assert not seen[0] & seen[1]
    assert ShardRecords(cache, ALL).records is cache.records
