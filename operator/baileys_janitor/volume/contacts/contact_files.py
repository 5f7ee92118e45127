"""Reading the LID mapping files that identify a contact: as few as possible, each of bounded size."""

from __future__ import annotations

from baileys_janitor.policy.contact.mappings import Mappings, mapping_names, user_of_mapping
from baileys_janitor.policy.files.identity import MAX_MAPPING_BYTES, mapped_user
from baileys_janitor.volume.files.safe_open import read_small

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.policy.files.file_entry import Entry

#: The limit on mapping files read for a list: no account has more contacts.
MOST_MAPPINGS = 20_000


def mappings_of(directory: int, users: Iterable[str]) -> Mappings:
    """Return the mappings of these users (bare digits), and of the users that these map to."""
    contents: dict[str, bytes | None] = {}
    named = [name for user in users if user for name in mapping_names(user)]
    _read_all(directory, named, contents)
    mapped = [mapped_user(contents[name]) for name in named]
    _read_all(
        directory, [name for user in mapped if user for name in mapping_names(user)], contents
    )
    return Mappings(contents)


def all_mappings(directory: int, entries: Iterable[Entry]) -> Mappings:
    """Return the mappings of all users in a listing, from up to `MOST_MAPPINGS` files."""
    names = [each.name for each in entries if user_of_mapping(each.name) is not None]
    contents: dict[str, bytes | None] = {}
    _read_all(directory, names[:MOST_MAPPINGS], contents)
    return Mappings(contents)


def _read_all(directory: int, names: Iterable[str], contents: dict[str, bytes | None]) -> None:
    for name in names:
        if name not in contents:
            contents[name] = read_small(directory, name, MAX_MAPPING_BYTES)
