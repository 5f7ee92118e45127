"""The annotations that people set on a tenant. Pure."""

from __future__ import annotations

import difflib
import re
from typing import Any

from baileys_janitor.api.names import (
    EMERGENCY_ANNOTATION,
    GROUP,
    NOTIFY_ANNOTATION,
    TEMPLATE_ANNOTATION,
)
from baileys_janitor.api.values import decoding

Object = dict[str, Any]

PREFIX = f"{GROUP}/"
KNOWN = (EMERGENCY_ANNOTATION, NOTIFY_ANNOTATION)
OWN = (TEMPLATE_ANNOTATION,)
"""Annotations that the operator itself sets."""
NAME_MAX = 63
_ODD = re.compile(r"[^A-Za-z0-9._-]")


def is_muted(meta: Object) -> bool:
    """Return whether notifications about the tenant are muted."""
    return decoding.annotation(meta, NOTIFY_ANNOTATION, len("false ")) == "false"


def problem(meta: Object) -> str | None:
    """Return the problem of an annotation with the janitor's prefix and its correction; None if there is no problem.

    Of several problems, return the first by name; the next one follows after its correction.
    """
    found = decoding.part(meta, "annotations")
    for name in sorted(name for name in found if str(name).startswith(PREFIX)):
        if name not in KNOWN and name not in OWN:
            return _unknown(str(name))
    if NOTIFY_ANNOTATION in found and found[NOTIFY_ANNOTATION] not in ("true", "false"):
        return f'The value of the annotation {NOTIFY_ANNOTATION} has no effect: set it to "true" or "false".'
    if found.get(EMERGENCY_ANNOTATION) == "":
        return (
            f"The annotation {EMERGENCY_ANNOTATION} has no value, so it asks for nothing: give it a new one, such as "
            "the time."
        )
    return None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name[: len(PREFIX) + NAME_MAX], KNOWN, n=1, cutoff=0.0)
    shown = PREFIX + _ODD.sub("?", name.removeprefix(PREFIX))[:NAME_MAX]
    return f"The operator knows no annotation {shown}, so it has no effect: did you mean {near[0]}?"
