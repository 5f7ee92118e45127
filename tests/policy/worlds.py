"""Session directories for the tests: built by hand, or drawn by Hypothesis in every shape.

Names are spelled here in the tests' own words, so that no mistake of the package is shared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from baileys_janitor.policy.ages.ages import Ages, file_time, usable_clock
from baileys_janitor.policy.ages.running import Memory
from baileys_janitor.policy.cleanup.plan import Plan, make_plan
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.identity import Identity, read_identity
from baileys_janitor.policy.settings import (
    PRESSURE,
    TOTAL,
    Allowances,
    MaxRemovals,
    Retention,
    Settings,
    Thresholds,
)

NOW = 1_795_000_000.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

#: The tenant's own phone number and LID, and people it talks to.
OWN_PN, OWN_LID = "12015550100", "240000000000000"
OTHERS = ("12015550111", "12015550122", "240000000000111_1", "240000000000122_1", "4930123456_128")
GROUPS = ("120363000000000001@g.us", "12015550111-1600000000@g.us", "status@broadcast")
#: Every spelling of the tenant's own user in file names.
OWN_SPELLINGS = tuple(
    user + domain for user in (OWN_PN, OWN_LID) for domain in ("", "_1", "_128", "_129")
)


def creds(**changes: Any) -> dict[str, Any]:
    """What a paired creds.json holds, as far as anybody here looks at it."""
    content: dict[str, Any] = {
        "noiseKey": {"private": _buffer(1), "public": _buffer(2)},
        "signedIdentityKey": {"private": _buffer(3), "public": _buffer(4)},
        "registrationId": 77,
        "nextPreKeyId": 31,
        "firstUnuploadedPreKeyId": 31,
        "account": {"details": _buffer(5), "accountSignatureKey": _buffer(6)},
        "me": {"id": f"{OWN_PN}:7@s.whatsapp.net", "lid": f"{OWN_LID}:7@lid", "name": "Acme"},
        "registered": False,
    }
    content.update(changes)
    return {name: value for name, value in content.items() if value is not ...}


def _buffer(seed: int) -> dict[str, str]:
    return {"type": "Buffer", "data": "A" * 40 + f"{seed:02d}0="}


def identity_of(**changes: Any) -> Identity:
    """The identity in such a creds.json."""
    return read_identity(json.dumps(creds(**changes)).encode())


PAIRED = identity_of()


def file(name: str, age: float = 0.0, size: int = 100, now: float = NOW) -> Entry:
    """A file last written ``age`` seconds ago."""
    return Entry.of(name, size, int((now - age) * 1e9), hash(name) % 10_000_019, 1)


def session(user: str, age: float = 0.0, device: int = 0, **more: Any) -> Entry:
    return file(f"session-{user}.{device}.json", age, **more)


def sender_key(group: str, user: str, age: float = 0.0, device: int = 0, **more: Any) -> Entry:
    return file(f"sender-key-{group}--{user}--{device}.json", age, **more)


def memory(group: str, age: float = 0.0, **more: Any) -> Entry:
    return file(f"sender-key-memory-{group}.json", age, **more)


def pre_keys(ids: Iterable[int], age: float, **more: Any) -> list[Entry]:
    """Pre-keys of one upload."""
    return [file(f"pre-key-{key}.json", age, **more) for key in ids]


def mappings(number: int, age: float = 20 * DAY) -> list[Entry]:
    """Protected files."""
    return [file(f"lid-mapping-{49_000 + each}.json", age) for each in range(number)]


def alive() -> Entry:
    """A session used an hour ago: the tenant is not stopped."""
    return session("4915999", HOUR)


def ages_of(entries: Iterable[Entry], now: float = NOW, since: float | None = 0.0) -> Ages:
    """The ages of a tenant with traffic since a time without a pause; None: nothing is known of it."""
    if since is None or not usable_clock(now):
        return Ages(None, 0)
    at = int(now)
    traffic = [file_time(entry, at) for entry in entries if entry.kind in ("session", "senderKey")]
    newest = max((min(time, at) for time in traffic if time is not None), default=None)
    running = ((int(max(0.0, since)), at),) if since <= at else ()
    return Ages(Memory(at, running, newest), at)


def plan_of(
    entries: list[Entry],
    settings: Settings | None = None,
    identity: Identity = PAIRED,
    active_since: float | None = 0.0,
    emergency: bool = False,
    now: float = NOW,
) -> Plan:
    """A plan with the defaults of a tenant that has been running for ever."""
    ages = ages_of(entries, now, active_since)
    return make_plan(entries, identity, settings or Settings(), now, ages, emergency)


def names(plan: Plan) -> list[str]:
    """The names a plan removes, in order."""
    return [removal.entry.name for removal in plan.removals]


class World(NamedTuple):
    """Everything a plan is made from."""

    entries: list[Entry]
    identity: Identity
    settings: Settings
    now: float
    active_since: float | None
    emergency: bool

    def plan(self, **changes: Any) -> Plan:
        world = self._replace(**changes)
        return make_plan(*world[:4], world.ages, world.emergency)

    @property
    def ages(self) -> Ages:
        """What is remembered of its traffic."""
        return ages_of(self.entries, self.now, self.active_since)

    def shortest(self) -> Retention:
        """The limits that nothing in this world's run may undercut."""
        first, second = self.settings.retention, self.settings.emergency_retention
        if not self.emergency:
            return first
        return Retention(
            min(first.session_max_age, second.session_max_age),
            min(first.sender_key_max_age, second.sender_key_max_age),
        )

    def age(self, entry: Entry) -> float:
        return self.now - entry.mtime_ns / 1e9


