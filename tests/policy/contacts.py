"""Contacts, groups and directories for tests of repairs; strategies that draw them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st

from baileys_janitor.policy.contact.hashes import contact_hash
from baileys_janitor.policy.contact.mappings import Mappings
from baileys_janitor.policy.contact.plan import RepairPlan, make_repair_plan
from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.identity import Identity
from tests.all_checks import examples
from tests.policy.worlds import OWN_LID, OWN_PN, PAIRED, file, identity_of

many = settings(max_examples=examples(150), deadline=None)

PHONE, LID = "447700900123", "250000000000123"
OTHER, OTHER_LID = "15550100", "260000000000456"
GROUP, OTHER_GROUP = "120363000000000001@g.us", "120363000000000011@g.us"
OLD_GROUP = f"{PHONE}-1600000000@g.us"
KEY = bytes(range(32))
#: People whom a careless comparison would take for the contact or for the tenant.
NEARLY = tuple(
    near
    for user in (PHONE, LID, OWN_PN, OWN_LID)
    for near in (user + "1", user[:-1], "1" + user, user[1:].lstrip("0"))
)
USERS = (PHONE, LID, OTHER, OTHER_LID, OWN_PN, OWN_LID, *NEARLY)
DOMAINS = ("", "_1", "_128", "_129", "_2", "_11")
NO_LID = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net"})
MAPPED = {f"lid-mapping-{PHONE}.json": LID, f"lid-mapping-{LID}_reverse.json": PHONE}

FORM = r"([1-9][0-9]*)(_[0-9]+)?"
SESSION = re.compile(rf"session-{FORM}(?:\.[0-9]+|-[0-9]+\.0)\.json")
SENDER_KEY = re.compile(
    rf"sender-key-([0-9-]+@g\.us|status@broadcast)--{FORM}(?:--[0-9]+|-[0-9]+--0)\.json"
)


def mappings(pairs: dict[str, str] | None = None) -> Mappings:
    contents = MAPPED if pairs is None else pairs
    return Mappings({name: f'"{user}"'.encode() for name, user in contents.items()})


def plan_of(
    files: list[Entry],
    identity: Identity = PAIRED,
    pairs: dict[str, str] | None = None,
    **request: object,
) -> RepairPlan:
    asked = Request(**request)  # type: ignore[arg-type]
    return make_repair_plan(files, identity, asked, mappings(pairs), KEY)


def names(entries: Iterable[Entry]) -> set[str]:
    return {entry.name for entry in entries}


def moved(plan: RepairPlan) -> set[str]:
    return names(each.entry for each in plan.removals)


def session(user: str, device: int = 0) -> str:
    return f"session-{user}.{device}.json"


def key(user: str, device: int = 0, group: str = GROUP) -> str:
    return f"sender-key-{group}--{user}--{device}.json"


def files(*listed: str) -> list[Entry]:
    return [file(name, age) for age, name in enumerate(listed)]


users = st.builds(
    lambda user, domain: user + domain,
    st.one_of(st.sampled_from(USERS[:2]), st.sampled_from(USERS)),
    st.one_of(st.sampled_from(DOMAINS[:2]), st.sampled_from(DOMAINS)),
)
devices = st.integers(0, 40)
groups = st.sampled_from([GROUP, GROUP, GROUP, OTHER_GROUP, OLD_GROUP, "status@broadcast"])
listed = st.one_of(
    st.builds(session, users, devices),
    st.builds(lambda user, device: f"session-{user}-{device}.0.json", users, devices),
    st.builds(key, users, devices, groups),
    st.builds(
        lambda user, device, group: f"sender-key-{group}--{user}-{device}--0.json",
        users,
        devices,
        groups,
    ),
    st.builds("sender-key-memory-{}.json".format, groups),
    st.builds("pre-key-{}.json".format, st.integers(1, 900)),
    st.builds(
        "{}{}.json".format,
        st.sampled_from(
            [
                "device-list-",
                "tctoken-",
                "identity-key-",
                "lid-mapping-",
                "session-",
                "app-state-sync-key-",
            ]
        ),
        users,
    ),
    st.sampled_from(
        ["creds.json", f"session-{PHONE}.0.json.tmp", f"session-{PHONE}_1.x.json", "notes.txt"]
    ),
)
worlds = st.lists(listed, unique=True, max_size=40).map(lambda found: files(*found))
requests = st.one_of(
    st.builds(Request, phone=st.sampled_from([PHONE, OTHER, OWN_PN, LID])),
    st.builds(Request, lid=st.sampled_from([LID, OTHER_LID, OWN_LID, PHONE])),
    st.builds(
        Request, digest=st.sampled_from([contact_hash(KEY, PHONE), contact_hash(KEY, LID + "_1")])
    ),
    st.builds(Request, group=groups),
    st.builds(Request, group=groups, phone=st.sampled_from([PHONE, OTHER, OWN_PN])),
    st.builds(Request, group=groups, lid=st.sampled_from([LID, OWN_LID])),
    st.builds(Request, group=groups, all_authors=st.just(True)),
)
pairings = st.sampled_from(
    [
        MAPPED,
        {},
        {f"lid-mapping-{PHONE}.json": LID},
        {**MAPPED, f"lid-mapping-{LID}_reverse.json": OTHER},
        {**MAPPED, f"lid-mapping-{PHONE}.json": OWN_LID},
        {f"lid-mapping-{LID}_reverse.json": OWN_PN},
        {f"lid-mapping-{OWN_PN}.json": LID},
    ]
)
identities = st.sampled_from(
    [PAIRED, NO_LID, identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net", "lid": 7})]
)


def is_own(digits: str, identity: Identity) -> bool:
    return digits == OWN_PN or (digits == OWN_LID and identity is PAIRED)


def is_the_contact(digits: str, domain: str, *, lid: bool) -> bool:
    """Whether a user in a name is the contact; its LID counts where `lid` says that it is known."""
    if digits == PHONE:
        return domain in ("", "_128")
    return lid and digits == LID and domain in ("", "_1", "_129")


DOMESTIC = files(
    session(PHONE),
    session(PHONE + "_128", 3),
    session(LID + "_1"),
    session(LID + "_1", 12),
    session(LID + "_129"),
    f"session-{PHONE}-5.0.json",
    f"session-{LID}.0.json",
)
