"""JSON without `import json`, which pulls in regular expressions and costs a Job 5 ms of its start.

Reading uses the C scanner that `json` itself uses, as strictly as `JSON.parse` does (no NaN, no
trailing text); where an interpreter has no such scanner, `json` is imported after all.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SPACE = " \t\n\r"
# The interpreter refuses integers of more than 4,300 digits; JavaScript reads them as doubles.
_LONGEST_EXACT_INTEGER = 40


class JsonError(ValueError):
    """The text is not one JSON document, or is nested too deeply to be read."""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_EXACT_INTEGER else float(digits)


def _refuse(constant: str) -> object:
    raise JsonError(f"{constant} is not JSON")


class _Options:
    """What the scanner asks its caller for."""

    __slots__ = (
        "array_hook",
        "memo",
        "object_hook",
        "object_pairs_hook",
        "parse_constant",
        "parse_float",
        "parse_int",
        "strict",
    )

    def __init__(self) -> None:
        self.strict = True
        self.array_hook = None  # since Python 3.15
        self.object_hook = None
        self.object_pairs_hook = None
        self.parse_float = float
        self.parse_int = _integer
        self.parse_constant = _refuse
        self.memo: dict[str, str] = {}


try:
    from _json import encode_basestring_ascii as _quote
    from _json import make_scanner as _make_scanner
except ImportError:  # an interpreter without the accelerator
    from json.encoder import encode_basestring_ascii as _quote
    from json.scanner import make_scanner as _make_scanner

# The scanner asks for its options by name; its declared type wants a JSONDecoder.
_options: Any = _Options()
_scan: Callable[[str, int], tuple[object, int]] = _make_scanner(_options)


def parse(text: str) -> object:
    """Return the value of one JSON document; `JsonError` for anything else, whatever the text is."""
    start = 0
    while text[start : start + 1] and text[start] in _SPACE:
        start += 1
    try:
        value, end = _scan(text, start)
    except (ValueError, StopIteration, RecursionError, MemoryError, SystemError) as error:
        # SystemError: the scanner raises the error class of a json.decoder that nobody has imported.
        # Not chained: the scanner's own error quotes the document, which can hold keys.
        raise JsonError(f"not a JSON document ({type(error).__name__})") from None
    if text[end:].strip(_SPACE):
        raise JsonError("text after the JSON document")
    return value


def compact(value: object) -> str:
    """`value` (None, bool, int, float, str, list, tuple, dict with str keys) as ASCII JSON.

    No spaces, keys in their given order. `TypeError` for other types and for NaN and infinities.
    """
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return str(_quote(value))
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and value - value == 0:
        return float.__repr__(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join([compact(each) for each in value])}]"
    if isinstance(value, dict):
        pairs = [f"{_quote(key)}:{compact(each)}" for key, each in value.items()]
        return f"{{{','.join(pairs)}}}"
    raise TypeError(f"{type(value).__name__} has no JSON form here")
