"""Listing the session directories of a volume: the task of such a Job, its result, and how to read that.

    {"v":2,"action":"list","volume":"/volumes/000","path":".","pattern":null,"after":""}

A list of many paths is cut into pages, since a termination message holds 4,096 bytes: each page has the paths after
`after`, as many as fit when they are compressed.

    {"v":1,"total":612,"more":true,"unusable":0,"paths":"<base64 of zlib of a JSON list>"}
"""

from __future__ import annotations

import json

from baileys_janitor.policy.files.strict_json import JsonError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 2
LIST = "list"
RESULT_VERSION = 1
MESSAGE_BYTES = 3_800
PATHS_MOST = 10_000
PATH_MOST = 512
_NAME_MOST = 255
_UNPACKED_MOST = 1024 * 1024
_RESERVED = ".janitor"


class BadList(ValueError):  # noqa: N818  # pairs with BadTask
    """An invalid task or result; the message names the field."""


class ListTask:
    """The directory to list: `path` of the volume that is mounted at `volume`, by `pattern` (None: all)."""

    __slots__ = ("after", "path", "pattern", "volume")

    def __init__(self, volume: str, path: str, pattern: str | None, after: str = "") -> None:
        self.volume = volume
        self.path = path
        self.pattern = pattern
        self.after = after

    def to_json(self) -> str:
        """Return the argument of `baileys-janitor job`."""
        data = {
            "v": VERSION,
            "action": LIST,
            "volume": self.volume,
            "path": self.path,
            "pattern": self.pattern,
            "after": self.after,
        }
        return json.dumps(data, separators=(",", ":"))


def read_task(text: str) -> ListTask | None:
    """Return the task of a Job that lists; None for any other. Raises BadList."""
    try:
        data = parse(text)
    except JsonError:
        return None
    if not isinstance(data, dict) or data.get("action") != LIST:
        return None
    if data.get("v") != VERSION:
        raise BadList(f"v: this program understands tasks of version {VERSION} only")
    volume, path, pattern = data.get("volume"), data.get("path"), data.get("pattern")
    after = data.get("after")
    if not isinstance(volume, str) or not volume.startswith("/") or "\0" in volume:
        raise BadList("volume: an absolute path")
    if not isinstance(path, str) or "\0" in path or not isinstance(after, str):
        raise BadList("path, after: texts")
    if pattern is not None and not isinstance(pattern, str):
        raise BadList("pattern: a text or null")
    return ListTask(volume, path, pattern, after)


class Page:
    """A page of paths of session directories, in order, and whether more follow.

    `total` counts all of them, `unusable` those with paths that no tenant can have.
    """

    __slots__ = ("more", "paths", "total", "unusable")

    def __init__(self, paths: Sequence[str], total: int, *, more: bool, unusable: int = 0) -> None:
        self.paths = list(paths)
        self.total = total
        self.more = more
        self.unusable = unusable

    def encode(self) -> bytes:
        """Return the termination message."""
        from base64 import b64encode
        from zlib import compress

        packed = compress(json.dumps(self.paths, separators=(",", ":")).encode("ascii"), 9)
        data = {
            "v": RESULT_VERSION,
            "total": self.total,
            "more": self.more,
            "unusable": self.unusable,
            "paths": b64encode(packed).decode("ascii"),
        }
        return json.dumps(data, separators=(",", ":")).encode("ascii")


def failure(code: str) -> bytes:
    """Return the termination message for a failed list."""
    return json.dumps({"v": RESULT_VERSION, "error": code}, separators=(",", ":")).encode("ascii")


def make_page(paths: Sequence[str], after: str) -> Page:
    """Return the page of paths after `after`: as many as fit into a message."""
    usable = sorted({path for path in paths if is_usable(path)})
    unusable = len(set(paths)) - len(usable)
    behind = [path for path in usable if path > after] if after else usable
    least, most = 0, len(behind)
    while least < most:  # the largest number that fits
        middle = (least + most + 1) // 2
        page = Page(behind[:middle], len(usable), more=middle < len(behind), unusable=unusable)
        if len(page.encode()) <= MESSAGE_BYTES:
            least = middle
        else:
            most = middle - 1
    return Page(behind[:least], len(usable), more=least < len(behind), unusable=unusable)


def is_usable(path: str) -> bool:
    """Return whether a tenant can have this path (see `api.spec.Volume`)."""
    if not path or len(path) > PATH_MOST or path.startswith("/"):
        return False
    if any(ord(each) < 32 or ord(each) == 127 or 0xD800 <= ord(each) < 0xE000 for each in path):
        return False
    parts = path.split("/")
    return all(
        part not in ("", "..")
        and (part != "." or path == ".")
        and not part.startswith(_RESERVED)
        and len(part.encode()) <= _NAME_MOST
        for part in parts
    )


def decode(message: str) -> Page | str:
    """Return a Job's page, or its error code. Raises BadList for anything else.

    Anybody who can write a pod's status can write this: every number, length and path is checked.
    """
    from base64 import b64decode
    from zlib import decompressobj, error

    try:
        data = parse(message)
    except JsonError as problem:
        raise BadList("no JSON") from problem
    if not isinstance(data, dict) or data.get("v") != RESULT_VERSION:
        raise BadList("v")
    code = data.get("error")
    if isinstance(code, str) and 0 < len(code) <= 64 and code.isascii() and code.isalnum():
        return code
    more, packed = data.get("more"), data.get("paths")
    total, unusable = _count(data.get("total")), _count(data.get("unusable"))
    if not isinstance(more, bool):
        raise BadList("more")
    if not isinstance(packed, str):
        raise BadList("paths")
    try:
        unpacking = decompressobj()
        text = unpacking.decompress(b64decode(packed, validate=True), _UNPACKED_MOST)
        paths = parse(text.decode("ascii"))
    except (ValueError, error, JsonError) as problem:
        raise BadList("paths") from problem
    if not isinstance(paths, list) or len(paths) > PATHS_MOST or len(paths) > total:
        raise BadList("paths")
    if not all(isinstance(each, str) and is_usable(each) for each in paths):
        raise BadList("a path")
    if any(paths[i] >= paths[i + 1] for i in range(len(paths) - 1)):
        raise BadList("the order of paths")
    if more and not paths:
        raise BadList("more")
    return Page(paths, total, more=more, unusable=unusable)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= PATHS_MOST:
        raise BadList("a number")
    return value


def carry_out(task: ListTask) -> bytes:
    """Return a Job's message: the requested page of session directories, or the error code.

    Leaves the process in the directory: a path through links is never followed.
    """
    import os

    from baileys_janitor.volume.errors import VolumeProblem
    from baileys_janitor.volume.files.roots import AWAITS_PAIRING, LINK, find_sessions
    from baileys_janitor.volume.files.safe_open import open_session

    try:
        directory = open_session(task.volume, task.path)
        try:
            os.fchdir(directory)
            found = find_sessions(".", task.pattern)
        finally:
            os.close(directory)
    except VolumeProblem as problem:
        return failure(problem.code)
    paths = [each.path for each in found.sessions if each.looks not in (AWAITS_PAIRING, LINK)]
    return make_page(paths, task.after).encode()
