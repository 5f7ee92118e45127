"""Find the contact that a request names, and list all contacts of a directory."""

from __future__ import annotations

from baileys_janitor.policy.contact import codes
from baileys_janitor.policy.contact.hashes import contact_hash
from baileys_janitor.policy.contact.mappings import user_of_mapping
from baileys_janitor.policy.contact.users import (
    Contact,
    address_of,
    canonical,
    contact_of,
    is_lid_form,
    user_of,
)
from baileys_janitor.policy.files.file_kinds import SESSION, base_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from baileys_janitor.policy.contact.mappings import Mappings
    from baileys_janitor.policy.contact.request import Request
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity


class Found:
    """The contact that a request names; `refused` is the reason if there is none, `notes` are codes for the person.

    `proven`: mapping files distinguish the contact's LID from the tenant's own, where creds.json does not.
    """

    __slots__ = ("contact", "notes", "proven", "refused")

    def __init__(self, contact: Contact | None = None, refused: str | None = None) -> None:
        self.contact = contact
        self.refused = refused
        self.notes: list[str] = []
        self.proven = False


def named_contact(entries: Iterable[Entry], request: Request, key: bytes | None) -> Found:
    """Return the contact in the one form that was named. `key` is the directory's key for hashes."""
    if not request.digest:
        return Found(Contact(request.phone, request.lid))
    if key is None:
        return Found(refused=codes.NO_CONTACT_KEY)
    users = {canonical(user): user for user in _users(entries)}
    found = [user for user in users.values() if contact_hash(key, user) == request.digest]
    contacts = {contact_of(user) for user in found} - {None}
    if len(contacts) != 1:
        return Found(refused=codes.HASH_AMBIGUOUS if contacts else codes.HASH_UNKNOWN)
    return Found(contacts.pop())


def resolve(named: Found, identity: Identity, mappings: Mappings) -> Found:
    """Return the contact in both its forms, as far as mapping files agree on them.

    `mappings` has those of the named user, of the users that they name, and of the tenant's phone number. The tenant
    itself is refused, in whatever form; so is a LID that may be its own. While `me.lid` is unknown, only the named form
    is used.
    """
    contact = named.contact
    if contact is None:
        return named
    [user] = contact.users
    if any(identity.owns(each) for each in (user, *mappings.says(user))):
        return Found(refused=codes.OWN_USER)
    if user in mappings.says(identity.phone_user):
        return Found(refused=codes.OWN_USER)
    lid, phone = mappings.lid_of(contact.phone), mappings.phone_of(contact.lid)
    if identity.lid_in_doubt:
        return _in_doubt(contact, lid, phone)
    whole = Found(Contact(contact.phone or phone, contact.lid or lid))
    if not lid and not phone:
        claimed = mappings.says(user)
        whole.notes.append(codes.MAPPINGS_DISAGREE if claimed else codes.NO_MAPPING)
    return whole


def _in_doubt(contact: Contact, lid: str, phone: str) -> Found:
    """Return the contact in the named form, while any LID could be the tenant's own."""
    may_be_own = is_lid_form(f"{contact.lid}_1" if contact.lid else contact.phone)
    if may_be_own and not phone and not lid:
        return Found(refused=codes.LID_MAY_BE_OWN)
    found = Found(contact)
    found.proven = may_be_own
    found.notes.append(codes.LID_NOT_FOLLOWED)
    return found


class Known:
    """A contact with sessions in a listing: its devices and files, and the time of its latest write (ns)."""

    __slots__ = ("contact", "devices", "files", "newest_ns")

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        self.devices: set[int] = set()
        self.files = 0
        self.newest_ns = 0

    def hash(self, key: bytes) -> str:
        """Return the contact's hash: that of its phone number where it is known, else of its LID."""
        return contact_hash(key, self.contact.phone or f"{self.contact.lid}_1")


def contacts_of(entries: Iterable[Entry], identity: Identity, mappings: Mappings) -> list[Known]:
    """Return every contact with a session in the directory, the latest first, without the tenant itself."""
    phones = {lid: phone for phone, lid in mappings.pairs()}
    lids = {phone: lid for lid, phone in phones.items()}
    known: dict[Contact, Known] = {}
    for entry in entries:
        address = address_of(entry) if entry.kind == SESSION else None
        if address is None or identity.owns(address[0]):
            continue
        contact = contact_of(address[0])
        if contact is None:
            continue
        phone = contact.phone or phones.get(contact.lid, "")
        contact = Contact(phone, contact.lid or lids.get(contact.phone, ""))
        found = known.setdefault(contact, Known(contact))
        found.devices.add(address[1])
        found.files += 1
        found.newest_ns = max(found.newest_ns, entry.mtime_ns)
    return sorted(known.values(), key=lambda each: (-each.newest_ns, each.contact.users))


def _users(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield every user named by a session, a sender key or a mapping."""
    for entry in entries:
        user = user_of(entry)
        if user is not None:
            yield user
            continue
        mapped = user_of_mapping(entry.name)
        if mapped is not None:
            yield f"{base_user(mapped[0])}_1" if mapped[1] else mapped[0]
