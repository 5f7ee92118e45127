"""Read JSON as strictly as `JSON.parse` does: one document, no NaN, no infinities, no text after it."""

from __future__ import annotations

import json

# The interpreter refuses integers of more than 4,300 digits; JavaScript reads them as doubles.
_EXACT_INTEGER_DIGITS_MAX = 40


class JsonError(ValueError):
    """The text is not one JSON document, or is nested too deeply to be read."""


def parse(text: str) -> object:
    """Return the value of one JSON document; raise `JsonError` for anything else, whatever the text is."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError, MemoryError) as error:
        name = type(error).__name__
    # Raised out here, without a context: the decoder's own error holds the document, which can hold keys.
    raise JsonError(f"not a JSON document ({name})")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_INTEGER_DIGITS_MAX else float(digits)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse)
