"""Simulated tenants: who writes to whom and when, when the bot is off, and what befalls its files and clock.

Times are whole seconds after START. A model is a dictionary of differences from `DEFAULT`; `tenant` draws
one tenant of it. The first `PLAIN` models are traffic of every kind with quiet and stopped times, then come
copies put in from elsewhere, clocks, and ways of looking.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from random import Random

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True)
class Model:
    """Messages in `rate` a day to `regulars` lasting contacts and to `new` ones a day that stay for `life`
    days; a share of `core` goes to the regulars. `hours` and `days` are when anybody writes."""

    rate: float = 20
    regulars: int = 10
    new: float = 0.5
    life: float = 25
    core: float = 0.6
    hours: tuple[float, float] = (0, 24)
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    #: Messages come only in bursts of a few minutes, so many days apart.
    burst_every: float = 0
    #: Changes of the rate: (day, factor), each from that day on.
    rates: tuple[tuple[float, float], ...] = ()
    #: So many new contacts at once, every so many days.
    campaign: tuple[int, float] | None = None
    #: When the bot is off: (day, days).
    stops: tuple[tuple[float, float], ...] = ()
    #: Off for a random time between two bounds (days), each so many days.
    stops_often: tuple[float, float, float] | None = None
    weekend_stops: bool = False
    #: Wall clock: (day, days, days ahead, the machine was started anew).
    clocks: tuple[tuple[float, float, float, bool], ...] = ()
    #: Hours of each night in which the machine is saved to disk, its own clock standing still.
    saved_at_night: float = 0
    #: The clock loses so many seconds a day and is set right at midnight.
    drift: int = 0
    #: The file server's clock is so many seconds ahead.
    server_ahead: int = 0
    granularity: int = 1
    #: What is done to the files: (day, what).
    deeds: tuple[tuple[float, str], ...] = ()
    #: Days between two looks, and at which hour.
    look_every: float = 1
    look_hour: float = 3
    #: How likely the memory is lost before a look.
    forgets: float = 0
    #: Looks between cleanings tell the newest traffic alone, as an operator's scans do.
    scans: bool = False
    sender_keys: bool = False


#: The 22 models that the rule was designed with.
DESIGNED: dict[str, Model] = {
    "busy": Model(rate=200, regulars=30, new=4),
    "normal": Model(),
    "a core and dormant contacts": Model(rate=30, regulars=12, new=0.15, life=2),
    "two messages a day": Model(rate=2, regulars=4, new=0.1),
    "one message a day": Model(rate=1, regulars=3, new=0.1),
    "one in 4 days": Model(rate=0.25, regulars=2, new=0.08, life=8),
    "one in 10 days": Model(rate=0.1, regulars=1, new=0.04, life=8),
    "office, silent at weekends": Model(rate=15, hours=(9, 18), days=(0, 1, 2, 3, 4)),
    "office, off at weekends": Model(
        rate=15, hours=(9, 18), days=(0, 1, 2, 3, 4), weekend_stops=True
    ),
    "small office": Model(rate=3, regulars=4, new=0.2, hours=(9, 18), days=(0, 1, 2, 3, 4)),
    "office with holidays": Model(
        rate=15,
        hours=(9, 18),
        days=(0, 1, 2, 3, 4),
        stops=((60, 10), (150, 10), (240, 10), (330, 10)),
    ),
    "shut for a season": Model(rate=40, new=2, stops=((90, 150),)),
    "two sleeps of 20 days": Model(stops=((85, 20), (190, 20), (300, 20))),
    "a stop of 1 to 6 days each 9": Model(stops_often=(9, 1.1, 6)),
    "restored as of 1970": Model(stops=((120, 5),), deeds=((124.9, "1970"),)),
    "restored with equal times": Model(stops=((120, 5),), deeds=((124.9, "equal"),)),
    "restored from an old copy": Model(deeds=((100, "keep"), (120, "instead"))),
    "clock 14.5 days ahead for 6 hours": Model(clocks=((130.9, 0.25, 14.5, False),)),
    "clock 20 hours ahead for 3 days": Model(clocks=((130.9, 3, 20 / 24, False),)),
    "clock 14.5 days ahead for 5 days": Model(clocks=((130, 5, 14.5, False),)),
    "clock 10 days behind for a day": Model(clocks=((130, 1, -10, False),)),
    "clock at 1970 for 2 hours": Model(clocks=((130.05, 2 / 24, -20_000, False),)),
}

#: Others, made to break it.
ADVERSE: dict[str, Model] = {
    "a night shop": Model(rate=30, hours=(22, 26)),
    "bursts 23.5 hours apart": Model(burst_every=23.5 / 24, rate=12),
    "bursts a little more than a day apart": Model(burst_every=(DAY + 301) / DAY, rate=12),
    "bursts 25 hours apart": Model(burst_every=25 / 24, rate=12),
    "bursts 47 hours apart": Model(burst_every=47 / 24, rate=6),
    "bursts 3 days apart": Model(burst_every=3, rate=4),
    "one busy hour a week": Model(burst_every=7, rate=8, regulars=20),
    "one contact": Model(rate=3, regulars=1, new=0.0001),
    "one busy contact, others once": Model(rate=40, regulars=1, new=1, life=0.2),
    "a campaign each month": Model(rate=6, campaign=(60, 30)),
    "a growing tenant": Model(rate=4, new=1, rates=((60, 2), (120, 5), (180, 10))),
    "a dying tenant": Model(rate=40, rates=((80, 0.2), (130, 0.02))),
    "rates of every week": Model(
        rate=10, rates=tuple((7 * n, (0.05, 3, 0.3, 1, 0.1)[n % 5]) for n in range(60))
    ),
    "groups alone": Model(rate=25, regulars=12, new=0.3, sender_keys=True),
    "off for 25 hours each 3 days": Model(stops_often=(3.1, 1.05, 1.06)),
    "off for 25 hours each 3 days, quiet": Model(
        rate=2, regulars=5, new=0.2, stops_often=(3.1, 1.05, 1.06)
    ),
    "off for 23 hours each 2 days": Model(stops_often=(2, 0.95, 0.96)),
    "off every second month": Model(stops=tuple((30 + 60 * n, 30) for n in range(7))),
    "off for 30 hours at random": Model(rate=5, stops_often=(6, 0.2, 1.3)),
    "quiet and off for days": Model(rate=0.7, regulars=4, new=0.1, stops_often=(20, 2, 9)),
    "a copy of 9 days laid over": Model(deeds=((111, "keep"), (120, "over"))),
    "a copy of 9 days, one contact": Model(deeds=((111, "keep"), (120, "one"))),
    "a copy of 13 days after a sleep": Model(
        stops=((110, 6),), deeds=((103, "keep"), (115.9, "instead"))
    ),
    "three restores in a month": Model(
        deeds=((100, "keep"), (118, "instead"), (125, "keep"), (131, "over"), (140, "instead"))
    ),
    "all times are now": Model(deeds=((120, "touch"),)),
    "paired again beside the old files": Model(deeds=((120, "pair"),)),
    "clock 3 hours behind for 2 days": Model(clocks=((130, 2, -0.125, False),)),
    "clock 3 days ahead from one start to the next": Model(clocks=((130, 4, 3, True),)),
    "clock 10 days behind from a start": Model(clocks=((130, 0.5, -10, True),)),
    "clock back and forth": Model(
        clocks=tuple((130 + 4 * n, 1, (2, -2, 0.5, -0.5)[n % 4], False) for n in range(8))
    ),
    "a guest saved at night": Model(rate=15, hours=(8, 20), saved_at_night=8),
    "a clock that drifts": Model(drift=2_800),
    "a server 5 minutes ahead": Model(server_ahead=300),
    "a server 50 minutes behind": Model(server_ahead=-3_000),
    "times of 2 seconds": Model(granularity=2),
    "looked at each week, on Sundays": Model(
        rate=15, hours=(9, 18), days=(0, 1, 2, 3, 4), look_every=7, look_hour=6 * 24 + 10
    ),
    "looked at each month": Model(look_every=30),
    "looked at each month, sleeps": Model(look_every=30, stops=((85, 20), (190, 20))),
    "looked at every 4 hours": Model(rate=8, look_every=1 / 6),
    "an operator, normal": Model(scans=True),
    "an operator, one message a day": Model(rate=1, regulars=3, new=0.1, scans=True),
    "an operator, off at weekends": Model(
        rate=15, hours=(9, 18), days=(0, 1, 2, 3, 4), weekend_stops=True, scans=True
    ),
    "an operator, clock 14.5 days ahead": Model(scans=True, clocks=((130.9, 0.25, 14.5, False),)),
    "an operator, a copy laid over": Model(scans=True, deeds=((111, "keep"), (120, "over"))),
    "memory lost now and then": Model(forgets=0.1, stops=((85, 20), (190, 20))),
    "no memory at all": Model(forgets=1, stops=((85, 20), (190, 20))),
}

MODELS = DESIGNED | ADVERSE


@dataclass
class Tenant:
    """One tenant: messages as (time, contact), the times it was off, and the model."""

    model: Model
    horizon: int
    messages: list[tuple[int, int]]
    stops: list[tuple[int, int]]
    first_look: int
    _begins: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begins = [begin for begin, _ in self.stops]

    def off(self, time: int) -> int | None:
        """The end of the stop that a time lies in."""
        place = bisect.bisect_right(self._begins, time) - 1
        if place >= 0 and time < self.stops[place][1]:
            return self.stops[place][1]
        return None

    def ran(self, begin: int, end: int) -> tuple[int, int]:
        """How long it ran between two times, stops of up to a day included, and the number of others."""
        ran, number = end - begin, 0
        for start, stop in self.stops:
            inside = min(stop, end) - max(start, begin)
            if stop - start > DAY and inside > 0:
                ran -= inside
                number += 1
        return ran, number

    def wall(self, time: int) -> tuple[int, int, str]:
        """What the clocks show at a true time: the wall, the machine's own, and which start it is of."""
        ahead, starts = 0, 0
        for day, days, by, anew in self.model.clocks:
            begin, end = int(day * DAY), int((day + days) * DAY)
            starts += anew * ((time >= begin) + (time >= end))
            if begin <= time < end:
                ahead = int(by * DAY)
        night = int(self.model.saved_at_night * HOUR)
        own = time - time // DAY * night - min(time % DAY, night)
        ahead -= self.model.drift * (time % DAY) // DAY
        return time + ahead, own, f"boot{starts}"