ages = st.one_of(
    st.floats(-2 * DAY, 60 * DAY),
    st.sampled_from(
        [-HOUR, 0.0, 14 * MINUTE, 15 * MINUTE, 16 * MINUTE, 23 * HOUR, 25 * HOUR]
        + [days * DAY + extra for days in (1, 3, 7, 14, 30) for extra in (-1.0, 0.0, 1.0)]
    ),
)
users = st.sampled_from(OTHERS + OWN_SPELLINGS)
devices = st.sampled_from([0, 3, 7, 99])
odd_names = st.one_of(
    st.sampled_from(
        [
            "creds.json",
            "creds.json.bak",
            "app-state-sync-key-AAAAAP____.json",
            "app-state-sync-version-regular_low.json",
            f"lid-mapping-{OWN_PN}.json",
            "lid-mapping-240000000000111_reverse.json",
            "device-list-12015550111.json",
            "tctoken-240000000000111@lid.json",
            "tctoken-__index.json",
            "identity-key-240000000000111_1.0.json",
            "session-12015550111.0.json.tmp",
            "session-12015550111.00.json",
            "session-.0.json",
            "session-bob.0.json",
            "session-12015550111.json",
            "session-1201555\u0665.0.json",
            "session-12015550111.0.JSON",
            "sender-key-memory-nobody.json",
            "sender-key-120363@g.us--12015550111.json",
            "sender-key-120363@s.whatsapp.net--12015550111--0.json",
            "pre-key-007.json",
            "pre-key-0.json",
            "pre-key--1.json",
            "pre-key-1.json~",
            ".nfs000000000001",
            "session-12015550111.0.json\udcff",
        ]
    ),
    st.text(min_size=1, max_size=12).map(lambda text: text.replace("/", "_").replace("\0", "_")),
    st.text("0123456789.-_@", max_size=8).map(lambda text: f"session-{text}x.json"),
)
known_names = st.one_of(
    st.builds(lambda user, device: f"session-{user}.{device}.json", users, devices),
    st.builds(
        lambda group, user, device: f"sender-key-{group}--{user}--{device}.json",
        st.sampled_from(GROUPS),
        users,
        devices,
    ),
    st.sampled_from(GROUPS).map(lambda group: f"sender-key-memory-{group}.json"),
    # Forks put the device into the user.
    st.builds(lambda user, device: f"session-{user}-{device}.0.json", users, devices),
    st.builds(
        lambda group, user, device: f"sender-key-{group}--{user}-{device}--0.json",
        st.sampled_from(GROUPS),
        users,
        devices,
    ),
    # A spelling that nobody here can read.
    st.builds(
        lambda group, user: f"sender-key-{group}--{user}.7.json", st.sampled_from(GROUPS), users
    ),
)
contacts = st.integers(12_025_550_000, 12_025_550_040).map(lambda user: f"session-{user}.0.json")


class Uploads(NamedTuple):
    """Pre-keys with what only their maker knows about them."""

    ages: dict[int, float]
    uploaded: set[int]
    singles: set[int]
    next_id: int

    def entries(self, now: float) -> list[Entry]:
        return [file(f"pre-key-{key}.json", age, now=now) for key, age in self.ages.items()]


def upload_history(random: Random, batches: list[int], keep: float, start: int = 1) -> Uploads:
    """Uploads of the given sizes, hours apart and partly consumed, single keys between them."""
    key, age = start, len(batches) * 12 * DAY + random.uniform(0, 20) * DAY
    written: dict[int, float] = {}
    uploaded: set[int] = set()
    singles: set[int] = set()
    for size in batches:
        for _ in range(size):
            if random.random() < keep:
                written[key] = age
                uploaded.add(key)
            key += 1
        for _ in range(random.choice([0, 0, 1, 2])):
            age -= random.uniform(2 * HOUR, 2 * DAY)
            written[key] = age
            singles.add(key)
            key += 1
        age -= random.uniform(HOUR, 10 * DAY)
    written[key - 1] = written.get(key - 1, age)
    return Uploads(written, uploaded, singles | ({key - 1} - uploaded), key)


