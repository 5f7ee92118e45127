"""Key stores in a cluster, with a real database: declared, counted, cleaned, and in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from baileys_janitor.status.changes import JobEnded
from sandbox.client import ApiError
from tests.controller.keystores.stores import Stores
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import until
from tests.keystore import data

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


async def test_a_store_is_counted_and_cleaned_as_its_files_would_be(
    stores: Stores, operator: Operator, url: str
) -> None:
    companies = [data.company("962302"), data.company("962303", 2)]
    data.first_layout(url, *companies)
    total = sum(len(each.keys) for each in companies)
    gone = sum(len(data.removable(each)) for each in companies)
    await stores.store("main", url)
    async with operator():
        status = await stores.scanned("main")
        assert status["keys"]["total"] == total
        assert status["keys"]["expired"] == gone
        assert status["sessions"]["count"] == 2
        assert sum(status["keys"]["ages"].values()) == total
        assert (await stores.ready("main", "Observing"))["status"] == "True"
        assert (await stores.condition("main", "LayoutValid"))["status"] == "True"
        await stores.ask("main", "now")
        status = await stores.cleaned("main")
        await stores.quiet()
    last = status["lastRun"]
    assert (last["removed"], last["before"], last["after"]) == (gone, total, total - gone)
    assert last["reason"] == "Requested"
    assert sum(last["byType"].values()) == gone
    assert status["lastHandledRequest"] == "now"
    left = {(kind, ident) for _, kind, ident in data.rows(url)}
    assert left == set().union(*(each.names - data.removable(each) for each in companies))


async def test_a_dry_run_removes_nothing_and_says_what_it_would(
    stores: Stores, operator: Operator, url: str
) -> None:
    company = data.company()
    data.first_layout(url, company)
    before = data.rows(url)
    await stores.store("main", url)
    async with operator(modeCeiling="DryRun"):
        await stores.scanned("main")
        await stores.ask("main", "now")
        status = await stores.cleaned("main", "DryRun")
    assert status["lastRun"]["removed"] == len(data.removable(company))
    assert status["lastRun"]["message"].startswith("Would remove")
    assert data.rows(url) == before


async def test_a_run_is_made_once_whoever_goes_on_with_it(
    stores: Stores, operator: Operator, url: str
) -> None:
    """The operator ends when its Job is under way; the next one takes its result in and makes no other."""
    company = data.company()
    data.first_layout(url, company)
    await stores.store("main", url)
    async with operator():
        await stores.scanned("main")
        await stores.quiet()
        stores.cluster.kubelet.hold()
        await stores.ask("main", "now")

        async def under_way() -> bool:
            claimed = (await stores.status("main")).get("run") or {}
            return bool(claimed.get("uid"))

        await until(under_way, "the Job of the claimed run is made")
    run = (await stores.status("main"))["run"]["id"]
    async with operator():
        stores.cluster.kubelet.release()
        status = await stores.cleaned("main")
        await stores.quiet()
    assert [entry["run"] for entry in status["history"]] == [run]
    assert status["lastRun"]["removed"] == len(data.removable(company))
    with psycopg.connect(url) as connection:
        runs = connection.execute("SELECT run_id FROM baileys_janitor.runs").fetchall()
    assert runs == [(run,)]


async def test_a_job_that_is_lost_repeats_nothing(
    stores: Stores, operator: Operator, url: str
) -> None:
    """Its pod is killed before it runs: another Job carries out the same run, once."""
    company = data.company()
    data.first_layout(url, company)
    await stores.store("main", url)
    async with operator() as running:
        await stores.scanned("main")
        await stores.quiet()
        stores.cluster.kubelet.hold()
        await stores.ask("main", "now")

        async def named() -> str | None:
            jobs = await stores.jobs()
            return str(jobs[0]["metadata"]["name"]) if jobs else None

        name = await until(named, "the Job is there")
        await stores.client.delete(
            "batch/v1/jobs", stores.namespace, name, propagationPolicy="Background"
        )
        stores.cluster.kubelet.release()
        with running.hurry():
            status = await stores.cleaned("main")
    assert len(status["history"]) == 1
    assert status["lastRun"]["removed"] == len(data.removable(company))


TROUBLE = {
    "no-table": ("ALTER TABLE whatsapp_keys RENAME TO others", {}, "TableMissing", "keys.table"),
    "no-column": ("ALTER TABLE whatsapp_keys DROP COLUMN value", {}, "ColumnMissing", "value"),
    "wrong-name": (None, {"keys": {"columns": {"type": "kind"}}}, "ColumnMissing", "type"),
}


@pytest.mark.parametrize("name", TROUBLE)
async def test_what_is_wrong_with_a_database_is_said_with_the_way_out(
    stores: Stores, operator: Operator, url: str, name: str
) -> None:
    statement, spec, reason, named = TROUBLE[name]
    data.first_layout(url, data.company())
    if statement is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
    await stores.store("main", url, **spec)
    async with operator():
        condition = await stores.ready("main", reason)
    assert condition["status"] == "False"
    assert named in condition["message"]
    assert (await stores.condition("main", "Stalled"))["status"] == "True"


async def test_a_database_that_cannot_be_reached_is_said_and_tried_again(
    stores: Stores, operator: Operator, url: str
) -> None:
    data.first_layout(url, data.company())
    await stores.store("main", "postgresql://nobody@127.0.0.1:1/nothing")
    async with operator() as running:
        condition = await stores.ready("main", "Unreachable")
        assert "nothing" not in condition["message"]
        secret = {"stringData": {"url": url}}
        await stores.client.patch("v1/secrets", stores.namespace, "main-db", secret)
        with running.hurry():
            await stores.ready("main", "Observing")


async def test_keys_without_times_are_counted_and_never_removed(
    stores: Stores, operator: Operator, url: str
) -> None:
    company = data.company()
    data.first_layout(url, company)
    await stores.store("main", url, keys={"columns": {"updated": "", "created": ""}})
    async with operator():
        status = await stores.scanned("main")
        assert status["keys"]["total"] == len(company.keys)
        assert (await stores.condition("main", "LayoutValid"))["status"] == "False"
        await stores.ready("main", "CountedOnly")
        await stores.ask("main", "now")
        status = await stores.cleaned("main", "Refused")
    assert len(data.rows(url)) == len(company.keys)
    assert status["lastRun"]["removed"] == 0


async def test_a_large_cleanup_is_a_condition_and_an_event(
    stores: Stores, operator: Operator, url: str
) -> None:
    data.first_layout(url, data.company(old=30))
    await stores.store("main", url, warnAbove=10)
    async with operator():
        await stores.scanned("main")
        await stores.ask("main", "now")
        await stores.cleaned("main")
        condition = await stores.condition("main", "LargeCleanup")
        assert condition["status"] == "True"
        assert "warnAbove (10)" in condition["message"]

        async def told() -> bool:
            reasons = {event["reason"] for event in await stores.events("main")}
            return {"LargeCleanup", "CleanupStarted", "CleanupFinished"} <= reasons

        await until(told, "Events tell of it")
    assert {event["regarding"]["kind"] for event in await stores.events("main")} == {
        "BaileysKeyStore"
    }


async def test_a_suspended_store_is_left_alone_and_its_request_waits(
    stores: Stores, operator: Operator, url: str
) -> None:
    data.first_layout(url, data.company())
    await stores.store("main", url, suspend=True)
    async with operator():
        await stores.ready("main", "Suspended")
        await stores.ask("main", "now")
        await asyncio.sleep(0)
        assert await stores.jobs() == []
        await stores.edit("main", suspend=False)
        status = await stores.cleaned("main")
    assert status["lastHandledRequest"] == "now"


async def test_an_invalid_spec_names_the_field(
    stores: Stores, operator: Operator, url: str
) -> None:
    with pytest.raises(ApiError, match="give an IANA name such as UTC"):
        await stores.store("main", url, schedule={"timeZone": "Mars/Olympus"})
    # What only the operator can see.
    await stores.store("main", schedule={"dailyCleanup": "0 5-3 * * *"})
    async with operator():
        condition = await stores.ready("main", "InvalidSpec")
    assert "spec.schedule.dailyCleanup ('0 5-3 * * *')" in condition["message"]


async def test_a_secret_that_is_missing_is_named(
    stores: Stores, operator: Operator, url: str
) -> None:
    data.first_layout(url, data.company())
    await stores.store("main")
    async with operator() as running:
        with running.hurry(over_jobs=True):
            condition = await stores.ready("main", "SecretMissing")
        assert "The Secret main-db does not exist in this namespace" in condition["message"]
        await stores.secret("main-db", dsn=url)
        with running.hurry(over_jobs=True):
            condition = await stores.ready("main", "SecretKeyMissing")
        assert "The Secret has no key url" in condition["message"]
        await stores.edit("main", connection={"key": "dsn"})
        with running.hurry():
            await stores.ready("main", "Observing")


async def test_a_pod_that_is_killed_in_the_middle_loses_no_row_and_the_next_run_goes_on(
    stores: Stores, operator: Operator, url: str
) -> None:
    companies = [data.company(f"96230{number}", number) for number in range(8)]
    data.first_layout(url, *companies)
    before = data.rows(url)
    # So long between two companies that there is a middle.
    await stores.store("main", url, limits={"pause": "2s"})
    async with operator() as running:
        await stores.scanned("main")
        await stores.quiet()
        await stores.ask("main", "now")
        await until(lambda: len(data.rows(url)) < len(before), "the first rows have gone")
        (job,) = await stores.jobs()
        name = job["metadata"]["name"]
        found = await stores.client.select("v1/pods", stores.namespace)
        pods = [pod["metadata"]["name"] for pod in found["items"]]
        (pod,) = [pod for pod in pods if pod.startswith(name)]
        stores.cluster.kubelet.kill(stores.namespace, pod)
        with running.hurry():
            status = await stores.cleaned("main", "Killed")
            assert "ended early" in status["lastRun"]["message"]
            await stores.edit("main", limits={"pause": "1ms"})
            await stores.ask("main", "again")
            status = await stores.cleaned("main", runs=2)
    left = set(data.rows(url))
    gone = {(each.name, *key) for each in companies for key in data.removable(each)}
    assert left == set(before) - gone
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT session, key_type, key_id FROM baileys_janitor.archive")
        assert set(rows.fetchall()) == gone


async def test_a_cleanup_may_take_as_long_as_its_limit_says(
    stores: Stores, operator: Operator, url: str
) -> None:
    """It waits for a lock for some minutes, and no other Job takes its place."""
    company = data.company()
    data.first_layout(url, company)
    await stores.store("main", url, limits={"lockTimeout": "60s", "duration": "10m"})
    ended: list[object] = []
    async with operator() as running:
        await stores.scanned("main")
        await stores.quiet()
        running.stores.bus.subscribe(ended.append)
        with psycopg.connect(url) as locking:
            locking.execute("LOCK TABLE whatsapp_auth IN ACCESS EXCLUSIVE MODE")
            await stores.ask("main", "now")
            await until(lambda: _waits(url), "the Job waits for the lock")
            running.skip(400)
            await until(running.still, "the operator has looked at it")
        status = await stores.cleaned("main")
        await stores.quiet()
    jobs = [each for each in ended if isinstance(each, JobEnded) and each.action == "keys-clean"]
    assert [each.outcome for each in jobs] == ["Completed"]
    assert status["lastRun"]["removed"] == len(data.removable(company))


def _waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        ).fetchone()
    return found is not None and found[0] > 0
