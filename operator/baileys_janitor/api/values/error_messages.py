"""Turns a pydantic error into one sentence that names the field and the way out."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from baileys_janitor.api.values.patterns import IN_WORDS

_SHOWN = 40
"""Maximum characters of a wrong value in a message."""


_PLAIN = re.compile(r"[\w./-]{1,80}")
"""Names of fields, labels and annotations that a message repeats unchanged."""


def shown(value: object) -> str:
    """Return a value for use in a message: short, on one line."""
    text = repr(value) if isinstance(value, str) else str(value).replace("\n", " ")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


_SENTENCES = {
    "missing": "is required: add it",
    "string_type": "must be text: write {value} in quotes",
    "string_too_short": "is too short: give at least {min_length} {characters}",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "is {value}: {form}",
    "literal_error": "is {value}: choose {expected}",
    "bool_type": "is {value}: choose true or false",
    "int_type": "is {value}: give a whole number, without quotes",
    "greater_than_equal": "is {value}: give {ge} or more",
    "less_than_equal": "is {value}: give {le} or less",
    "list_type": "is {value}: give a list",
    "too_short": "is empty: give at least {min_length}",
    "too_long": "has too many items: give at most {max_length}",
    "dict_type": "must hold fields: give name: value pairs",
    "duration": "is {value}, which is no duration: {way_out}",
    "duration_bounds": "is {value}: choose between {least} and {most}",
    "quantity": "is {value}, which is no quantity: {way_out}",
    "model_type": "must hold fields: give name: value pairs",
}
"""By pydantic's error type; the placeholders are filled from the error's context."""


def first_problem(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return the dotted field and the problem, for the first problem found."""
    found = error.errors(include_url=False)[0]
    return dotted(found["loc"]), _sentence(found, model)


def dotted(place: tuple[int | str, ...]) -> str:
    """Return a place as people write it: `schedule.timeZone`, `job.supplementalGroups[1]`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{_name(part)}"
    return text.removeprefix(".")


def _name(part: str) -> str:
    """Return the name of a field for a message: short and on one line, since it may be any text."""
    return part if _PLAIN.fullmatch(part) else shown(part)


def _sentence(found: ErrorDetails, model: type[BaseModel]) -> str:
    if found["type"] == "extra_forbidden":
        names = _fields_at(model, found["loc"][:-1])
        near = get_close_matches(str(found["loc"][-1]), names, n=1)
        return f"is not a field: did you mean {near[0]}?" if near else "is not a field: remove it"
    if found["type"] == "string_type" and not isinstance(found["input"], int | float):
        return "must be text: give one in quotes"
    if found["type"] == "string_type" and isinstance(found["input"], bool):
        # With quotes it would only cause the next error.
        return f"is {str(found['input']).lower()}, but must be text: give one in quotes"
    known = _SENTENCES.get(found["type"])
    if known is not None:
        context = dict(found.get("ctx", {}))
        context["characters"] = "character" if context.get("min_length") == 1 else "characters"
        form = IN_WORDS.get(context.get("pattern", ""), "")
        return known.format(**context, value=shown(found["input"]), form=form)
    return found["msg"]


def _fields_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the field names of the model at a place; empty if there is no model."""
    schema = model.model_json_schema(by_alias=True)
    here: Any = schema
    for part in place:
        here = _resolved(here.get("properties", {}).get(part, {}), schema)
    return list(here.get("properties", {}))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for choice in node.get("anyOf", [node]):
        if "$ref" in choice:
            name: str = choice["$ref"].rsplit("/", 1)[-1]
            definition: dict[str, Any] = schema["$defs"][name]
            return definition
    return node
