"""The files that a repair moves, in order and with reasons; and the guards that run again before each move.

A session is a unit by itself, and so is a member's sender key. The tenant's own sender keys of a group and the group's
memory file are one unit, the memory first: see `policy.own_groups`.
"""

from __future__ import annotations

from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.guards import guard_kind, guard_name, identity_problem
from baileys_janitor.policy.cleanup.plan import Removal
from baileys_janitor.policy.contact import codes
from baileys_janitor.policy.contact.find import named_contact, resolve
from baileys_janitor.policy.contact.users import (
    Contact,
    address_of,
    is_lid_form,
    other_forms,
    user_of,
)
from baileys_janitor.policy.files.file_kinds import (
    OTHER,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    base_user,
    sender_key_address,
    sender_key_group,
)
from baileys_janitor.policy.files.own_groups import own_groups
from baileys_janitor.policy.settings import MAX_FILES_A_RUN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.contact.mappings import Mappings
    from baileys_janitor.policy.contact.request import Request
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity


class RepairPlan:
    """The plan of one repair.

    `removals` in order, a unit's files next to each other. `kept`: how many named files stay for each reason code,
    `left`: how many remain for another run. `refused`: why nothing may be moved; `notes`: codes of notes for the
    person. `contact` is the named one, None for a group alone; `devices` and `authors` are the numbers of devices and
    authors of the files.
    """

    __slots__ = (
        "authors",
        "contact",
        "devices",
        "identity",
        "kept",
        "left",
        "notes",
        "proven",
        "refused",
        "removals",
        "request",
    )

    def __init__(self, request: Request, identity: Identity) -> None:
        self.request = request
        self.identity = identity
        self.contact: Contact | None = None
        self.proven = False
        self.refused: str | None = None
        self.notes: list[str] = []
        self.removals: list[Removal] = []
        self.kept: dict[str, int] = {}
        self.left = 0
        self.devices = 0
        self.authors = 0

    def protect(self, entry: Entry) -> str | None:
        """Return the first reason why a file must stay, None when the repair may move it.

        Judged by the name and the tenant's identity, independently of how the plan was made.
        """
        reason = guard_kind(entry) or guard_name(entry) or identity_problem(self.identity)
        if reason is not None:
            return reason
        if not self.names(entry):
            return codes.NOT_NAMED
        user = user_of(entry)
        if self.request.own_key or user is None:
            return None
        if self.identity.owns(user):
            return reasons.OWN_DEVICE
        in_doubt = self.identity.lid_in_doubt and is_lid_form(user) and not self.proven
        return reasons.OWN_LID_UNKNOWN if in_doubt else None

    def names(self, entry: Entry) -> bool:
        """Return whether a file belongs to the request, judged by its name alone."""
        request = self.request
        if entry.kind == SENDER_KEY_MEMORY:
            return request.own_key and entry.ident == request.group
        user = user_of(entry)
        if user is None or request.group != _group_of(entry):
            return False
        if request.own_key:
            return self.identity.owns(user)
        return request.all_authors or (self.contact is not None and self.contact.has(user))


def make_repair_plan(
    entries: list[Entry],
    identity: Identity,
    request: Request,
    mappings: Mappings,
    key: bytes | None = None,
) -> RepairPlan:
    """Return the plan of a repair.

    `mappings` are the contents of the mapping files as `find.resolve` needs them, `key` is the directory's key for
    hashes of contacts.
    """
    plan = RepairPlan(request, identity)
    plan.refused = identity_problem(identity)
    if plan.refused is None and request.names_contact:
        found = resolve(named_contact(entries, request, key), identity, mappings)
        plan.refused, plan.contact = found.refused, found.contact
        plan.proven, plan.notes = found.proven, found.notes
    if plan.refused is not None:
        return plan
    if request.own_key:
        _take_own_key(plan, entries)
    else:
        _take_named(plan, entries)
    if request.group:
        _note_unread_keys(plan, entries)
    if not plan.removals and not plan.kept:
        plan.refused = codes.OTHER_FORM if _in_other_form(plan, entries) else codes.NOTHING_FOUND
    return plan


def _take_named(plan: RepairPlan, entries: list[Entry]) -> None:
    """Take the sessions of a contact, or sender keys of authors in a group; each is a unit, the latest first."""
    named = []
    for entry in entries:
        reason = plan.protect(entry)
        if reason is None:
            named.append(entry)
        elif reason == reasons.OWN_LID_UNKNOWN:
            plan.kept[reason] = plan.kept.get(reason, 0) + 1
    named.sort(key=lambda entry: (-entry.mtime_ns, entry.name))
    why = codes.AUTHOR_KEY_REPAIR if plan.request.group else codes.SESSION_REPAIR
    taken = named[:MAX_FILES_A_RUN]
    plan.left = len(named) - len(taken)
    if plan.left:
        plan.notes.append(codes.TOO_MANY)
    plan.removals = [Removal(entry, why, unit) for unit, entry in enumerate(taken)]
    addresses = [address for address in map(address_of, taken) if address is not None]
    if plan.contact is not None:  # device 0 is one device under its phone number and its LID
        plan.devices = len({device for _, device in addresses})
    else:
        plan.devices = len({(base_user(user), device) for user, device in addresses})
    plan.authors = len({base_user(user) for user, _ in addresses}) if plan.request.group else 0


def _take_own_key(plan: RepairPlan, entries: list[Entry]) -> None:
    """Take the group's memory file and the tenant's own keys of the group: one unit, the memory first."""
    group = own_groups(entries, plan.identity).get(plan.request.group)
    files = [] if group is None else group.files
    taken = files[
        :MAX_FILES_A_RUN
    ]  # without its memory file a key does no harm, nor without the other keys
    plan.left = len(files) - len(taken)
    plan.removals = [Removal(entry, codes.OWN_KEY_REPAIR, 0) for entry in taken]
    if plan.identity.lid_in_doubt and any(_may_be_own(plan, entry) for entry in entries):
        plan.notes.append(codes.LID_KEYS_STAY)
    elif group is not None and not group.keys:
        plan.notes.append(codes.MEMORY_ALONE)


def _may_be_own(plan: RepairPlan, entry: Entry) -> bool:
    user = user_of(entry)
    return user is not None and _group_of(entry) == plan.request.group and is_lid_form(user)


def _in_other_form(plan: RepairPlan, entries: list[Entry]) -> bool:
    """Return whether there are files for the same number in the spelling of another country's rules."""
    others = [Contact(each) for each in other_forms(plan.request.phone)]
    found = [
        user
        for user, group in ((user_of(each), _group_of(each)) for each in entries if others)
        if user is not None and group == plan.request.group
    ]
    return any(other.has(user) for other in others for user in found)


def _note_unread_keys(plan: RepairPlan, entries: list[Entry]) -> None:
    group = plan.request.group
    if any(each.kind == OTHER and sender_key_group(each.name) == group for each in entries):
        plan.notes.append(codes.UNREAD_KEYS)


def _group_of(entry: Entry) -> str:
    """Return the group of a sender key, "" for a session."""
    found = sender_key_address(entry.ident) if entry.kind == SENDER_KEY else None
    return "" if found is None else found[0]