def tenant(name: str, seed: int, days: int) -> Tenant:
    """Draw one tenant of a model."""
    random = Random(f"{name} {seed}")
    model = MODELS[name]
    horizon = days * DAY
    made = Tenant(model, horizon, [], _stops(model, random, horizon), 0)
    written = sorted(_written(model, random, horizon))
    delivered = []
    for time, contact in written:
        end = made.off(time)
        if end is None:
            delivered.append((time, contact))
        elif random.random() < 0.3:
            # The server keeps it and delivers it once the bot is back.
            delivered.append((end + random.randint(1, 120), contact))
    made.messages = sorted(each for each in delivered if each[0] < horizon)
    made.first_look = int(random.uniform(40, 75) * DAY)
    return made


def _stops(model: Model, random: Random, horizon: int) -> list[tuple[int, int]]:
    stops = [(int(day * DAY), int((day + days) * DAY)) for day, days in model.stops]
    if model.weekend_stops:
        stops += [
            (day * DAY + 18 * HOUR, day * DAY + 81 * HOUR) for day in range(4, horizon // DAY, 7)
        ]
    if model.stops_often is not None:
        every, least, most = model.stops_often
        time = 5.0
        while time * DAY < horizon:
            long = random.uniform(least, most)
            stops.append((int(time * DAY), int((time + long) * DAY)))
            time += max(every, long + 0.1)
    return sorted(stops)


def _written(model: Model, random: Random, horizon: int) -> list[tuple[int, int]]:
    contacts = [(0.0, float(horizon), random.paretovariate(1.2)) for _ in range(model.regulars)]
    weights = [weight for _, _, weight in contacts]
    written: list[tuple[int, int]] = []
    time = 0.0
    while (time := time + random.expovariate(model.new / DAY)) < horizon:
        contacts.append((time, time + random.expovariate(1 / (model.life * DAY)), 1.0))
        written.append((int(time), len(contacts) - 1))
    written += _campaigns(model, random, horizon)
    begins = [begin for begin, _, _ in contacts[model.regulars :]]
    for at in _moments(model, random, horizon):
        contact = None
        if random.random() > model.core:
            # One of the latest who have come and not yet left.
            last = bisect.bisect_right(begins, at) + model.regulars
            here = [n for n in range(max(model.regulars, last - 40), last) if contacts[n][1] > at]
            contact = random.choice(here) if here else None
        if contact is None:
            contact = random.choices(range(model.regulars), weights)[0]
        written.append((at, contact))
    return [each for each in written if _awake(model, each[0])]


def _campaigns(model: Model, random: Random, horizon: int) -> list[tuple[int, int]]:
    """Contacts that write once."""
    if model.campaign is None:
        return []
    number, every = model.campaign
    return [
        (day * DAY + int(random.uniform(9, 17) * HOUR), 1_000_000 + day * 1_000 + each)
        for day in range(20, horizon // DAY, int(every))
        for each in range(number)
    ]


def _moments(model: Model, random: Random, horizon: int) -> list[int]:
    moments = []
    if model.burst_every:
        time = random.uniform(0, model.burst_every) * DAY
        while time < horizon:
            number = max(1, round(model.rate * model.burst_every))
            begin = round(time)
            moments += sorted(begin + (random.randint(0, 300) if n else 0) for n in range(number))
            time += model.burst_every * DAY
        return moments
    busy = (model.hours[1] - model.hours[0]) / 24 * len(model.days) / 7
    rates = sorted(model.rates)
    factor, time = 1.0, 0.0
    while True:
        while rates and time >= rates[0][0] * DAY:
            factor = rates.pop(0)[1]
        time += random.expovariate(model.rate * factor / busy / DAY)
        if time >= horizon:
            return moments
        moments.append(int(time))


def _awake(model: Model, time: int) -> bool:
    hour = time % DAY / HOUR
    begin, end = model.hours
    inside = begin <= hour < end or begin <= hour + 24 < end
    return time // DAY % 7 in model.days and inside
