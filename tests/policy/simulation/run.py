"""A simulated tenant under the rule: its files, the looks at them, and what is removed, against the truth.

The truth is what no listing shows: a file's age is the time that the bot ran since its last use, stops of
more than a day left out. A file that is put in from elsewhere counts from then, if it differs from the one
that was there, and from the one that the last look saw: nothing could tell the latter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from baileys_janitor.policy.ages.ages import Ages, file_time
from baileys_janitor.policy.ages.running import Look, Memory, advance, observe, recount
from baileys_janitor.policy.ages.running_text import decode, encode
from baileys_janitor.policy.files.file_entry import Entry
from tests.policy.simulation.tenants import DAY, HOUR, MINUTE, Model, Tenant, tenant
from tests.policy.worlds import identity_of

START = 1_700_006_400  # a Wednesday, 00:00 UTC; what a day of the week is called matters to nobody
IDENTITIES = (identity_of(), identity_of(registrationId=78))


@dataclass
class Outcome:
    """What happened to one tenant. Ages in seconds of running time."""

    removed: int = 0
    #: Removed before the tenant had run for the limit, and by how much at worst.
    young: int = 0
    short: int = 0
    #: In the second half, at each look: files, those that are overdue, and the worst of these.
    files: list[int] = field(default_factory=list)
    overdue: list[int] = field(default_factory=list)
    late: int = 0
    longest_text: int = 0

    @property
    def share(self) -> float:
        """Overdue files of all files."""
        return sum(self.overdue) / max(1, sum(self.files))


@dataclass
class File:
    """Modification time as it is on the disk, the true time of the last use, and when it was put there."""

    shown: int
    used: int
    changed: int


class Run:
    """One tenant from its first message to the horizon."""

    def __init__(self, name: str, seed: int, limit: int, days: int) -> None:
        self.tenant: Tenant = tenant(name, seed, days)
        self.model: Model = self.tenant.model
        self.limit = limit
        self.random = Random(f"looks {name} {seed}")
        self.files: dict[int, File] = {}
        self.born: list[tuple[int, int]] = []
        self.copy: dict[int, File] = {}
        self.looked_at: dict[int, int] = {}
        self.identity = IDENTITIES[0]
        self.memory: str | None = None
        self.outcome = Outcome()
        self._entries: dict[tuple[int, int, int], Entry] = {}

    def go(self) -> Outcome:
        """Let the time pass, look by look."""
        looks = self._looks()
        deeds = [(int(day * DAY), what) for day, what in self.model.deeds]
        happenings = sorted(
            [(time, 0, contact) for time, contact in self.tenant.messages]
            + [(time, 1, place) for place, (time, _) in enumerate(deeds)]
            + [(time, 2, clean) for time, clean in looks]
        )
        for time, kind, what in happenings:
            if kind == 0:
                self._write(time, what)
            elif kind == 1:
                self._do(time, deeds[what][1])
            else:
                self._look(time, bool(what))
        return self.outcome

    def _looks(self) -> list[tuple[int, int]]:
        model = self.model
        every = max(int(model.look_every * DAY), MINUTE)
        first = self.tenant.first_look // every * every + int(model.look_hour * HOUR)
        looks = [(time, 1) for time in range(first, self.tenant.horizon, every)]
        if model.scans:
            scans = range(first, self.tenant.horizon, 6 * HOUR)
            looks += [(time, 0) for time in scans if (time - first) % every]
        return sorted(looks)

    def _write(self, time: int, contact: int) -> None:
        shown = self.tenant.wall(time)[0] + self.model.server_ahead
        shown -= shown % self.model.granularity
        if contact not in self.files:
            self.born.append((shown, contact))
        self.files[contact] = File(shown, time, shown)

    def _do(self, time: int, deed: str) -> None:
        here = self.tenant.wall(time)[0]
        if deed == "keep":
            self.copy = {
                contact: File(f.shown, f.used, f.changed) for contact, f in self.files.items()
            }
        elif deed in {"instead", "over", "one"}:
            names = list(self.copy)[: 1 if deed == "one" else None]
            before = dict(self.files)
            if deed == "instead":
                self.files.clear()
            for contact in names:
                kept, old = self.copy[contact], before.get(contact)
                used = time
                if self.looked_at.get(contact) == kept.shown:
                    # It is again what the last look saw, as if nobody had written since.
                    used = kept.used
                elif old is not None and old.shown == kept.shown:
                    used = old.used
                self.files[contact] = File(kept.shown, used, here)
        elif deed == "pair":
            self.identity = IDENTITIES[1]
            for file in self.files.values():
                file.used = time
        else:
            shown = {"1970": -START, "equal": 10 * DAY, "touch": here}[deed]
            for file in self.files.values():
                file.shown, file.changed = shown, here
                file.used = time if deed == "equal" else file.used

    def _look(self, time: int, clean: bool) -> None:
        if not self.files:
            return
        wall, own, boot = self.tenant.wall(time)
        now = START + wall
        if self.random.random() < self.model.forgets:
            self.memory = None
        before = decode(self.memory)
        assert (before is None) == (self.memory is None)
        entries = {contact: self._entry(contact, file) for contact, file in self.files.items()}
        since = -START if before is None else before.looked - START - 3 * HOUR
        mappings = [self._mapping(*each) for each in self.born if each[0] >= since]
        listing = [*entries.values(), *mappings]
        if before is not None and not clean:
            before.seen = None  # too much for the task of a scan
        look = observe(listing, self.identity, before, now, (boot, 1_000 + own))
        if look is None:
            return
        if not clean and before is not None:
            # What a scan brings back of its look.
            known = () if look.newest is None else ((look.newest, look.newest),)
            look = Look(
                now,
                known,
                look.newest,
                bins=look.bins,
                put_in=look.put_in,
                boot=look.boot,
                identity=look.identity,
            )
        memory = advance(decode(self.memory), look, self.limit)
        if clean:
            memory = self._clean(time, now, memory, entries)
        self.memory = encode(memory)
        if self.model.deeds:
            self.looked_at = {contact: file.shown for contact, file in self.files.items()}
        self.outcome.longest_text = max(self.outcome.longest_text, len(self.memory))
        if clean and time > self.tenant.horizon / 2:
            self._count(time)

    def _clean(self, time: int, now: int, memory: Memory, entries: dict[int, Entry]) -> Memory:
        ages = Ages(memory, now)
        for contact, entry in list(entries.items()):
            if ages.old(file_time(entry, now), self.limit):
                del entries[contact]
                self._judge(time, self.files.pop(contact))
        return recount(memory, entries.values())

    def _judge(self, time: int, file: File) -> None:
        self.outcome.removed += 1
        ran, stops = self.tenant.ran(file.used, time)
        if ran <= self.limit and stops <= max(self.limit / 2, 2 * DAY) / DAY:
            self.outcome.young += 1
            self.outcome.short = max(self.outcome.short, self.limit - ran)

    def _count(self, time: int) -> None:
        late = [self.tenant.ran(file.used, time)[0] - self.limit for file in self.files.values()]
        self.outcome.files.append(len(late))
        self.outcome.overdue.append(sum(each > 0 for each in late))
        self.outcome.late = max(self.outcome.late, *late, 0)

    def _entry(self, contact: int, file: File) -> Entry:
        key = (contact, file.shown, file.changed)
        found = self._entries.get(key)
        if found is None:
            name = f"session-49{contact}.0.json"
            if self.model.sender_keys:
                name = f"sender-key-12036{contact % 3}@g.us--49{contact}--0.json"
            times = [(START + each) * 10**9 for each in (file.shown, file.changed)]
            found = Entry.of(name, 100, times[0], contact, 1, times[1])
            self._entries[key] = found
        return found

    def _mapping(self, time: int, contact: int) -> Entry:
        ns = (START + time) * 10**9
        return Entry.of(f"lid-mapping-49{contact}.json", 20, ns, 1, 1, ns)


def run(name: str, seed: int, limit: int, days: int) -> Outcome:
    """The outcome of one simulated tenant."""
    return Run(name, seed, limit, days).go()
