"""Reads the contact or group to repair: numbers, LIDs, hashes and groups; asks for missing values.

The input is personal: no message holds it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TypeVar

from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import usage
from baileys_janitor.policy.contact import written
from baileys_janitor.policy.contact.hashes import HASH_DIGITS, is_hash
from baileys_janitor.policy.contact.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ASK: Final = "\0ask"
"""The value of an option that was given without one."""

STANDARD_INPUT: Final = "-"
_PERSONAL: Final = ("contact", "lid", "group")
_PROMPTS: Final = {
    "contact": "Phone number of the contact, with its country code (it is not shown)",
    "lid": "LID of the contact (it is not shown)",
    "group": "Id of the group (it is not shown)",
}
T = TypeVar("T")


def request_of(given: Mapping[str, str | None], *, all_authors: bool) -> Request:
    """Return the request in the options `contact`, `lid`, `hash` and `group`; raise bad usage if they are invalid.

    Asks for an option without a value, and reads the value `-` from standard input.
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
    """Return the contact's phone number and LID, at most one of them not empty."""
    if values["contact"] is not None:
        return person_of(values["contact"])
    if values["lid"] is not None:
        return "", lid_of(values["lid"])
    return "", ""


def person_of(text: str) -> tuple[str, str]:
    """Return the phone number and the LID, one of them empty, from a number in any usual notation."""
    return _read(written.person_of, text, "contact")


def lid_of(text: str) -> str:
    """Return the digits of a LID."""
    return _read(written.lid_of, text, "lid")


def group_of(text: str) -> str:
    """Return a group's JID, from its id with or without `@g.us`."""
    return _read(written.group_of, text, "group")


def _read(read: Callable[[str], T], text: str, option: str) -> T:
    """Return the parsed text; raise bad usage that names the option if it cannot be parsed."""
    try:
        return read(text)
    except written.IsGroup:
        raise usage(f"--{option}: this is a group; name it with --group.") from None
    except written.Unreadable as problem:
        raise usage(f"--{option}: {problem}") from None


def typed(option: str, name: str = "") -> str:
    """Return hidden input from the terminal; without a terminal, the next line of standard input.

    `option` is contact, lid or group; `name` is its name in a problem, by default the option.
    """
    if not sys.stdin.isatty():
        return _line(name or f"--{option}")
    from click import prompt

    answer: str = prompt(_PROMPTS[option], hide_input=True, err=True)
    return answer


def _value(option: str, given: str | None) -> str | None:
    if given is None:
        return None
    if given == ASK:
        return typed(option)
    if given == STANDARD_INPUT:
        return _line(f"--{option}")
    if option != "group":
        say(
            f"The value of --{option} is now in the shell's history, and in ps while this runs; without a"
            " value it is asked for."
        )
    return given


def _line(name: str) -> str:
    """Return the first line of standard input."""
    line = sys.stdin.readline(written.LONGEST)
    if not line.strip():
        raise usage(f"{name}: standard input is empty; write the number into it, as one line.")
    return line
