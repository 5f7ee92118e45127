"""The election for shards: a Lease for each, and one for the layout, without which no replica acts.

The Lease of the layout has the configured name, which is that of the only Lease if there is one shard. Every replica
that holds a shard renews it under the same identity, `shards-N`. Replicas with another number of shards, or without
shards, see it held by somebody else and stand by: two layouts are never active at the same time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace
from typing import Any

from baileys_janitor.controller.kube.client import TIMEOUT_SECONDS, ApiError, Kube
from baileys_janitor.controller.kube.leader_election import Election, Seat, first_of
from baileys_janitor.controller.shards import balance
from baileys_janitor.controller.shards.balance import View
from baileys_janitor.controller.shards.layout import Shards

logger = logging.getLogger("janitor.leader")

GATHER_SECONDS = 10.0
"""Maximum time that a replica waits for further shards before it begins with those that it has."""
LEAST_SECONDS = 0.05
"""Minimum seconds between two reads of the Leases."""
GIVEN_SECONDS = 5.0
"""How long a replica does not take back a shard that it has just handed over."""


class ShardElection:
    """One replica's part in the election for shards. It holds any number of them, and acts for all it holds at once.

    Whenever its shards change, its work ends and begins again: everything is read again, and no state remains of a
    shard that another replica holds now.
    """

    def __init__(
        self, kube: Kube, seat: Seat, shards: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._seat = seat
        self._now = now
        self._layout = Election(kube, replace(seat, identity=f"shards-{shards}", shared=True), now)
        self._leases = [
            Election(kube, replace(seat, name=f"{seat.name}-{shard}"), now)
            for shard in range(shards)
        ]
        self._news = asyncio.Event()
        """Set when a Lease was seen to change."""
        self._moved = asyncio.Event()
        """Set when the held shards differ from the managed ones."""
        self._looked_at = [-1e9] * (shards + 1)
        self._given: dict[int, float] = {}
        """Until when not to take a shard that was handed over."""
        self._term: frozenset[int] = frozenset()
        self._moving = False
        self._lock = asyncio.Lock()
        """Held while Leases are written, so that none is renewed and given up at the same time."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._led_until = now()
        self._told = ""
        for each in (self._layout, *self._leases):
            each.changed = self._news.set

    # For the operator

    @property
    def shards(self) -> Shards:
        """The shards that are managed now."""
        return Shards(len(self._leases), self._term)

    @property
    def takes_part(self) -> bool:
        """Whether every Lease could be read: a standby is ready from then on."""
        return all(each.takes_part for each in (self._layout, *self._leases))

    def held(self) -> bool:
        """Return whether this operator may act, for all of its shards, at this very moment."""
        return (
            bool(self._term)
            and self._layout.held()
            and all(self._leases[shard].held() for shard in self._term)
        )

    def leaderless(self) -> float:
        """Return for how many seconds a shard has had no holder, as far as known; 0 while all have one."""
        if self._other_layout():
            self._led_until = self._now()
        alone = max(lease.leaderless() for lease in self._leases)
        return min(alone, self._now() - self._led_until)

    async def win(self, stop: asyncio.Event) -> bool:
        """Wait until this operator holds its share of the shards; return False if `stop` was set before."""
        self._term, self._moving = frozenset(), False
        self._start()
        held_since: float | None = None
        while not stop.is_set():
            holds = bool(self._held()) and self._layout.held()
            held_since = (held_since or self._now()) if holds else None
            if held_since is not None and (
                self._is_settled() or self._now() - held_since > GATHER_SECONDS
            ):
                self._term = frozenset(self._held())
                self._moved.clear()
                listed = ", ".join(map(str, sorted(self._term)))
                logger.info(
                    "This operator leads shard %s of %d (%s)",
                    *(listed, len(self._leases), self._seat.identity),
                )
                return True
            self._moved.clear()
            await first_of(stop, self._moved, within=balance.STEP_SECONDS)
        await self.release()
        return False

    async def until_lost(self) -> None:
        """Return when a shard is lost, is to be handed over or was added, early enough to stop in time."""
        while self.held() and not self._moved.is_set():
            # No write is sent after that, however late this is noticed.
            leases = (self._layout, *(self._leases[shard] for shard in self._term))
            left = min(each.left() for each in leases)
            await first_of(self._moved, within=max(LEAST_SECONDS, left))
        # The held shards are kept while the work begins again with other shards.
        self._moving = self._layout.held() and bool(self._held())

    async def release(self) -> None:
        """Give up the shards to be handed over; all of them if this operator ends or its work has failed."""
        going = self._moving
        self._term, self._moving = frozenset(), False
        if going:
            async with self._lock:
                await self._hand_over()
            return
        await self._stop()
        # Replicas of another layout wait for this Lease. While all shards are held, no other replica of this layout
        # acts.
        if len(self._held()) == len(self._leases):
            await self._layout.release()
        else:
            self._layout.drop()
        await asyncio.gather(*(lease.release() for lease in self._leases))

    # Holding and taking

    def _held(self) -> set[int]:
        return {shard for shard, lease in enumerate(self._leases) if lease.held()}

    def _other_layout(self) -> bool:
        """Return whether another layout is in force."""
        holder = self._layout.holder()
        return holder is not None and not self._layout.held()

    def _view(self) -> View:
        now = self._now()
        free = {shard: lease.free_for() for shard, lease in enumerate(self._leases)}
        return View(
            self._seat.identity,
            {shard: lease.holder() for shard, lease in enumerate(self._leases)},
            {s: for_ for s, for_ in free.items() if for_ >= 0 and self._given.get(s, 0.0) <= now},
            {s: lease.asked_by() for s, lease in enumerate(self._leases) if lease.asked_by()},
        )

    def _is_settled(self) -> bool:
        view = self._view()
        return None not in view.holders.values() and self._seat.identity not in view.asks.values()

    def _start(self) -> None:
        if not self._tasks:
            follows = (each.follow() for each in (self._layout, *self._leases))
            self._tasks = {asyncio.create_task(each) for each in (self._keep(), *follows)}

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = set()

    async def _keep(self) -> None:
        """Renew held Leases, take free ones, and balance, forever."""
        while True:
            self._news.clear()
            try:
                async with self._lock:
                    await self._pass()
            except Exception:
                # If the failure lasts, the held Leases expire, and the work ends then.
                logger.exception("The Leases of shards: unforeseen")
                await asyncio.sleep(self._seat.renew)
            await first_of(self._news, within=self._pause())

    def _pause(self) -> float:
        now = self._now()
        due = [e.due() - now for e in (self._layout, *self._leases) if e.held()]
        return max(LEAST_SECONDS, min([balance.STEP_SECONDS, *due]))

    async def _pass(self) -> None:
        await self._look()
        await self._renew()
        if self._other_layout() or not self.takes_part:
            await self._hand_over(self._held() - self._term)
            return
        await self._take()
        if not self._held():
            self._layout.drop()
        elif not self._layout.held():
            await self._tried(self._layout.take(), "The Lease of the layout")
        view = self._view()
        for shard in balance.to_ask(view):
            await self._tried(self._leases[shard].ask(), f"A wish for shard {shard}")
        giving = balance.to_give(view)
        for shard, asker in view.asks.items():
            if view.holders[shard] == view.me and shard not in giving:
                self._leases[shard].refused = asker
        if self._held() != self._term or giving:
            self._moved.set()
        if not self._term:
            await self._hand_over()

    async def _look(self) -> None:
        """Read the Leases that are not held, as often as one would be renewed."""
        now, looks = self._now(), []
        for place, each in enumerate((self._layout, *self._leases)):
            if not each.held() and now - self._looked_at[place] >= self._seat.renew:
                self._looked_at[place] = now
                looks.append(self._tried(each.look(), "The Leases"))
        await asyncio.gather(*looks)

    async def _renew(self) -> None:
        now = self._now()
        due = [e for e in (self._layout, *self._leases) if e.held() and e.due() <= now]
        await asyncio.gather(*(each.keep() for each in due))
        if any(not each.held() for each in due):
            self._moved.set()

    async def _take(self) -> None:
        shard = balance.to_take(self._view())
        if shard is not None and await self._tried(self._leases[shard].take(), f"Shard {shard}"):
            logger.debug("Shard %d is taken", shard)
            # There may be more.
            self._news.set()

    async def _tried(self, attempt: Coroutine[Any, Any, bool | None], what: str) -> bool:
        """Return whether an attempt succeeded; a request that the API server refuses is tried again later."""
        try:
            async with asyncio.timeout(max(self._seat.duration / 2, TIMEOUT_SECONDS)):
                done = await attempt
        except (ApiError, TimeoutError) as error:
            quiet = isinstance(error, ApiError) and error.status in {404, 409}
            why = f"{what} cannot be had: {error or 'no answer in time'}"
            if why != self._told and not quiet:
                logger.warning(why)
                self._told = why
            return False
        return bool(done)

    async def _hand_over(self, shards: Collection[int] | None = None) -> None:
        """Give up these shards; without any, those that others request and are to get."""
        if shards is None:
            giving = balance.to_give(self._view())
            for shard, asker in giving.items():
                logger.info("Shard %d is handed over to %s", shard, asker)
            shards = giving
        for shard in shards:
            self._given[shard] = self._now() + GIVEN_SECONDS
        await asyncio.gather(*(self._leases[shard].release() for shard in shards))
