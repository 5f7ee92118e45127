"""A contact's phone number and LID, from the tenant's LID mapping files.

`lid-mapping-<phone>.json` holds the LID, `lid-mapping-<lid>_reverse.json` the phone number, each as a JSON string of
digits. The volume's writer can put anything there, so a pair counts only where both files name each other.
"""

from __future__ import annotations

from baileys_janitor.policy.files.file_kinds import LID_MAPPING, classify, is_number
from baileys_janitor.policy.files.identity import mapped_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REVERSE = "_reverse"


def mapping_names(user: str) -> tuple[str, str]:
    """Return the two files that may map a user: by its digits as a phone number, and as a LID."""
    return f"lid-mapping-{user}.json", f"lid-mapping-{user}{_REVERSE}.json"


def user_of_mapping(name: str) -> tuple[str, bool] | None:
    """Return the user in a mapping file's name and whether it is a LID; None for any other file."""
    kind, ident = classify(name)
    if kind != LID_MAPPING:
        return None
    user = ident.removesuffix(_REVERSE)
    return (user, user != ident) if is_number(user) else None


class Mappings:
    """The mappings in the files that were read: `contents` by name, None for a file that is not there."""

    __slots__ = ("_lids", "_phones")

    def __init__(self, contents: Mapping[str, bytes | None]) -> None:
        self._lids: dict[str, str] = {}
        self._phones: dict[str, str] = {}
        for name, data in contents.items():
            named, mapped = user_of_mapping(name), mapped_user(data)
            if named is not None and mapped:
                known = self._phones if named[1] else self._lids
                known[named[0]] = mapped

    def lid_of(self, phone: str) -> str:
        """Return the LID of a phone number, "" unless both files agree."""
        lid = self._lids.get(phone, "")
        return lid if lid and self._phones.get(lid) == phone else ""

    def phone_of(self, lid: str) -> str:
        """Return the phone number of a LID, "" unless both files agree."""
        phone = self._phones.get(lid, "")
        return phone if phone and self._lids.get(phone) == lid else ""

    def says(self, user: str) -> tuple[str, ...]:
        """Return the users named by the two files of a user, whether or not the other side agrees."""
        return tuple(each[user] for each in (self._lids, self._phones) if user in each)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield phone number and LID of each pair that agrees."""
        for phone in self._lids:
            lid = self.lid_of(phone)
            if lid:
                yield phone, lid
