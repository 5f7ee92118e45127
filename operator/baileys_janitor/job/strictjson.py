"""JSON without the `json` module, which imports `re` and costs a Job as much as a third of its start.

The scanner and the string writer are the C functions that `json` itself uses; where an interpreter
lacks them, `json` does the work.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    import _json
except ImportError:  # another interpreter than CPython
    _json = None  # type: ignore[assignment]

_SPACE = " \t\n\r"


class BadJson(ValueError):  # noqa: N818  # pairs with BadTask
    """The text is not one JSON value."""


class _Context:
    """What the scanner asks of a decoder: the plain types, and no NaN or Infinity."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> float:
        raise BadJson(name)


def load(text: str) -> Any:
    """Read one JSON value; raises BadJson for anything else."""
    try:
        if _json is None:
            import json

            return json.loads(text, parse_constant=_Context.parse_constant)
        text = text.strip(_SPACE)
        value, end = _json.make_scanner(_Context)(text, 0)  # type: ignore[arg-type]  # it only reads attributes
    except (ValueError, StopIteration, RecursionError) as problem:
        raise BadJson("not JSON") from problem
    if end != len(text):
        raise BadJson("more than one value")
    return value


def dump(value: Any) -> str:
    """Write plain lists, dicts with text keys, text, numbers, booleans and None, without spaces."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_text(key)}:{dump(each)}" for key, each in value.items()]) + "}"
    return "[" + ",".join([dump(each) for each in value]) + "]"


def _text(value: str) -> str:
    if _json is None:
        import json

        return json.dumps(value)
    return _json.encode_basestring_ascii(value)
