"""The names of the tenants of a set: no phone number becomes a name, because logs and metrics contain names. Pure."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final, NamedTuple

from baileys_janitor.api.tenant_sets.status import MARK_DIGITS

_SLUG_MOST: Final = 48
_HASH_DIGITS: Final = 6
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+", re.ASCII)
_SEPARATORS: Final = re.compile(r"[\s()+./_-]")
_PHONE: Final = re.compile(r"\d{7,}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_COMPANY: Final = "company_"
TOP: Final = "."


class Place(NamedTuple):
    """The location of a session: a claim, and a directory in it in its shortest form."""

    claim: str
    path: str = TOP


def mark_of(place: Place) -> str:
    """Return the beginning of a hash of a place, which the status stores."""
    return _hash(place)[:MARK_DIGITS]


def name_of(place: Place, *, by_claim: bool) -> str:
    """Return the name of the tenant for a place; `by_claim`: the claims distinguish the set's tenants.

    Two places never share a name, except with a chance of one in 16 million, and a place always gets the same name.
    """
    told = place.claim if by_claim else place.path.removeprefix(_COMPANY)
    slug = "" if _is_private(told) else _NOT_SLUG.sub("-", told.lower()).strip("-")
    slug = slug[:_SLUG_MOST].strip("-") or "tenant"
    return f"{slug}-{_hash(place)[:_HASH_DIGITS]}"


def _is_private(text: str) -> bool:
    """Return whether a text may contain a phone number, written together or in groups."""
    if _UUID.fullmatch(text.rpartition("/")[2].lower()):
        return False
    return _PHONE.search(_SEPARATORS.sub("", text)) is not None


def _hash(place: Place) -> str:
    text = f"{place.claim}\0{place.path}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
