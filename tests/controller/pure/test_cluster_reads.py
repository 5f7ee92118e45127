"""What is read of the cluster is kept for a while: the dearer the read, the longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

import pytest

from baileys_janitor.controller.jobs.cluster_reads import FRESH_SECONDS, PAGE_SECONDS, ClusterReads
from baileys_janitor.controller.kube.client import CHUNK, ApiError, Kube
from tests.controller.pure.world import NOW, tenant

Object = dict[str, Any]


class Server:
    """Lists of claims and pods as long as a test wants them, and how often each was read."""

    def __init__(self, claims: int = 0) -> None:
        self.claims = claims
        self.reads: list[str] = []
        self.refuses = False
        self.pods: list[Object] = []
        self.nodes: dict[str, Object] = {}
        self.node_status = 404
        self.refuses_claims = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def get(self, url: str) -> Object:
        await asyncio.sleep(0)
        name = url.rsplit("/", 1)[-1]
        self.reads.append(name)
        if name not in self.nodes:
            raise ApiError(self.node_status, "x", "no such node, or no right to read it")
        return self.nodes[name]

    async def list(self, url: str, **_: str) -> AsyncIterator[Object]:
        await asyncio.sleep(0)
        self.reads.append(url.rsplit("/", 1)[-1])
        if "claims" in url:
            await self.answers.wait()
        if self.refuses or (self.refuses_claims and "claims" in url):
            raise ApiError(500, "InternalError", "not now")
        for number in range(self.claims if "claims" in url else 0):
            spec = {"volumeName": f"pv-{number}"}
            yield {"metadata": {"name": f"claim-{number}"}, "spec": spec, "status": {}}
        for pod in self.pods if url.endswith("/pods") else ():
            yield pod


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def looked(server: Server, test: Callable[[ClusterReads, Hand], Coroutine[Any, Any, None]]) -> None:
    hand = Hand()
    asyncio.run(test(ClusterReads(cast("Kube", server), cast("Any", hand)), hand))


@pytest.mark.parametrize("pages", [0, 1, 40])
def test_a_long_list_is_read_less_often(pages: int) -> None:
    server = Server(pages * CHUNK)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        await reads.cluster("shop", [])
        hand.time += FRESH_SECONDS + PAGE_SECONDS * pages - 0.1
        await reads.cluster("shop", [])
        assert server.reads.count("persistentvolumeclaims") == 1
        hand.time += 0.2
        await reads.cluster("shop", [])
        assert server.reads.count("persistentvolumeclaims") == 2

    looked(server, test)


LONG = 40
KEPT_SECONDS = FRESH_SECONDS + PAGE_SECONDS * LONG


def test_nobody_waits_for_a_long_list_that_is_read_anew() -> None:
    server = Server(LONG * CHUNK)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        first = (await reads.cluster("shop", [])).edition
        hand.time += KEPT_SECONDS + 1
        server.answers.clear()
        assert (await reads.cluster("shop", [])).edition == first
        assert (await reads.cluster("shop", [])).edition == first
        # Who needs to know how it is now waits, for the read that has begun.
        asking = asyncio.create_task(reads.cluster("shop", [], hand.time))
        await asyncio.sleep(0)
        server.answers.set()
        assert (await asking).edition > first
        assert (await reads.cluster("shop", [])).edition > first
        assert server.reads.count("persistentvolumeclaims") == 2

    looked(server, test)


def test_a_long_list_that_is_twice_as_old_as_it_may_be_answers_nobody() -> None:
    server = Server(LONG * CHUNK)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        first = (await reads.cluster("shop", [])).edition
        hand.time += 2 * KEPT_SECONDS + 1
        assert (await reads.cluster("shop", [])).edition > first

    looked(server, test)


def test_a_list_that_cannot_be_read_anew_is_asked_for_again_until_it_is_too_old() -> None:
    server = Server(LONG * CHUNK)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        first = (await reads.cluster("shop", [])).edition
        hand.time += KEPT_SECONDS + 1
        server.refuses_claims = True
        for _ in range(2):
            assert (await reads.cluster("shop", [])).edition == first
            await reads.close()
        assert server.reads.count("persistentvolumeclaims") == 3
        hand.time += KEPT_SECONDS
        with pytest.raises(ApiError):
            await reads.cluster("shop", [])

    looked(server, test)


def test_what_has_proved_wrong_is_not_put_back_by_a_read_that_had_begun() -> None:
    server = Server(LONG * CHUNK)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        await reads.cluster("shop", [])
        hand.time += KEPT_SECONDS + 1
        server.answers.clear()
        await reads.cluster("shop", [])
        reads.forget("shop")
        server.answers.set()
        await asyncio.sleep(0)
        await reads.cluster("shop", [])
        assert server.reads.count("persistentvolumeclaims") == 3

    looked(server, test)


def test_lists_that_are_too_old_for_who_asks_are_read_again() -> None:
    server = Server(3)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        await reads.cluster("shop", [])
        hand.time += 1
        asked = hand.time
        await reads.cluster("shop", [], since=asked)
        hand.time += 1
        # The lists of before are new enough for this one, and the next ones share them again.
        await reads.cluster("shop", [], since=asked)
        await reads.cluster("shop", [])
        assert sorted(server.reads) == ["persistentvolumeclaims"] * 2 + ["pods"] * 2

    looked(server, test)


def test_all_who_ask_at_once_share_one_read() -> None:
    server = Server(3)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        await asyncio.gather(*(reads.cluster("shop", []) for _ in range(20)))
        assert sorted(server.reads) == ["persistentvolumeclaims", "pods"]

    looked(server, test)


def test_a_failed_read_is_not_kept() -> None:
    server = Server(3)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        server.refuses = True
        with pytest.raises(ApiError):
            await reads.cluster("shop", [])
        server.refuses = False
        assert len((await reads.cluster("shop", [])).claims) == 3

    looked(server, test)


def test_the_claim_of_a_volume_is_known_however_long_ago_anybody_asked() -> None:
    server = Server(2)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        await reads.cluster("shop", [])
        for seconds in (0.0, FRESH_SECONDS * 2):
            hand.time += seconds
            # Reading of another namespace drops what is too old to be used.
            await reads.cluster("elsewhere", [])
            assert await reads.volumes("shop") == {"pv-0": "claim-0", "pv-1": "claim-1"}
        hand.time += FRESH_SECONDS * 2
        server.refuses = True
        assert await reads.volumes("shop") == {}

    looked(server, test)


def test_what_is_kept_of_namespaces_that_nobody_asks_for_goes() -> None:
    server = Server(1)

    async def test(reads: ClusterReads, hand: Hand) -> None:
        for number in range(50):
            await reads.cluster(f"shop-{number}", [])
            hand.time += FRESH_SECONDS / 5
        assert sum(bool(kept) for kept in reads._kept) <= 2 * 6

    looked(server, test)


def unready_pod(node: str, claim: str = "data") -> Object:
    """A pod of which its node's controller says that it is not ready."""
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": claim}}
    return {
        "metadata": {"name": f"bot-{node}"},
        "spec": {"nodeName": node, "volumes": [volume]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]},
    }


