"""Durations as people write them: `14d`, `6h`, `1m30s`.

The resource keeps the original text, so that a manifest in Git and the stored object agree; code reads `.seconds`. Days
are 24 hours. Kubernetes' own duration format has no days, which is why this type exists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from baileys_janitor.api.values.base import rule
from baileys_janitor.api.values.patterns import DURATION, DURATION_WAY_OUT

MAX_LENGTH = 32
"""The longest text that the pattern accepts, rounded up."""

_FORM = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,9})s)?")
_UNITS = (86_400, 3_600, 60, 1)


@lru_cache(maxsize=1024)
def seconds_of(text: str) -> int:
    """Return the whole seconds of a duration; raise `ValueError` with one sentence if it is invalid."""
    found = _FORM.fullmatch(text)
    if found is None or not text:
        shown = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "..."
        raise ValueError(f"{shown!r} is no duration: {DURATION_WAY_OUT}")
    return sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True))


def duration_text(seconds: int) -> str:
    """Return the shortest text for that many seconds: 5400 is `1h30m`, 0 is `0s`."""
    parts = []
    for unit, letter in zip(_UNITS, "dhms", strict=True):
        number, seconds = divmod(seconds, unit)
        if number:
            parts.append(f"{number}{letter}")
    return "".join(parts) or "0s"


def elapsed_text(milliseconds: int) -> str:
    """Return an elapsed time: `340ms`, `2.5s`, then as a duration."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f}s"
    return duration_text(milliseconds // 1000)


def elapsed_seconds(text: str | None) -> float | None:
    """Return the seconds of a text from `elapsed_text`; None for None and for an invalid text."""
    try:
        if text and text.endswith("ms"):
            return int(text.removesuffix("ms")) / 1000
        if text and "." in text:
            return float(text.removesuffix("s"))
        return float(seconds_of(text)) if text else None
    except ValueError:
        return None


class Duration(str):
    """A duration as written; `.seconds` is its length. `ValueError` when it is none."""

    __slots__ = ()

    def __new__(cls, text: str) -> Duration:
        seconds_of(text)
        return super().__new__(cls, text)

    @property
    def seconds(self) -> int:
        """Whole seconds."""
        return seconds_of(str(self))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": DURATION, "minLength": 2, "maxLength": MAX_LENGTH}


def cel_seconds(text: str) -> str:
    """Return a CEL expression for the seconds of a duration: CEL supports hours, minutes and seconds, but no days."""
    has_days = f"{text}.contains('d')"
    days = f"({has_days} ? int({text}.split('d')[0]) * 86400 : 0)"
    rest = f"duration({has_days} ? {text}.split('d')[1] : {text}).getSeconds()"
    return f"({days} + ({text}.endsWith('d') ? 0 : {rest}))"


def cel_is_duration(text: str) -> str:
    """Return a CEL expression for whether a text is a duration."""
    return f"size({text}) > 1 && {text}.matches(r'{DURATION}')"


def _validated(value: Any) -> Duration:
    try:
        return Duration(value)
    except (TypeError, ValueError):
        raise PydanticCustomError("duration", "is no duration: {way_out}", _CONTEXT) from None


_CONTEXT = {"way_out": DURATION_WAY_OUT}


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a duration field, both allowed: `Annotated[Duration, Between("10s", "1d")]`."""

    least: str
    most: str

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        seconds = cel_seconds("self")
        within = rule(
            f"!({cel_is_duration('self')}) || ({seconds} >= {seconds_of(self.least)}"
            f" && {seconds} <= {seconds_of(self.most)})",
            f"choose between {self.least} and {self.most}",
        )
        return handler(schema) | {
            "x-bounds": f"Between {self.least} and {self.most}.",
            "x-kubernetes-validations": [within],
        }

    def _check(self, value: Duration) -> Duration:
        if seconds_of(self.least) <= value.seconds <= seconds_of(self.most):
            return value
        raise PydanticCustomError(
            "duration_bounds",
            "is out of bounds: choose between {least} and {most}",
            {"least": self.least, "most": self.most},
        )
