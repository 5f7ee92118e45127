"""Whatever lies in a directory and whoever is named: a repair moves that contact's files, or that group's, alone.

Each property is told in the tests' own words, from names alone.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy import reasons
from baileys_janitor.policy.contact import codes
from baileys_janitor.policy.contact.hashes import contact_hash
from baileys_janitor.policy.contact.mappings import Mappings
from baileys_janitor.policy.contact.plan import make_repair_plan
from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.identity import Identity, read_identity
from tests.policy.contacts import (
    DOMESTIC,
    GROUP,
    KEY,
    LID,
    MAPPED,
    NEARLY,
    NO_LID,
    OTHER,
    OTHER_GROUP,
    OTHER_LID,
    PHONE,
    SENDER_KEY,
    SESSION,
    files,
    groups,
    identities,
    is_own,
    is_the_contact,
    key,
    many,
    mappings,
    moved,
    names,
    pairings,
    plan_of,
    requests,
    session,
    worlds,
)
from tests.policy.worlds import OWN_LID, OWN_PN, PAIRED


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
