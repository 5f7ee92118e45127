"""Sets of tenants in a cluster: a volume's writer makes directories, and only what was agreed gets a tenant."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable

import pytest

from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import CLAIMS, JOBS, SETS, TENANTS, until
from tests.controller.tenant_sets.sets import Sets, sessions_in

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
DAY = 86_400.0


async def test_a_set_is_a_preview_until_somebody_agrees(sets: Sets, operator: Operator) -> None:
    await sets.volume("company_962302", "auth/4915512345678")
    await sets.world.tenant("elder", "bots", "company_962302")
    await sets.make(template={"mode": "Observe"})
    async with operator():
        await sets.told(found=2, tenants=0, elsewhere=1, new=1)
        awaits = await sets.condition("AwaitsConfirmation")
        assert awaits["status"] == "True"
        assert awaits["message"].startswith("1 tenant would be created: set spec.confirm to true")
        assert list(await sets.tenants()) == ["company_962302"]

        await sets.edit(confirm=True)
        await sets.told(found=2, tenants=1, elsewhere=1, new=0)
        await sets.ready("Observing")
    tenants = await sets.tenants()
    made = tenants["auth/4915512345678"]
    assert re.fullmatch(r"tenant-[0-9a-f]{6}", made["metadata"]["name"])
    assert made["spec"]["mode"] == "Observe"
    assert "companyId" not in made["spec"]
    [owner] = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("BaileysTenantSet", "all", True)
    annotations = made["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"
    assert (await sets.condition("AwaitsConfirmation"))["status"] == "False"
    listed = await sets.client.select(JOBS, sets.namespace)
    assert not [each for each in listed["items"] if "list" in each["metadata"]["name"]]


async def test_five_hundred_directories_within_a_minute_make_fifty_tenants_a_day(
    sets: Sets, operator: Operator
) -> None:
    volume = await sets.volume("company_0")
    await sets.make(confirm=True, template={"suspend": True})
    clock = SkippingClock()
    async with operator(clock):
        await sets.told(found=1, tenants=1)
        asked = {} if sets.world.cluster.real else sets.world.cluster.server.requests
        before = dict(asked)
        sessions_in(volume, *[f"company_{number}" for number in range(1, 500)])
        status = await sets.told(clock, found=500, tenants=50, waiting=450)
        limited = await sets.condition("LimitReached")
        assert len(await sets.tenants()) == 50
        assert "newPerDay (50)" in limited["message"]
        assert len(status["known"]) == 50
        made = {
            kind: asked.get(("POST", kind), 0) - before.get(("POST", kind), 0)
            for kind in ("baileystenants", "jobs")
        }
        (volume / "company_0").rename(volume / "company_renamed")
        await sets.told(clock, found=500, tenants=50, waiting=451, gone=1)
    # However many there are: what waits costs nothing, and a look costs a Job for each page of some dozens.
    if not sets.world.cluster.real:
        assert made["baileystenants"] == 49
    assert made["jobs"] <= 60, made


async def test_a_volume_that_is_empty_for_a_while_deletes_nothing(
    sets: Sets, operator: Operator
) -> None:
    volume = await sets.volume("one", "two", "three")
    await sets.make(confirm=True, whenGone="Delete", template={"suspend": True})
    clock = SkippingClock()
    async with operator(clock):
        await sets.told(found=3, tenants=3)
        for name in ("one", "two", "three"):
            (volume / name).rename(volume.parent / f"{volume.name}-{name}")
        await sets.told(clock, found=0, tenants=3, gone=0)
        for _ in range(9):
            await sets.skip(clock, DAY)
            await until(lambda: _looked_again(sets, clock), "it was looked again")
        await sets.told(found=0, tenants=3, gone=0)
        for name in ("one", "two"):
            (volume.parent / f"{volume.name}-{name}").rename(volume / name)
        await sets.told(clock, found=2, tenants=3, gone=1)
        await sets.skip(clock, 6 * DAY)
        await sets.told(clock, found=2, tenants=3, gone=1)
        assert len(await sets.tenants()) == 3
        await sets.skip(clock, DAY)
        await sets.told(clock, found=2, tenants=2, gone=0)
    assert set(await sets.tenants()) == {"one", "two"}
    shutil.rmtree(volume.parent / f"{volume.name}-three")


async def test_a_tenant_deleted_by_hand_comes_back_only_when_confirmed(
    sets: Sets, operator: Operator
) -> None:
    await sets.volume("one", "two")
    await sets.make(confirm=True, template={"suspend": True})
    clock = SkippingClock()
    async with operator(clock):
        await sets.told(found=2, tenants=2)
    name = (await sets.tenants())["one"]["metadata"]["name"]
    await sets.client.delete(TENANTS, sets.namespace, name)
    await sets.world.gone(TENANTS, name)
    async with operator(clock):  # another one, which has not seen the deletion
        await sets.told(clock, found=2, tenants=1, deletedByHand=1)
        awaits = await sets.condition("AwaitsConfirmation")
        assert "janitor.baileys.dev/confirm" in awaits["message"]
        assert set(await sets.tenants()) == {"two"}
        await sets.confirm("yes")
        status = await sets.told(found=2, tenants=2, deletedByHand=0)
        assert status["lastHandledConfirm"] == "yes"
    assert (await sets.tenants())["one"]["metadata"]["name"] == name


async def test_a_tenant_is_edited_when_the_template_changes_and_at_no_other_time(
    sets: Sets, operator: Operator
) -> None:
    await sets.volume("one")
    await sets.make(confirm=True, template={"suspend": True, "cooldown": "1h"})
    clock = SkippingClock()
    async with operator(clock):
        await sets.told(found=1, tenants=1)
        name = (await sets.tenants())["one"]["metadata"]["name"]
        own = {"spec": {"cooldown": "2h", "companyId": "acme"}}
        await sets.client.patch(TENANTS, sets.namespace, name, own)
        await sets.skip(clock, 301)
        await until(lambda: _looked_again(sets, clock), "it was looked again")
        assert (await sets.tenants())["one"]["spec"]["cooldown"] == "2h"
        await sets.edit(template={"cooldown": "3h", "suspend": None})

        async def edited() -> bool:
            spec = (await sets.tenants())["one"]["spec"]
            return bool(spec == {"cooldown": "3h", "volume": {"claimName": "bots", "path": "one"}})

        await until(edited, "the tenant has the new template")


async def _looked_again(sets: Sets, clock: SkippingClock) -> bool:
    from baileys_janitor.api.values.timestamps import from_rfc3339

    before = from_rfc3339((await sets.status()).get("lastLookTime")) or 0.0
    await sets.skip(clock, 1900)  # beyond the interval in which an unchanged status is not written
    await asyncio.sleep(0.5)
    after = from_rfc3339((await sets.status()).get("lastLookTime")) or 0.0
    return after > before


async def test_claims_with_labels_get_a_tenant_each(sets: Sets, operator: Operator) -> None:
    for name, team in (("a", "bots"), ("b", "bots"), ("c", "web")):
        await sets.world.claim(name)
        labels = {"metadata": {"labels": {"team": team}}}
        await sets.client.patch(CLAIMS, sets.namespace, name, labels)
    await sets.client.patch(CLAIMS, sets.namespace, "c", {"metadata": {"labels": {"retired": ""}}})
    chosen = [
        {"key": "team", "operator": "In", "values": ["bots", "web"]},
        {"key": "retired", "operator": "DoesNotExist"},
    ]
    source = {"claims": {"selector": {"matchExpressions": chosen}}}
    await sets.make(source=source, confirm=True, limit=1, template={"suspend": True})
    clock = SkippingClock()
    async with operator(clock):
        await sets.told(found=2, tenants=1, waiting=1)
        assert "spec.limit (1)" in (await sets.condition("LimitReached"))["message"]
        await sets.edit(limit=5)
        await sets.told(found=2, tenants=2, waiting=0)
        tenants = await sets.tenants()
        assert set(tenants) == {"a", "b"}
        assert tenants["a"]["metadata"]["name"].startswith("a-")
        # A claim cannot be renamed: another one takes its place, and the set sees one that is gone and a new one.
        await sets.client.delete(CLAIMS, sets.namespace, "a")
        await sets.world.claim("z")
        label = {"metadata": {"labels": {"team": "bots"}}}
        await sets.client.patch(CLAIMS, sets.namespace, "z", label)
        await sets.told(clock, found=2, tenants=3, new=0, gone=1)
    assert set(await sets.tenants()) == {"a", "b", "z"}


async def test_a_claim_that_is_missing_is_told_and_found_when_it_comes(
    sets: Sets, operator: Operator
) -> None:
    await sets.make(confirm=True, template={"suspend": True})
    clock = SkippingClock()
    async with operator(clock):
        said = await sets.ready("ClaimMissing")
        assert said["status"] == "False"
        assert (await sets.condition("Stalled"))["status"] == "True"
        assert "spec.source.directories.claimName" in said["message"]
        await sets.volume("one")
        await sets.told(clock, found=1, tenants=1)
        await sets.ready("Observing")


async def test_an_invalid_template_is_refused_with_the_field(
    sets: Sets, operator: Operator
) -> None:
    await sets.volume("one")
    await sets.make(confirm=True, template={"thresholds": {"warning": 172}})
    async with operator():
        said = await sets.ready("InvalidSpec")
        assert "spec.template.thresholds" in said["message"]
        assert await sets.tenants() == {}


async def test_deleting_a_set_takes_its_tenants_along_and_no_data(
    sets: Sets, operator: Operator
) -> None:
    volume = await sets.volume("one")
    await sets.make(confirm=True, template={"suspend": True})
    async with operator():
        await sets.told(found=1, tenants=1)
        await sets.client.delete(SETS, sets.namespace, "all")

        async def none() -> bool:
            return not await sets.tenants()

        await until(none, "the tenants are gone")
    assert (volume / "one" / "creds.json").exists()


async def test_without_the_setting_nothing_happens(sets: Sets, operator: Operator) -> None:
    await sets.volume("one")
    await sets.make(confirm=True)
    await sets.world.tenant("other", "bots", "two")
    async with operator(tenantSets={"enabled": False}):
        await sets.world.ready("other", "DirectoryMissing")
    assert (await sets.status()).get("observedGeneration") == -1
    assert set(await sets.tenants()) == {"two"}
