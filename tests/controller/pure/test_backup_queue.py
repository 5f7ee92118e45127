"""When backups begin: those of tenants that were applied together at once, those that a person asks for now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.backups.queue import GATHER_SECONDS, BackupQueue
from baileys_janitor.schedule.tenant_backups import schedule_of
from baileys_janitor.tenants.record import Key, TenantRecord
from tests.controller.pure.test_backup_jobs import wanted

NOW = 1_795_000_000.0
STARTED = NOW - 3600


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def wait(self, event: object, until: float | None) -> None:
        raise NotImplementedError


class World:
    """A queue of backups, and the tenants that it knows."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tenants: dict[Key, TenantRecord] = {}
        self.queue = BackupQueue(
            self.clock,
            self.tenants.get,
            lambda tenant: tenant.effective and schedule_of("shop", tenant.effective, 0.0),
            STARTED,
        )

    def apply(self, name: str, time: float) -> TenantRecord:
        """Have a tenant with a status turn up at a time."""
        tenant = wanted(name).tenant
        self.clock.time = time
        self.tenants[tenant.key] = tenant
        self.queue.observe(tenant)
        return tenant

    def next_due(self) -> float:
        found = self.queue.next_due()
        assert found is not None
        return found


@given(st.lists(st.floats(0.001, GATHER_SECONDS), min_size=2, max_size=6))
def test_tenants_that_are_applied_together_are_backed_up_together(offsets: list[float]) -> None:
    world = World()
    base = NOW - NOW % GATHER_SECONDS
    for number, offset in enumerate(sorted(offsets)):
        world.apply(f"t{number}", base + offset)
    due = world.next_due()
    assert due == base + GATHER_SECONDS
    assert len(list(world.queue.due(due))) == len(offsets)


@given(st.floats(0, 1e6))
def test_a_first_backup_waits_for_others_but_shortly(offset: float) -> None:
    world = World()
    world.apply("acme", NOW + offset)
    assert 0 <= world.next_due() - (NOW + offset) <= GATHER_SECONDS


def test_a_backup_that_was_asked_for_waits_for_nobody() -> None:
    world = World()
    tenant = world.apply("acme", NOW + 1)
    for each in tenant.backup.repositories.values():
        each.ask(NOW + 1)
    world.queue.hurry(tenant)
    assert world.next_due() <= NOW + 1
