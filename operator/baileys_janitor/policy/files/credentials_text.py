"""Edit creds.json: two numbers change, and every other byte stays as the library wrote it.

The two tokens are replaced in place (see `json_places`).
"""

from __future__ import annotations

from baileys_janitor.policy.files.json_places import places, replaced
from baileys_janitor.policy.files.strict_json import JsonError, parse

COUNTERS = ("nextPreKeyId", "firstUnuploadedPreKeyId")


def with_counters(data: bytes, number: int) -> bytes:
    """Return a creds.json in which both pre-key counters have the value `number`.

    Raises ValueError if they are missing, or if anything else would change.
    """
    before = _document(data)
    edits = [
        (first, last, b"%d" % number)
        for path, first, last in places(data, {1})
        if path[0] in COUNTERS
    ]
    edited = replaced(data, edits)
    if _document(edited) != {**before, **dict.fromkeys(COUNTERS, number)}:
        raise ValueError("the counters cannot be replaced")
    if not all(key in before for key in COUNTERS):
        raise ValueError("there are no counters")
    return edited


def _document(data: bytes) -> dict[str, object]:
    try:
        document = parse(data.decode("utf-8", "replace"))
    except JsonError:
        document = None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # the text is wrong, not its type
    return document
