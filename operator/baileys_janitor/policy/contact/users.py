"""The users that identify a contact in file names: its phone number or its LID, each in its domains.

The library writes a phone number bare (`1100`) or as a hosted one (`1100_128`), a LID as `2200_1` or `2200_129`.
Versions before 7 and the forks write LIDs bare, too. The number 1100 and the LID 1100 are two people.
"""

from __future__ import annotations

from baileys_janitor.policy.files.file_kinds import (
    SENDER_KEY,
    SESSION,
    base_user,
    is_number,
    may_be_lid,
    sender_key_address,
    session_address,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.files.file_entry import Entry

#: Digits of a phone number with its country code (E.164), and of a LID.
MOST_PHONE_DIGITS = 15
MOST_LID_DIGITS = 20

_PHONE_DOMAINS = ("", "128")
_LID_DOMAINS = ("1", "129")


class Contact:
    """A person: phone number and LID as bare digits; "" if unknown. At least one is known."""

    __slots__ = ("lid", "phone")

    def __init__(self, phone: str = "", lid: str = "") -> None:
        self.phone = phone
        self.lid = lid

    def has(self, user: str) -> bool:
        """Return whether a user part of a file name is this contact, in any domain and on any device.

        Digits match as a whole. A bare number is a LID only where it has as many digits as LIDs have.
        """
        digits, domain = base_user(user), domain_of(user)
        if domain in _PHONE_DOMAINS and digits == self.phone:
            return True
        return is_lid_form(user) and digits == self.lid

    @property
    def users(self) -> tuple[str, ...]:
        """Return the digits that identify this contact in file names."""
        return tuple(each for each in (self.phone, self.lid) if each)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contact) and (self.phone, self.lid) == (other.phone, other.lid)

    def __hash__(self) -> int:
        return hash((self.phone, self.lid))

    def __repr__(self) -> str:
        forms = [name for name in ("phone", "lid") if getattr(self, name)]
        return f"Contact({', '.join(forms)})"


def domain_of(user: str) -> str:
    """Return the domain: `1` for `1100_1` and a fork's `1100_1-12`; "" without one."""
    return user.partition("-")[0].partition("_")[2]


def is_lid_form(user: str) -> bool:
    """Return whether a user part is a LID; a bare number may be one, if it is long enough."""
    domain = domain_of(user)
    return domain in _LID_DOMAINS or (not domain and may_be_lid(base_user(user)))


def canonical(user: str) -> str:
    """Return one text for all spellings of a user: domains of one server and devices do not matter."""
    if is_lid_form(user):
        return f"{base_user(user)}@lid"
    domain = domain_of(user)
    server = "s.whatsapp.net" if domain in _PHONE_DOMAINS else domain
    return f"{base_user(user)}@{server}"


def contact_of(user: str) -> Contact | None:
    """Return the contact that a user part names by itself; None in an unknown domain."""
    if is_lid_form(user):
        return Contact(lid=base_user(user))
    return Contact(phone=base_user(user)) if domain_of(user) in _PHONE_DOMAINS else None


def user_of(entry: Entry) -> str | None:
    """Return the user with domain in the name of a session or of a sender key, None for other files."""
    address = address_of(entry)
    return None if address is None else address[0]


def address_of(entry: Entry) -> tuple[str, int] | None:
    """Return the user with domain and the device in the name of a session or of a sender key."""
    if entry.kind == SESSION:
        return session_address(entry.ident)
    if entry.kind == SENDER_KEY:
        found = sender_key_address(entry.ident)
        return None if found is None else found[1:]
    return None


def is_phone(text: str) -> bool:
    """Return whether a text can be a phone number as file names spell it."""
    return is_number(text) and text != "0" and len(text) <= MOST_PHONE_DIGITS


def is_lid(text: str) -> bool:
    """Return whether a text can be a LID as file names spell it."""
    return is_number(text) and text != "0" and len(text) <= MOST_LID_DIGITS


def other_forms(phone: str) -> tuple[str, ...]:
    """Return the other registered forms of a phone number, where countries have changed their format; mostly none.

    Brazil put a ninth digit in front of mobile numbers, Mexico a 1 and Argentina a 9 behind the country code. An
    account keeps the form in which it was registered.
    """
    if phone.startswith("55") and len(phone) in (12, 13):
        area, rest = phone[2:4], phone[4:]
        if len(rest) == 8:
            return (f"55{area}9{rest}",)
        return (f"55{area}{rest[1:]}",) if rest.startswith("9") else ()
    for country, digit in (("52", "1"), ("54", "9")):
        if phone.startswith(country) and len(phone) == 12:
            return (f"{country}{digit}{phone[2:]}",)
        if phone.startswith(country + digit) and len(phone) == 13:
            return (country + phone[3:],)
    return ()
