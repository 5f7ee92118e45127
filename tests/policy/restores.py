"""Directories, archives and what people say of them, drawn for the plans of restores."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
from baileys_janitor.policy.archives.pairing import Credentials, read_credentials
from baileys_janitor.policy.archives.restore_codes import MODES
from baileys_janitor.policy.archives.restore_credentials import ACKNOWLEDGEMENTS, Candidate
from baileys_janitor.policy.archives.restore_session import (
    SessionPlan,
    SessionTarget,
    make_session_plan,
)
from baileys_janitor.policy.files.identity import Identity, read_identity
from tests.pairings import whole
from tests.policy.worlds import file

NOW = 1_795_000_000
HOUR, DAY = 3_600, 86_400
OWN, OWN_LID = "1100", "990011000000001"
G = "120363000000000001@g.us"
many = settings(max_examples=50, deadline=None)

#: How creds.json says who the tenant is: with its LID, from before its first login, of another pairing of the same
#: keys, of other keys.
ME = {
    "a": {},
    "early": {"me": {"id": f"{OWN}:3@s.whatsapp.net"}},
    "again": {"me": {"id": f"{OWN}:9@s.whatsapp.net", "lid": f"{OWN_LID}:9@lid"}},
    "b": {"pairing": "b"},
}
LIDS = {"lid": f"{OWN_LID}:3@lid", "id": f"{OWN}:3@s.whatsapp.net"}


def credentials(who: str, following: int = 31, unuploaded: int | None = None) -> bytes:
    more: dict[str, Any] = {"me": LIDS, **ME[who]}
    counters = {
        "nextPreKeyId": following,
        "firstUnuploadedPreKeyId": following if unuploaded is None else unuploaded,
    }
    return whole(more.pop("pairing", "a"), **more, **counters)


def said(data: bytes) -> Credentials:
    found = read_credentials(data)
    assert found is not None
    return found


WHO = {who: read_identity(credentials(who)) for who in ME}
CREDENTIALS = {who: said(credentials(who)) for who in ME}


def of(who: str, following: int, unuploaded: int | None = None, signed: int = 1) -> Credentials:
    base = CREDENTIALS[who]
    return Credentials(
        base.pairing,
        base.fingerprint,
        base.lid_user,
        following,
        following if unuploaded is None else unuploaded,
        signed,
        base.app_state_key_id,
    )


users = st.sampled_from(
    [OWN, OWN_LID, "2201", "220100000000001", "11001", "9900110000000012", "33"]
).flatmap(lambda user: st.sampled_from([user, f"{user}_1", f"{user}_128", f"{user}_129"]))
devices = st.integers(0, 2)
groups = st.sampled_from([G, "status@broadcast", "1100-1500000000@g.us"])
names = st.one_of(
    st.builds("session-{}.{}.json".format, users, devices),
    st.builds("session-{}-{}.0.json".format, users, devices),
    st.builds("sender-key-{}--{}--{}.json".format, groups, users, devices),
    st.builds("sender-key-{}--{}-{}--0.json".format, groups, users, devices),
    st.builds("sender-key-memory-{}.json".format, groups),
    st.builds("pre-key-{}.json".format, st.integers(1, 2000)),
    st.builds("lid-mapping-{}.json".format, users),
    st.builds("device-list-{}.json".format, users),
    st.builds("tctoken-{}@lid.json".format, users),
    st.builds("identity-key-{}.0.json".format, users),
    st.sampled_from(
        [
            "app-state-sync-key-AAAAAP____.json",
            "app-state-sync-version-regular.json",
            "creds.json.tmp",
            "notes.txt",
            ".janitor~journal",
            ".cleanup.lock",
            "lid-mapping-../../../etc/passwd.json",
            "device-list-a/b.json",
            "tctoken-" + "x" * 300 + ".json",
            "session-..json",
            "",
            "..",
        ]
    ),
)


def archived_file(name: str, size: int = 9, age: float = 2 * DAY) -> ArchivedFile:
    return ArchivedFile(name, size, int(NOW - age) * 10**9, 0o600, "0" * 64)


files = st.lists(st.builds(archived_file, names, st.integers(0, 2)), max_size=12)
#: Mostly the tenant itself: what is refused at once says nothing of what goes in.
whos = st.sampled_from(["a"] * 7 + [*ME])
counters = st.integers(1, 2500)


def source_of(
    who: str,
    there: list[ArchivedFile],
    following: int = 31,
    unuploaded: int | None = None,
    age: float = DAY,
    quiesced: bool = False,
) -> ArchivedSession:
    creds = archived_file("creds.json", 900)
    time = int(NOW - age)
    found = of(who, following, unuploaded)
    return ArchivedSession(time, quiesced, [*there, creds], WHO[who], found)


sources = st.builds(
    source_of,
    whos,
    files,
    counters,
    counters,
    st.integers(-30 * DAY, 300 * DAY),
    st.booleans(),
)
entries = st.lists(
    st.builds(
        lambda name, age: file(name, age, now=NOW), names.filter(bool), st.integers(0, 90 * DAY)
    ),
    max_size=8,
    unique_by=lambda each: each.name,
)
kept = st.lists(
    st.builds(
        lambda who, age, following, signed: Candidate(
            f"{int(NOW - age):020}",
            int(NOW - age),
            None if who is None else of(who, following, None, signed),
        ),
        st.none() | whos,
        st.integers(-2 * DAY, 300 * DAY),
        counters,
        st.integers(1, 2),
    ),
    max_size=3,
    unique_by=lambda each: each.time,
)
records = st.lists(
    st.tuples(
        st.integers(NOW - 300 * DAY, NOW + 2 * DAY),
        st.sampled_from(
            [*[CREDENTIALS["a"].fingerprint] * 4, CREDENTIALS["b"].fingerprint, "0" * 16, ""]
        ),
    ),
    max_size=3,
)
expectations = st.sampled_from(
    ["", *[CREDENTIALS["a"].fingerprint] * 4, CREDENTIALS["b"].fingerprint, "0" * 16]
)
acknowledgements = st.sets(st.sampled_from([*ACKNOWLEDGEMENTS, "NothingRanSince"]))
LOST = [Identity("Absent"), Identity("Corrupt"), Identity("Unpaired")]


@st.composite
def targets(draw: st.DrawFn) -> SessionTarget:
    there = draw(entries)
    same = draw(st.sampled_from([frozenset(), frozenset(each.name for each in there)]))
    beside = draw(kept), draw(records), same
    if draw(st.booleans()):
        return SessionTarget(draw(st.sampled_from(LOST)), None, there, *beside)
    who = draw(whos)
    found = of(who, draw(counters), draw(counters))
    return SessionTarget(WHO[who], found, there, *beside)


modes = st.sampled_from(MODES)


def plan_of(
    target: SessionTarget, source: ArchivedSession, mode: str = "Safe", **more: Any
) -> SessionPlan:
    return make_session_plan(target, source, NOW, mode, **more)


def names_of(plan: SessionPlan) -> list[str]:
    return [each.file.name for each in plan.puts]
