"""The subset of kubectl's JSONPath that printer columns use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]
_TOKEN = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\\])+)
      | \[['"](?P<quoted>[^'"]+)['"]\]
      | \[(?P<index>-?\d+)\]
      | \[(?P<all>\*)\]
      | \[\?\(\s*@\.(?P<key>[\w./-]+)\s*==\s*['"]?(?P<wanted>[^'")]*)['"]?\s*\)\]""",
    re.VERBOSE,
)


def _name(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _index(at: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= at < len(value):
            yield value[at]

    return step


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _where(key: str, wanted: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict) and str(item.get(key)) == wanted:
                yield item

    return step


@lru_cache(maxsize=1024)
def steps(path: str) -> tuple[Step, ...]:
    """Compile a path such as `.status.conditions[?(@.type=="Ready")].status`.

    Raises:
        ValueError: it is not supported.
    """
    found: list[Step] = []
    at = 0
    while at < len(path):
        match = _TOKEN.match(path, at)
        if match is None:
            raise ValueError(f"{path}: not understood from {path[at:]!r}")
        at = match.end()
        if match["name"] or match["quoted"]:
            found.append(_name(re.sub(r"\\(.)", r"\1", match["name"] or match["quoted"])))
        elif match["index"]:
            found.append(_index(int(match["index"])))
        elif match["all"]:
            found.append(_every)
        else:
            found.append(_where(match["key"], match["wanted"]))
    return tuple(found)


def first(value: Any, path: str) -> Any:
    """Return the first value at a path, or None."""
    values = [value]
    for step in steps(path):
        values = [inner for outer in values for inner in step(outer)]
    return values[0] if values else None