def old_library(seed: int) -> Uploads:
    """Up to three uploads of 30, as libraries up to 7.0.0-rc.5 make them."""
    random = Random(seed)
    return upload_history(random, [30] * random.choice([1, 2, 3]), random.uniform(0.5, 1))


def large_library(seed: int) -> Uploads:
    """812 at first, then fives; consumed at random or in the order of ids."""
    random = Random(seed)
    history = upload_history(
        random, [812, *[5] * random.choice([0, 1, 4, 12])], 1, random.choice([1, 31, 900])
    )
    keys = sorted(history.ages)
    if random.random() < 0.5:
        gone = set(keys[: random.choice([0, 400, 760, 790, 805])])
    else:
        gone = set(random.sample(keys, int(random.uniform(0, 0.98) * len(keys))))
    gone.discard(history.next_id - 1)
    return history._replace(
        ages={key: age for key, age in history.ages.items() if key not in gone},
        uploaded=history.uploaded - gone,
        singles=history.singles - gone,
    )


def scattered_keys(seed: int) -> Uploads:
    """Ids and times without any sense."""
    random = Random(seed)
    keys = random.sample(range(1, 1_000), random.choice([0, 3, 60]))
    written = {key: random.uniform(0, 60) * DAY for key in keys}
    return Uploads(written, set(keys), set(), random.choice([1, 31, 500, 813, 1_000]))


seeds = st.integers(0, 10_000)


def any_library(seed: int) -> Uploads | None:
    """Mostly none or the old library: 812 files a time take their time."""
    makers = [None, None, None, old_library, old_library, scattered_keys, large_library]
    maker = makers[seed % len(makers)]
    return None if maker is None else maker(seed)


@st.composite
def retentions(draw: st.DrawFn) -> Retention:
    days = st.one_of(st.floats(0, 30), st.sampled_from([0.0, 1.0, 3.0, 7.0, 14.0]))
    return Retention(
        draw(days) * DAY, draw(days) * DAY, draw(st.sampled_from([None, 0, 1, 30, 50, 90]))
    )


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    critical = draw(st.sampled_from([0, 5, 10, 20, 40, 170]))
    return Settings(
        Thresholds(
            critical,
            critical,
            critical,
            critical,
            critical + 5,
            draw(st.sampled_from([PRESSURE, TOTAL])),
        ),
        Allowances(draw(st.sampled_from([0, 10, 50])), draw(st.sampled_from([0, 2, 65]))),
        draw(st.one_of(st.just(Retention()), retentions())),
        draw(st.one_of(st.just(Retention(7 * DAY, DAY, 30)), retentions())),
        draw(st.sampled_from([MaxRemovals(), MaxRemovals(100, 10_000), MaxRemovals(30, 7)])),
    )


def identities(next_id: int) -> st.SearchStrategy[Identity]:
    """Paired in several ways, seldom anything else."""
    counters: dict[str, Any] = {"nextPreKeyId": next_id, "firstUnuploadedPreKeyId": next_id}
    phone = f"{OWN_PN}:7@s.whatsapp.net"
    full = identity_of(**counters)
    return st.sampled_from(
        [
            *[full] * 5,
            identity_of(me={"id": phone, "lid": f"{OWN_LID}@lid"}, **counters),
            identity_of(me={"id": phone}, **counters),
            identity_of(me={"id": phone, "lid": "?"}, **counters),
            identity_of(nextPreKeyId=...),
            identity_of(account=...),
            read_identity(b'{"me"'),
            read_identity(None),
        ]
    )


#: Real times, and any number a clock can show.
clocks = st.one_of(
    st.just(NOW),
    st.just(NOW),
    st.floats(0, 4e9),
    st.sampled_from([0.0, -1e9, 1e12, 1e300, float("inf"), float("-inf"), float("nan")]),
)


@st.composite
def worlds(draw: st.DrawFn, emergency: bool | None = None, paired: bool = False) -> World:
    """A directory, an identity, settings and times; files are dated from NOW whatever the clock."""
    listing = draw(
        st.dictionaries(
            st.one_of(known_names, known_names, contacts, contacts, odd_names),
            st.tuples(ages, st.sampled_from([0, 100, 5_000])),
            max_size=20,
        )
    )
    keys = any_library(draw(seeds))
    entries = [file(name, age, size) for name, (age, size) in listing.items()]
    if draw(st.booleans()):
        entries.append(alive())
    taken = {entry.name for entry in entries}
    next_id = 1
    if keys is not None:
        entries += [entry for entry in keys.entries(NOW) if entry.name not in taken]
        next_id = keys.next_id
    identity = identity_of(nextPreKeyId=next_id, firstUnuploadedPreKeyId=next_id)
    return World(
        entries,
        identity if paired else draw(identities(next_id)),
        draw(any_settings()),
        NOW if paired else draw(clocks),
        draw(
            st.one_of(
                st.just(0.0), st.just(0.0), st.none(), ages.map(lambda age: NOW - age), clocks
            )
        ),
        draw(st.booleans()) if emergency is None else emergency,
    )
