"""A person's request for a repair."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.contact.hashes import is_hash
from baileys_janitor.policy.contact.users import is_lid, is_phone
from baileys_janitor.policy.files.file_kinds import is_group


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A contact (by one of `phone`, `lid`, `digest`), or a `group`, or an author's key in a group.

    `phone` and `lid` are bare digits, `digest` is a result of `contact_hash`, `group` a JID as file names spell it. A
    group alone selects the tenant's own key there; with `all_authors` the keys of everybody else. Raises ValueError for
    anything else.
    """

    phone: str = ""
    lid: str = ""
    digest: str = ""
    group: str = ""
    all_authors: bool = False

    def __post_init__(self) -> None:
        named = [each for each in (self.phone, self.lid, self.digest) if each]
        well_formed = (
            (not self.phone or is_phone(self.phone))
            and (not self.lid or is_lid(self.lid))
            and (not self.digest or is_hash(self.digest))
            and (not self.group or is_group(self.group))
        )
        whole = len(named) == 1 if not self.group else len(named) <= 1
        if not well_formed or not whole or (self.all_authors and (named or not self.group)):
            raise ValueError("not a contact and not a group")

    @property
    def names_contact(self) -> bool:
        """Return whether one contact is named, alone or as an author in a group."""
        return bool(self.phone or self.lid or self.digest)

    @property
    def own_key(self) -> bool:
        """Return whether the tenant's own key of a group is meant."""
        return bool(self.group) and not self.names_contact and not self.all_authors

    def __repr__(self) -> str:
        """Show which parts are set, without their values."""
        parts = [name for name in self.__slots__ if getattr(self, name)]
        return f"Request({', '.join(parts)})"
