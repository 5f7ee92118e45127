"""What a file is, told by its full name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from baileys_janitor.policy.files import file_kinds
from baileys_janitor.policy.files.file_kinds import (
    KINDS,
    base_user,
    classify,
    classify_all,
    is_temporary,
    may_be_lid,
    sender_key_address,
    sender_key_group,
    session_address,
)
from tests.policy.worlds import odd_names


def test_the_order_of_kinds_is_the_one_results_are_written_in() -> None:
    assert KINDS == (
        "creds",
        "appStateSync",
        "lidMapping",
        "preKey",
        "session",
        "senderKey",
        "senderKeyMemory",
        "deviceList",
        "tcToken",
        "identityKey",
        "other",
    )


@pytest.mark.parametrize(
    ("name", "kind", "ident"),
    [
        ("creds.json", "creds", ""),
        ("app-state-sync-key-AAAAAP____.json", "appStateSync", "AAAAAP____"),
        ("app-state-sync-key-AAAA+A==.json", "appStateSync", "AAAA+A=="),
        ("app-state-sync-version-regular_low.json", "appStateSync", "regular_low"),
        ("lid-mapping-12015550100.json", "lidMapping", "12015550100"),
        ("lid-mapping-24000_reverse.json", "lidMapping", "24000_reverse"),
        ("pre-key-812.json", "preKey", "812"),
        ("session-1100.0.json", "session", "1100.0"),
        ("session-1100_1.12.json", "session", "1100_1.12"),
        ("session-1100_129.99.json", "session", "1100_129.99"),
        ("sender-key-120363@g.us--1100_1--0.json", "senderKey", "120363@g.us--1100_1--0"),
        ("sender-key-1100-1600@g.us--1100--3.json", "senderKey", "1100-1600@g.us--1100--3"),
        ("sender-key-status@broadcast--1100--7.json", "senderKey", "status@broadcast--1100--7"),
        ("sender-key-memory-120363@g.us.json", "senderKeyMemory", "120363@g.us"),
        ("sender-key-memory-status@broadcast.json", "senderKeyMemory", "status@broadcast"),
        ("device-list-1100.json", "deviceList", "1100"),
        ("tctoken-1100@lid.json", "tcToken", "1100@lid"),
        ("tctoken-__index.json", "tcToken", "__index"),
        ("identity-key-1100_1.0.json", "identityKey", "1100_1.0"),
        # whaileys and @adiwajshing/baileys 5: the device is part of the user.
        ("session-1100-5.0.json", "session", "1100-5.0"),
        ("session-1100_1-5.0.json", "session", "1100_1-5.0"),
        ("sender-key-120363@g.us--1100-12--0.json", "senderKey", "120363@g.us--1100-12--0"),
        ("sender-key-1100-1600@g.us--1100-3--0.json", "senderKey", "1100-1600@g.us--1100-3--0"),
        ("contacts-tc-token-1100@s.whatsapp.net.json", "tcToken", "1100@s.whatsapp.net"),
    ],
)
def test_every_name_the_library_writes_has_its_kind(name: str, kind: str, ident: str) -> None:
    assert classify(name) == (kind, ident)


@pytest.mark.parametrize(
    "name",
    [
        "creds.json.bak",
        "Creds.json",
        ".creds.json",
        "session-1100.0.json.tmp",
        "session-1100.0.json~",
        "session-1100.0.jsonx",
        "session-1100.0",
        "session-1100.json",
        "session-.0.json",
        "session-bob.0.json",
        "session-01100.0.json",
        "session-1100.00.json",
        "session-1100.+1.json",
        "session-1100. 1.json",
        "session-1100_.0.json",
        "session-1100_x.0.json",
        "session-1100_1_1.0.json",
        "session-1100-5.5.json",
        "session-1100-.0.json",
        "session-1100-5-5.0.json",
        "session-1100-5_1.0.json",
        "sender-key-120363@g.us--1100-12--3.json",
        "contacts-tc-token-.json",
        "session-11\u0660\u0660.0.json",
        "session-1100.0\n.json",
        "session-1100.0.json\udc80",
        "session-" + "9" * 30 + ".0.json",
        "pre-key-007.json",
        "pre-key-0.json",
        "pre-key--1.json",
        "pre-key-1e3.json",
        "pre-key-\u00b2.json",
        "pre-key-16777216.json",
        "pre-key-.json",
        "sender-key-memory-nobody.json",
        "sender-key-memory-1100@s.whatsapp.net.json",
        "sender-key-memory-120363@g.us--1100--0.json",
        "sender-key-120363@g.us--1100.json",
        "sender-key-120363@g.us--1100--x.json",
        "sender-key-status@g.us--1100--0.json",
        "sender-key-1-2-3@g.us--1100--0.json",
        "lid-mapping-.json",
        "lid-mapping-a b.json",
        "",
        ".json",
        "notes.txt",
        ".cleanup.lock",
    ],
)
def test_anything_unusual_is_other(name: str) -> None:
    assert classify(name) == ("other", "")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("creds.json.tmp", True),
        (".creds.json.tmp", True),
        ("session-1100.0.json.tmp", True),
        ("creds.json.tmp-1712345678901", True),
        ("creds.json.3948234", True),
        ("pre-key-7.json.a8f3k2", True),
        (".creds.json.Xb19Qz", True),
        ("creds.json~tmp1", True),
        ("upload.part", True),
        ("creds.json.bak", False),
        ("creds.json.old", False),
        ("creds.json.20260101", False),
        ("creds.json.20260101120000", False),
        ("creds.json.backup2", False),
        ("creds.json", False),
        ("notes.json.3948234", False),
        ("creds.json.1", False),
        ("notes.txt", False),
        ("", False),
        (".json", False),
    ],
)
def test_temporary_files_of_writes_are_told_by_their_names(name: str, is_one: bool) -> None:
    assert is_temporary(name) == is_one
    assert not is_one or classify(name) == ("other", "")


@given(odd_names)
def test_any_text_has_one_of_the_kinds(name: str) -> None:
    kind, ident = classify(name)

    assert kind in KINDS
    assert kind != "other" or ident == ""


PARTS = (
    *(
        "session-",
        "sender-key-",
        "sender-key-memory-",
        "pre-key-",
        "lid-mapping-",
        "identity-key-",
        "tctoken-",
    ),
    *("0", "1", "7", "00", "1100", "0110", "16777215", "99999999", "123456789012345678901"),
    *(
        "_",
        "_1",
        "_128",
        "_0128",
        ".",
        ".0",
        ".12",
        ".012",
        "-",
        "--",
        "--0",
        "--07",
        "@g.us",
        "@broadcast",
    ),
    *("status", "creds", "x", " ", "\n", "\u0665", "\udcff", ".json"),
)
near_names = st.lists(st.sampled_from(PARTS), min_size=1, max_size=7).map("".join)
any_name = st.one_of(odd_names, near_names, near_names.map(lambda name: f"{name}.json"))


@given(st.lists(any_name, max_size=6))
@example(["pre-key-1.json", "pre-key-0.json", "pre-key-99999999.json"])
@example(["session-1100-12.0.json", "session-1100-12.1.json"])
@example(["session-11.1.json", "session-01.1.json", "session-11.0.json"])
@example(["tctoken-1\n2.json"])
def test_a_kind_read_from_the_shape_is_the_one_read_from_the_name(names: list[str]) -> None:
    exact = [file_kinds._classify(name) if name else ("other", "") for name in names]
    assert [classify(name) for name in names] == exact
    assert classify_all(names) == exact


def test_names_of_any_shape_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_kinds, "_shapes", {})
    monkeypatch.setattr(file_kinds, "_SHAPES_MAX", 3)
    names = [f"tctoken-{'x' * length}.json" for length in range(1, 9)]
    assert [classify(name)[0] for name in names] == ["tcToken"] * 8
    assert classify_all(names) == [("tcToken", "x" * length) for length in range(1, 9)]
    assert len(file_kinds._shapes) == 3


def test_a_memory_file_is_never_taken_for_a_sender_key() -> None:
    # Trap: its name also begins with "sender-key-".
    assert classify("sender-key-memory-120363@g.us.json")[0] == "senderKeyMemory"
    assert classify("sender-key-memory-x@g.us--1100--0.json")[0] == "other"


def test_addresses_are_read_from_the_right() -> None:
    assert session_address("1100_1.12") == ("1100_1", 12)
    assert session_address("1100.1.12") is None
    assert sender_key_address("1-2@g.us--1100_1--12") == ("1-2@g.us", "1100_1", 12)
    assert sender_key_address("1@g.us--1100") is None
    assert base_user("1100_129") == "1100" == base_user("1100")


def test_addresses_of_forks_hold_the_device_in_the_user() -> None:
    assert session_address("1100-5.0") == ("1100", 5)
    assert session_address("1100_1-5.0") == ("1100_1", 5)
    assert session_address("1100-5.5") is None
    assert sender_key_address("1-2@g.us--1100-12--0") == ("1-2@g.us", "1100", 12)
    assert base_user("1100-5") == "1100" == base_user("1100_1-5")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("sender-key-120363@g.us--1100_1--0.json", "120363@g.us"),
        ("sender-key-1100-1600@g.us--1100-3--0.json", "1100-1600@g.us"),
        ("sender-key-120363@g.us.1100.json", "120363@g.us"),
        ("sender-key-status@broadcast.json", "status@broadcast"),
        ("sender-key-memory-120363@g.us.json", None),
        ("sender-key-120363@g.us--1100--0.json.tmp", None),
        ("sender-key-x@g.us--1100--0.json", None),
        ("sender-key-1100@s.whatsapp.net--0.json", None),
        ("session-1100.0.json", None),
    ],
)
def test_the_group_of_a_sender_key_is_read_from_any_spelling(name: str, group: str | None) -> None:
    assert sender_key_group(name) == group


@pytest.mark.parametrize(
    ("user", "is_one"),
    [
        ("1100_1", True),
        ("1100_129", True),
        ("24000000000000", True),
        ("24000000000000-5", True),
        ("5511912345678", False),
        ("5511912345678-12", False),
    ],
)
def test_a_lid_is_told_by_its_domain_or_its_length(user: str, is_one: bool) -> None:
    assert may_be_lid(user) == is_one