def ready(status: str) -> Object:
    return {"status": {"conditions": [{"type": "Ready", "status": status}]}}


@pytest.mark.parametrize(
    ("node", "status", "lost"),
    [
        (ready("True"), 0, False),
        (ready("Unknown"), 0, True),
        (ready("False"), 0, True),
        ({}, 0, True),
        (None, 404, True),
        # Where nodes cannot be read, nothing is said against them.
        (None, 403, False),
    ],
)
def test_a_node_is_lost_when_it_is_gone_or_not_ready(
    node: Object | None, status: int, lost: bool
) -> None:
    server = Server()
    server.pods, server.node_status = [unready_pod("node-1")], status
    server.nodes = {} if node is None else {"node-1": node}

    async def test(reads: ClusterReads, hand: Hand) -> None:
        for _ in range(3):
            found = await reads.cluster("shop", [tenant()])
            assert found.lost == (frozenset(["node-1"]) if lost else frozenset())
        assert server.reads.count("node-1") == 1

    looked(server, test)


def test_no_node_is_read_for_pods_that_are_well_or_for_others_claims() -> None:
    server = Server()
    well = unready_pod("node-1")
    well["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    server.pods = [well, unready_pod("node-2", claim="other")]

    async def test(reads: ClusterReads, hand: Hand) -> None:
        await reads.cluster("shop", [tenant()])
        assert sorted(server.reads) == ["persistentvolumeclaims", "pods"]

    looked(server, test)
