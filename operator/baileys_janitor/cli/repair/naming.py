"""Who is to be repaired, as people write it: numbers, LIDs, hashes and groups; asked for where they are not given.

What was typed is personal: no message holds it.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import usage
from baileys_janitor.policy.contact.hashes import HASH_DIGITS, is_hash
from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.contact.users import MOST_LID_DIGITS, MOST_PHONE_DIGITS
from baileys_janitor.policy.files.file_kinds import is_group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baileys_janitor.cli.terminal.problems import Problem

ASK: Final = "\0ask"
"""The value of an option that was given without one."""

STANDARD_INPUT: Final = "-"
_PERSONAL: Final = ("contact", "lid", "group")
_PROMPTS: Final = {
    "contact": "Phone number of the contact, with its country code (it is not shown)",
    "lid": "LID of the contact (it is not shown)",
    "group": "Id of the group (it is not shown)",
}
_LONGEST_LINE: Final = 200
_FEWEST_PHONE_DIGITS: Final = 7
_PHONE_SERVERS: Final = ("s.whatsapp.net", "c.us", "hosted")
_LID_SERVERS: Final = ("lid", "hosted.lid")
_SEPARATORS: Final = re.compile(
    r"[\s().\-/\N{NO-BREAK SPACE}\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}]+"
)
_TRUNK_ZERO: Final = re.compile(r"\(\s*0\s*\)")
_DEVICE: Final = re.compile(r"(?:_\d{1,3})?(?::\d{1,5})?\Z")


def request_of(given: Mapping[str, str | None], *, all_authors: bool) -> Request:
    """Return the request in the options `contact`, `lid`, `hash` and `group`; bad usage for anything else.

    Asks for what was given without a value, and reads what was given as `-` from standard input.
    """
    named = [option for option in ("contact", "lid", "hash") if given[option] is not None]
    if len(named) > 1:
        raise usage(f"--{named[0]} and --{named[1]} both name the contact: give one of them.")
    if all_authors and named:
        raise usage(f"--all-authors means everybody in the group: leave out --{named[0]}.")
    if all_authors and given["group"] is None:
        raise usage("--all-authors needs the group: add --group ID.")
    if not named and given["group"] is None:
        raise usage(
            "Name who is to be repaired: --contact, --lid, --hash or --group. --list shows the contacts."
        )
    if [given[option] for option in _PERSONAL].count(STANDARD_INPUT) > 1:
        raise usage("Standard input holds one line: give - to one of --contact, --lid and --group.")
    values = {option: _value(option, given[option]) for option in _PERSONAL}
    phone, lid = _person(values)
    digest = (given["hash"] or "").strip().lower()
    if given["hash"] is not None and not is_hash(digest):
        raise usage(f"--hash takes the {HASH_DIGITS} hexadecimal digits that repair --list prints.")
    group = "" if values["group"] is None else group_of(values["group"])
    return Request(phone, lid, digest, group, all_authors)


def _person(values: Mapping[str, str | None]) -> tuple[str, str]:
    """Return the contact's phone number and LID, one of them at most."""
    if values["contact"] is not None:
        return person_of(values["contact"])
    if values["lid"] is not None:
        return "", lid_of(values["lid"])
    return "", ""


def person_of(text: str) -> tuple[str, str]:
    """Return phone number and LID, one of them empty, from a number as people and logs write it.

    `+44 7700 900123`, `00447700900123`, `447700900123:12@s.whatsapp.net`, `250000000000123@lid`.
    """
    local, at, server = text.strip().partition("@")
    if at and server in _LID_SERVERS:
        return "", lid_of(text)
    if at and server not in _PHONE_SERVERS:
        raise _not_a_person("contact", server)
    if at:
        local = _DEVICE.sub("", local)
    return _phone_of(local, "contact"), ""


def _phone_of(text: str, option: str) -> str:
    text = text.strip()
    international = text.startswith("+")
    digits = _digits(_TRUNK_ZERO.sub("", text) if international else text, option)
    if digits.startswith("00") and not international:
        digits, international = digits[2:], True
    if digits.startswith("0"):
        raise usage(
            f"--{option}: write the number with its country code, such as +44 7700 900123; one that begins"
            " with 0 is known in its own country alone."
        )
    if not _FEWEST_PHONE_DIGITS <= len(digits) <= MOST_PHONE_DIGITS:
        raise usage(
            f"--{option}: a phone number with its country code has {_FEWEST_PHONE_DIGITS} to {MOST_PHONE_DIGITS}"
            f" digits, and this one has {len(digits)}."
        )
    return digits


def lid_of(text: str) -> str:
    """Return the digits of a LID, as `250000000000123`, `250000000000123:12@lid` or `250000000000123_1`."""
    local, at, server = text.strip().partition("@")
    if at and server not in _LID_SERVERS:
        raise usage(
            "--lid takes a LID, such as 250000000000123@lid; give a phone number with --contact."
        )
    digits = _digits(_DEVICE.sub("", local), "lid")
    if digits.startswith("0") or len(digits) > MOST_LID_DIGITS:
        raise usage(
            "--lid: a LID is a number that does not begin with 0, such as 250000000000123@lid."
        )
    return digits


def group_of(text: str) -> str:
    """Return a group's JID, from its id with or without `@g.us`."""
    text = text.strip()
    group = text if "@" in text else f"{text}@g.us"
    if not is_group(group):
        raise usage(
            "--group takes the id of a group, such as 120363000000000001@g.us, or status@broadcast."
        )
    return group


def _digits(text: str, option: str) -> str:
    """Return the digits of a number, whatever stands between them and in whatever script."""
    plain = _SEPARATORS.sub("", text).removeprefix("+")
    if not plain:
        raise usage(f"--{option}: no number was given.")
    if not all(character.isdecimal() for character in plain):
        raise _not_a_person(option, "")
    return "".join(str(int(character)) for character in plain)


def _not_a_person(option: str, server: str) -> Problem:
    if server in ("g.us", "broadcast"):
        return usage(f"--{option}: this is a group; name it with --group.")
    example = (
        "250000000000123@lid"
        if option == "lid"
        else "+44 7700 900123 or 447700900123@s.whatsapp.net"
    )
    return usage(f"--{option}: this is no number; write it as {example}.")


def _value(option: str, given: str | None) -> str | None:
    if given is None:
        return None
    if given == ASK and sys.stdin.isatty():
        from click import prompt

        answer: str = prompt(_PROMPTS[option], hide_input=True, err=True)
        return answer
    if given in (ASK, STANDARD_INPUT):
        return _line(option)
    if option != "group":
        say(
            f"What was given as --{option} now stands in the shell's history, and in ps while this runs; without a"
            " value it is asked for."
        )
    return given


def _line(option: str) -> str:
    """Return the first line of standard input."""
    line = sys.stdin.readline(_LONGEST_LINE)
    if not line.strip():
        raise usage(f"--{option}: standard input is empty; write the number into it, as one line.")
    return line
