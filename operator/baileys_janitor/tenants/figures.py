"""Figures of a scan, in the form of a status."""

from __future__ import annotations

from typing import Any

from baileys_janitor.policy.files.file_kinds import KINDS

Object = dict[str, Any]

BYTES_MAX = 2**62
"""The largest number of bytes that the CRD accepts; some filesystems report more."""


def by_kind(counts: list[int] | None, *, only_some: bool = False) -> Object | None:
    """Return counts in the order of KINDS as a mapping; `only_some` leaves zeros out."""
    if counts is None:
        return None
    return {k: n for k, n in zip(KINDS, counts, strict=True) if n or not only_some}
