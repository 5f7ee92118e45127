"""Whatever lies in a directory and whoever is named: a repair moves that contact's files, or that group's, alone.

Each property is told in the tests' own words, from names alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy import reasons
from baileys_janitor.policy.contact import codes
from baileys_janitor.policy.contact.find import contacts_of
from baileys_janitor.policy.contact.hashes import contact_hash, is_hash
from baileys_janitor.policy.contact.mappings import Mappings
from baileys_janitor.policy.contact.plan import RepairPlan, make_repair_plan
from baileys_janitor.policy.contact.records import is_old_record, lasting_keys
from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.file_entry import Entry
from baileys_janitor.policy.identity import Identity, read_identity
from tests.policy.worlds import OWN_LID, OWN_PN, PAIRED, creds, file, identity_of

many = settings(max_examples=150, deadline=None)

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


@many
@given(worlds, requests, identities, pairings)
def test_nothing_but_sessions_sender_keys_and_memories_ever_moves(
    world: list[Entry], request: Request, identity: Identity, pairs: dict[str, str]
) -> None:
    plan = make_repair_plan(world, identity, request, mappings(pairs), KEY)
    for name in moved(plan):
        assert (
            SESSION.fullmatch(name)
            or SENDER_KEY.fullmatch(name)
            or name.startswith("sender-key-memory-")
        )
    assert all(plan.protect(each.entry) is None for each in plan.removals)
    if plan.refused is not None:
        assert not plan.removals
    assert moved(plan) <= names(world)


@many
@given(worlds, requests, identities, pairings)
def test_the_tenants_own_sessions_never_move_and_its_keys_only_with_the_memory(
    world: list[Entry], request: Request, identity: Identity, pairs: dict[str, str]
) -> None:
    plan = make_repair_plan(world, identity, request, mappings(pairs), KEY)
    for name in moved(plan):
        if found := SESSION.fullmatch(name):
            assert not is_own(found[1], identity)
            assert pairs is not MAPPED or identity is PAIRED or found[1] != OWN_LID
        elif (found := SENDER_KEY.fullmatch(name)) and is_own(found[2], identity):
            assert request == Request(group=found[1])
            memory = f"sender-key-memory-{found[1]}.json"
            assert memory in moved(plan) or memory not in names(world)


@many
@given(worlds, identities, pairings, st.sampled_from([{"phone": PHONE}, {"lid": LID}]))
def test_only_the_named_contacts_sessions_move(
    world: list[Entry], identity: Identity, pairs: dict[str, str], request: dict[str, str]
) -> None:
    plan = make_repair_plan(world, identity, Request(**request), mappings(pairs), KEY)  # type: ignore[arg-type]
    agreed = pairs == MAPPED and identity is PAIRED
    for name in moved(plan):
        found = SESSION.fullmatch(name)
        assert found is not None
        form = "phone" if found[1] == PHONE else "lid"
        assert is_the_contact(found[1], found[2] or "", lid=True)
        assert form in request or agreed, "the other form, while no two mapping files agree on it"


@many
@given(worlds, groups, identities, pairings)
def test_in_a_group_only_keys_of_that_group_move(
    world: list[Entry], group: str, identity: Identity, pairs: dict[str, str]
) -> None:
    for request in (Request(group=group, phone=PHONE), Request(group=group, all_authors=True)):
        plan = make_repair_plan(world, identity, request, mappings(pairs), KEY)
        for name in moved(plan):
            found = SENDER_KEY.fullmatch(name)
            assert found is not None
            assert found[1] == group
            assert not is_own(found[2], identity)
            if not request.all_authors:
                assert is_the_contact(
                    found[2], found[3] or "", lid=identity is PAIRED and pairs == MAPPED
                )
            elif identity is not PAIRED:
                assert (found[3] or "") in ("", "_128", "_2", "_11")
                assert found[3] or len(found[2]) < 14, "any LID may be the tenant's own"


def test_the_properties_see_every_kind_of_repair() -> None:
    """A plan that moves nothing would pass them all."""
    for request in (
        Request(phone=PHONE),
        Request(lid=LID),
        Request(group=GROUP),
        Request(group=GROUP, phone=PHONE),
        Request(group=GROUP, all_authors=True),
    ):
        world = find(
            worlds,
            lambda drawn, asked=request: (
                len(moved(make_repair_plan(drawn, PAIRED, asked, mappings(), KEY))) > 1
            ),
            settings=settings(max_examples=500, phases=[Phase.generate]),
        )
        assert world


DOMESTIC = files(
    session(PHONE),
    session(PHONE + "_128", 3),
    session(LID + "_1"),
    session(LID + "_1", 12),
    session(LID + "_129"),
    f"session-{PHONE}-5.0.json",
    f"session-{LID}.0.json",
)
STRANGERS = files(
    *(session(near) for near in NEARLY),
    session(PHONE + "_1"),
    session(PHONE + "_2"),
    session(LID + "_128"),
    session(OWN_PN),
    session(OWN_LID + "_1", 3),
    key(PHONE),
    key(LID + "_1"),
    f"sender-key-memory-{GROUP}.json",
    "creds.json",
    "pre-key-5.json",
    f"device-list-{PHONE}.json",
    f"identity-key-{LID}_1.0.json",
)


@pytest.mark.parametrize(
    "request_",
    [
        {"phone": PHONE},
        {"lid": LID},
        {"digest": contact_hash(KEY, PHONE)},
        {"digest": contact_hash(KEY, f"{LID}_129")},
    ],
    ids=["phone", "lid", "hash of the phone", "hash of the lid"],
)
def test_all_devices_in_every_form_move_however_the_contact_is_named(
    request_: dict[str, str],
) -> None:
    plan = plan_of([*STRANGERS, *DOMESTIC], **request_)
    assert moved(plan) == names(DOMESTIC)
    assert plan.contact is not None
    assert (plan.contact.phone, plan.contact.lid, plan.notes) == (PHONE, LID, [])
    assert plan.devices == 4
    assert {each.reason for each in plan.removals} == {codes.SESSION_REPAIR}
    assert len({each.unit for each in plan.removals}) == len(DOMESTIC), "each goes by itself"


@pytest.mark.parametrize(
    ("pairs", "note"),
    [
        ({}, codes.NO_MAPPING),
        ({f"lid-mapping-{PHONE}.json": LID}, codes.MAPPINGS_DISAGREE),
        ({**MAPPED, f"lid-mapping-{LID}_reverse.json": OTHER}, codes.MAPPINGS_DISAGREE),
        ({**MAPPED, f"lid-mapping-{PHONE}.json": LID + "1"}, codes.MAPPINGS_DISAGREE),
    ],
)
def test_without_two_mappings_that_agree_only_the_named_form_moves(
    pairs: dict[str, str], note: str
) -> None:
    plan = plan_of(DOMESTIC, pairs=pairs, phone=PHONE)
    assert moved(plan) == {session(PHONE), session(PHONE + "_128", 3), f"session-{PHONE}-5.0.json"}
    assert plan.notes == [note]


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b'""',
        b'"25000000000012x"',
        LID.encode(),
        b'"' + b"9" * 200 + b'"',
        b'["' + LID.encode() + b'"]',
        b'"-1"',
    ],
)
def test_a_mapping_that_is_no_string_of_digits_says_nothing(data: bytes | None) -> None:
    forward, reverse = f"lid-mapping-{PHONE}.json", f"lid-mapping-{LID}_reverse.json"
    read = Mappings({forward: data, reverse: f'"{PHONE}"'.encode()})
    assert (read.lid_of(PHONE), read.phone_of(LID), list(read.pairs())) == ("", "", [])


def test_a_mapping_file_is_known_by_its_whole_name() -> None:
    read = Mappings({f"x/lid-mapping-{PHONE}.json": b'"1"', f"tctoken-{PHONE}.json": b'"1"'})
    assert read.says(PHONE) == ()


@pytest.mark.parametrize(
    ("pairs", "request_"),
    [
        ({}, {"phone": OWN_PN}),
        ({}, {"lid": OWN_LID}),
        ({}, {"phone": OWN_LID}),
        ({f"lid-mapping-{PHONE}.json": OWN_LID}, {"phone": PHONE}),
        ({f"lid-mapping-{LID}_reverse.json": OWN_PN}, {"lid": LID}),
        ({f"lid-mapping-{OWN_PN}.json": LID}, {"lid": LID}),
        ({}, {"digest": contact_hash(KEY, OWN_PN)}),
        ({}, {"group": GROUP, "phone": OWN_PN}),
    ],
)
def test_the_tenant_itself_is_refused_in_whatever_form(
    pairs: dict[str, str], request_: dict[str, str]
) -> None:
    own = files(session(OWN_PN), session(OWN_LID + "_1"), *names(DOMESTIC), key(OWN_PN))
    plan = plan_of(own, pairs=pairs, **request_)
    assert (plan.refused, plan.removals) == (codes.OWN_USER, [])


def test_while_the_own_lid_is_unknown_only_the_named_form_moves() -> None:
    plan = plan_of(DOMESTIC, NO_LID, phone=PHONE)
    assert moved(plan) == {session(PHONE), session(PHONE + "_128", 3), f"session-{PHONE}-5.0.json"}
    assert plan.notes == [codes.LID_NOT_FOLLOWED]
    plan = plan_of(DOMESTIC, NO_LID, lid=LID)
    assert moved(plan) == names(DOMESTIC) - {
        session(PHONE),
        session(PHONE + "_128", 3),
        f"session-{PHONE}-5.0.json",
    }


@pytest.mark.parametrize("request_", [{"lid": LID}, {"phone": LID}])
def test_a_lid_that_may_be_the_tenants_own_is_refused_until_a_mapping_clears_it(
    request_: dict[str, str],
) -> None:
    """A bare number of so many digits may be a LID, too."""
    plan = plan_of(DOMESTIC, NO_LID, pairs={}, **request_)
    assert (plan.refused, plan.removals) == (codes.LID_MAY_BE_OWN, [])


OWN_UNIT = [f"sender-key-memory-{GROUP}.json", key(OWN_PN, 7), key(OWN_LID + "_1", 7)]


def test_a_group_alone_means_the_own_keys_and_the_memory_as_one_unit_memory_first() -> None:
    world = files(
        *OWN_UNIT,
        key(PHONE),
        key(LID + "_1"),
        key(OWN_PN, group=OTHER_GROUP),
        f"sender-key-memory-{OTHER_GROUP}.json",
        session(PHONE),
    )
    plan = plan_of(world, group=GROUP)
    assert [each.entry.name for each in plan.removals] == OWN_UNIT
    assert {(each.reason, each.unit) for each in plan.removals} == {(codes.OWN_KEY_REPAIR, 0)}
    assert plan.notes == []


def test_a_memory_without_its_key_goes_alone_and_is_told() -> None:
    plan = plan_of(files(OWN_UNIT[0], key(PHONE)), group=GROUP)
    assert (moved(plan), plan.notes) == ({OWN_UNIT[0]}, [codes.MEMORY_ALONE])


def test_keys_that_could_be_own_are_told_while_the_own_lid_is_unknown() -> None:
    plan = plan_of(files(*OWN_UNIT), NO_LID, group=GROUP)
    assert (moved(plan), plan.notes) == ({*OWN_UNIT[:2]}, [codes.LID_KEYS_STAY])


def test_an_author_in_a_group_means_its_keys_there_alone() -> None:
    theirs = [key(PHONE), key(LID + "_1", 4), f"sender-key-{GROUP}--{LID}_1-12--0.json"]
    world = files(*theirs, *OWN_UNIT, key(OTHER), key(PHONE, group=OTHER_GROUP), session(PHONE))
    plan = plan_of(world, group=GROUP, phone=PHONE)
    assert moved(plan) == {*theirs}
    assert {each.reason for each in plan.removals} == {codes.AUTHOR_KEY_REPAIR}


def test_all_authors_are_counted_by_person() -> None:
    world = files(*OWN_UNIT, key(PHONE), key(PHONE, 5), key(OTHER), key(OTHER_LID + "_1"))
    plan = plan_of(world, group=GROUP, all_authors=True)
    assert (moved(plan), plan.authors) == (names(world) - {*OWN_UNIT}, 3)


def test_keys_with_names_of_another_library_stay_and_are_told() -> None:
    strange = f"sender-key-{GROUP}--447700900123@s.whatsapp.net--0.json"
    plan = plan_of(files(strange, key(PHONE)), group=GROUP, phone=PHONE)
    assert (moved(plan), plan.notes) == ({key(PHONE)}, [codes.UNREAD_KEYS])


def test_nothing_found_is_refused_in_a_sentence() -> None:
    for request in ({"phone": PHONE}, {"group": GROUP}, {"group": GROUP, "phone": PHONE}):
        plan = plan_of(files(session(OTHER), key(OTHER, group=OTHER_GROUP)), **request)
        assert plan.refused == codes.NOTHING_FOUND


@pytest.mark.parametrize(
    ("named", "here"),
    [
        ("5511912345678", "551112345678"),
        ("551112345678", "5511912345678"),
        ("525512345678", "5215512345678"),
        ("5491112345678", "541112345678"),
    ],
)
def test_a_number_in_the_other_form_of_its_country_is_told_and_not_taken(
    named: str, here: str
) -> None:
    for found, request in ((session(here), {}), (key(here), {"group": GROUP})):
        plan = plan_of(files(found, session(OTHER)), phone=named, **request)
        assert (plan.refused, plan.removals) == (codes.OTHER_FORM, [])
        assert moved(plan_of(files(found), phone=here, **request)) == {found}
    assert plan_of(files(session(here + "1")), phone=named).refused == codes.NOTHING_FOUND


@pytest.mark.parametrize("broken", [None, b"", b"{", b"{}"])
def test_without_a_paired_identity_nothing_moves(broken: bytes | None) -> None:
    plan = plan_of(DOMESTIC, read_identity(broken), phone=PHONE)
    assert plan.removals == []
    assert plan.refused in reasons.REFUSED


def test_a_run_moves_what_a_plan_can_hold_and_tells_of_the_rest() -> None:
    crowd = files(*(session(PHONE, device) for device in range(5_100)))
    plan = plan_of(crowd, phone=PHONE)
    assert (len(plan.removals), plan.left, plan.notes[-1]) == (5_000, 100, codes.TOO_MANY)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"phone": ""},
        {"phone": "0447700"},
        {"phone": "1" * 16},
        {"phone": "44 77"},
        {"phone": "../creds"},
        {"phone": PHONE, "lid": LID},
        {"digest": "xyz"},
        {"group": "120363"},
        {"group": "a@g.us"},
        {"all_authors": True},
        {"group": GROUP, "phone": PHONE, "all_authors": True},
        {"group": GROUP, "phone": PHONE, "lid": LID},
    ],
)
def test_a_request_is_one_contact_or_one_group_or_nothing(asked: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a contact"):
        Request(**asked)  # type: ignore[arg-type]


def test_neither_request_nor_contact_shows_its_numbers() -> None:
    plan = plan_of(DOMESTIC, phone=PHONE)
    shown = f"{plan.request!r} {plan.contact!r} {plan.removals!r}"
    assert PHONE not in shown
    assert LID not in shown


@given(st.binary(min_size=32, max_size=32), st.integers(1, 10**15 - 1).map(str))
def test_a_hash_is_an_hmac_and_the_same_for_every_spelling_of_a_form(
    secret: bytes, user: str
) -> None:
    phone, lid = (
        hmac.new(secret, f"{user}@{server}".encode(), hashlib.sha256).hexdigest()[:16]
        for server in ("s.whatsapp.net", "lid")
    )
    bare = lid if len(user) >= 14 else phone
    assert [contact_hash(secret, user + each) for each in ("", "_128", "_1", "_129", "_1-12")] == [
        bare,
        phone,
        lid,
        lid,
        lid,
    ]
    assert is_hash(phone)
    assert contact_hash(bytes(32), user) != phone or secret == bytes(32)


def test_a_hash_of_nobody_is_refused() -> None:
    assert plan_of(DOMESTIC, digest="0" * 16).refused == codes.HASH_UNKNOWN
    request = Request(digest=contact_hash(KEY, PHONE))
    assert (
        make_repair_plan(DOMESTIC, PAIRED, request, mappings(), None).refused
        == codes.NO_CONTACT_KEY
    )


def test_the_list_has_each_contact_once_with_its_devices_the_latest_first() -> None:
    world = [
        file(session(OTHER, 2), age=-1),
        *DOMESTIC,
        *files(session(OWN_PN), session(OWN_LID + "_1"), key("77001")),
    ]
    listed = contacts_of(world, PAIRED, mappings())
    assert [each.contact.phone for each in listed] == [OTHER, PHONE]
    found = {each.contact.phone: each for each in listed}
    assert (found[PHONE].files, found[PHONE].devices) == (7, {0, 3, 5, 12})
    assert found[PHONE].hash(KEY) == contact_hash(KEY, PHONE)
    for each in listed:
        assert moved(plan_of(world, digest=each.hash(KEY)))


def test_every_code_has_a_sentence_without_a_number() -> None:
    for code, sentence in codes.EXPLANATIONS.items():
        assert code[0].isupper()
        assert code.isalpha()
        assert sentence.endswith(".")
    assert not set(codes.EXPLANATIONS) & set(reasons.EXPLANATIONS)
    assert creds()["me"]["id"].split(":")[0] == OWN_PN


def test_the_page_explains_each_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "repair.md").read_text()
    for code, sentence in codes.EXPLANATIONS.items():
        assert f"| `{code}` | {sentence} |" in page


@settings(max_examples=60)
@given(
    st.sampled_from([session(PHONE), key(OWN_PN), f"sender-key-memory-{GROUP}.json", "creds.json"]),
    st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("Buffer")),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(["_sessions", "type", "data", "senderSigningKey", "public"]),
                    inner,
                    max_size=3,
                ),
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
    st.booleans(),
)
def test_whatever_a_record_holds_it_is_compared(name: str, data: bytes, own: bool) -> None:
    """The volume's writer can put anything there."""
    for old, new in ((data, b"{}"), (b"{}", data), (data, None), (data, data)):
        found = is_old_record(name, old, new, own=own)
        assert found is (True if new in (None, old) else found)
    keys = lasting_keys(name, data)
    assert keys is None or all(isinstance(each, str) for each in keys)
