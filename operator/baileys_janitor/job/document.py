"""The JSON formats of a Job's task and result.

A task is one argument. A result is a document: one line `<magic> <action> <checksum>`, then one of JSON. It is in
the termination message, so it is at most `LIMIT_BYTES` long. A pod can be taken over, so a result is not trusted:
the checksum detects accidents, and the reader of the JSON checks every value.
"""

from __future__ import annotations

import json
from hashlib import blake2s

from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.volume.report.codec_fields import BadResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any


def read_task(text: str, version: int) -> dict[str, Any]:
    """Return the object in a Job's argument; raises BadTask with one sentence."""
    try:
        data = parse(text)
    except JsonError as problem:
        raise BadTask(f"the task is not JSON: {problem}") from None
    if not isinstance(data, dict):
        raise BadTask("the task must be a JSON object")
    if data.get("v") != version:
        raise BadTask(
            f"the task has another version than {version}: let the operator and the Job's image be the same"
        )
    return data


def write_document(magic: str, action: str, data: dict[str, Any]) -> bytes:
    """Return the document; the caller ensures that it is not too long."""
    body = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return f"{magic} {action} {checksum(action, body)}\n{body}".encode("ascii")


def read_document(
    text: str | bytes, magic: str, actions: Collection[str], what: str
) -> tuple[str, dict[str, Any]]:
    """Return the action and the data of a document with this magic word and one of these actions.

    `what` describes the document, as "a result of a backup". Raises BadResult when it is cut, changed, or another one.
    """
    if isinstance(text, bytes):
        text = text[: LIMIT_BYTES + 1].decode("ascii", "replace")
    if len(text) > LIMIT_BYTES:
        raise BadResult("a result that is longer than any that this program writes")
    head, _, body = text.strip().partition("\n")
    words = head.split(" ")
    if len(words) != 3 or words[0] != magic:
        raise BadResult(f"not {what}, of another version, or cut off")
    _, action, check = words
    if not body.isascii() or checksum(action, body) != check:
        raise BadResult("the result's checksum does not match: it was cut or changed")
    if action not in actions:
        raise BadResult("a result of an unknown action")
    try:
        data = parse(body)
    except JsonError:
        raise BadResult("a result that is not JSON") from None
    if not isinstance(data, dict):
        raise BadResult("a result that is not an object")
    return action, data


def checksum(action: str, body: str) -> str:
    """Return sixteen hexadecimal digits over an action and its JSON."""
    return blake2s(f"{action}\n{body}".encode(), digest_size=8).hexdigest()
