"""Read JSON as strictly as `JSON.parse` does: one document, no NaN, no infinities, no text after it."""

from __future__ import annotations

import json

# The interpreter refuses integers of more than 4,300 digits; JavaScript reads them as doubles.
_EXACT_INTEGER_DIGITS_MAX = 40
#: The worst document of this size takes some 40 MB as objects; a larger one is not parsed, only checked for its end.
MAX_PARSED_BYTES = 1024 * 1024
_WHITE_SPACE = b" \t\r\n"
_QUOTE = 0x22
# Strings without a bracket between them; a run without a quotation mark; the mark of an unterminated string. Every loop
# is possessive: nothing is tried twice.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = rb'(?:%b[^"{}\[\]]*+)++|[^"]++|"' % _STRING
# An object in a session file has at least about 30 bytes, so this many tokens correspond to 15 MB.
_TOKENS_MAX = 1_000_000


class JsonError(ValueError):
    """The text is not one JSON document, or is nested too deeply."""


def parse(text: str) -> object:
    """Return the value of one JSON document; raise `JsonError` for anything else, whatever the text is."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError, MemoryError) as error:
        name = type(error).__name__
    # Raised outside the handler, without a context: the decoder's own error holds the document, which can hold keys.
    raise JsonError(f"not a JSON document ({name})")


def is_whole(data: bytes) -> bool:
    """Return whether bytes are one complete JSON document, as Node.js reads them.

    Above `MAX_PARSED_BYTES` only checks that every string and bracket is closed: a truncated document never passes.
    """
    if len(data) > MAX_PARSED_BYTES:
        return _is_closed(data)
    try:
        parse(data.decode("utf-8", "replace"))
    except (JsonError, MemoryError):
        return False
    return True


def _is_closed(data: bytes) -> bool:
    import re  # rare, so imported only here

    text = data.strip(_WHITE_SPACE)
    if text[:1] + text[-1:] not in (b"{}", b"[]"):
        return False
    braces = brackets = 0
    for number, token in enumerate(re.finditer(_TOKEN, text, re.DOTALL)):
        found = token[0]
        if found == b'"' or number == _TOKENS_MAX:
            return False
        if found[0] != _QUOTE:
            braces += found.count(b"{") - found.count(b"}")
            brackets += found.count(b"[") - found.count(b"]")
    return braces == brackets == 0


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_INTEGER_DIGITS_MAX else float(digits)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse)
