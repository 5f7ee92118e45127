"""Contacts and groups as people and logs write them. The input is personal: no message repeats it."""

from __future__ import annotations

import re

from baileys_janitor.policy.contact.hashes import is_hash
from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.contact.users import MOST_LID_DIGITS, MOST_PHONE_DIGITS
from baileys_janitor.policy.files.file_kinds import is_group

LONGEST = 200
"""The longest text of a contact or a group that is read, in characters."""

_FEWEST_PHONE_DIGITS = 7
_PHONE_SERVERS = ("s.whatsapp.net", "c.us", "hosted")
_LID_SERVERS = ("lid", "hosted.lid")
_GROUP_SERVERS = ("g.us", "broadcast")
_SEPARATORS = re.compile(
    r"[\s().\-/\N{NO-BREAK SPACE}\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}]+"
)
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_DEVICE = re.compile(r"(?:_\d{1,3})?(?::\d{1,5})?\Z")


class Unreadable(ValueError):  # noqa: N818  # pairs with the other refusals of a repair
    """A text names no contact or no group; the message is a sentence without its first capital letter."""


class IsGroup(Unreadable):
    """A text names a group where a contact is required."""


def request_in(contact: str | None, group: str | None) -> Request:
    """Return the request in two texts, of which at least one is given.

    A contact is a phone number, a JID, a LID with its server, or the hash that `repair --list` prints. Raises
    Unreadable.
    """
    phone = lid = digest = ""
    if contact is not None:
        text = contact.strip()
        if is_hash(text.lower()):
            digest = text.lower()
        else:
            phone, lid = person_of(text)
    if contact is None and group is None:
        raise Unreadable("no contact and no group was given.")
    return Request(phone, lid, digest, "" if group is None else group_of(group))


def texts_of(request: Request) -> tuple[str | None, str | None]:
    """Return a request as `request_in` reads it: the contact and the group, None for the one that is not named."""
    lid = f"{request.lid}@lid" if request.lid else ""
    return request.phone or lid or request.digest or None, request.group or None


def person_of(text: str) -> tuple[str, str]:
    """Return phone number and LID, one of them empty, from a number as people and logs write it. Raises Unreadable.

    `+44 7700 900123`, `00447700900123`, `447700900123:12@s.whatsapp.net`, `250000000000123@lid`.
    """
    local, at, server = text.strip().partition("@")
    if at and server in _LID_SERVERS:
        return "", lid_of(text)
    if at and server in _GROUP_SERVERS:
        raise IsGroup("this is a group.")
    if at and server not in _PHONE_SERVERS:
        raise _no_number()
    if at:
        local = _DEVICE.sub("", local)
    return _phone_of(local), ""


def lid_of(text: str) -> str:
    """Return the digits of a LID, as `250000000000123`, `250000000000123:12@lid` or `250000000000123_1`."""
    local, at, server = text.strip().partition("@")
    if at and server not in _LID_SERVERS:
        raise Unreadable("a LID is written as 250000000000123@lid.")
    digits = _digits(_DEVICE.sub("", local), "250000000000123@lid")
    if digits.startswith("0") or len(digits) > MOST_LID_DIGITS:
        raise Unreadable(
            "a LID is a number that does not begin with 0, such as 250000000000123@lid."
        )
    return digits


def group_of(text: str) -> str:
    """Return a group's JID, from its id with or without `@g.us`. Raises Unreadable."""
    text = text.strip()
    group = text if "@" in text else f"{text}@g.us"
    if not is_group(group):
        raise Unreadable(
            "the id of a group is written as 120363000000000001@g.us, or is status@broadcast."
        )
    return group


def _phone_of(text: str) -> str:
    text = text.strip()
    international = text.startswith("+")
    digits = _digits(_TRUNK_ZERO.sub("", text) if international else text)
    if digits.startswith("00") and not international:
        digits, international = digits[2:], True
    if digits.startswith("0"):
        raise Unreadable(
            "write the number with its country code, such as +44 7700 900123; one that begins with 0 is known in its"
            " own country alone."
        )
    if not _FEWEST_PHONE_DIGITS <= len(digits) <= MOST_PHONE_DIGITS:
        raise Unreadable(
            f"a phone number with its country code has {_FEWEST_PHONE_DIGITS} to {MOST_PHONE_DIGITS} digits, and this"
            f" one has {len(digits)}."
        )
    return digits


def _digits(text: str, example: str = "") -> str:
    """Return the digits of a number in any script, without separators."""
    plain = _SEPARATORS.sub("", text).removeprefix("+")
    if not plain:
        raise Unreadable("no number was given.")
    if not all(character.isdecimal() for character in plain):
        raise _no_number(example)
    return "".join(str(int(character)) for character in plain)


def _no_number(example: str = "") -> Unreadable:
    example = example or "+44 7700 900123 or 447700900123@s.whatsapp.net"
    return Unreadable(f"this is not a phone number; write it as {example}.")
