"""Volumes as local directories, and the paths in a container that stand for them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from sandbox.client import Object


class MountError(Exception):
    """A volume cannot be had yet; the text is what the kubelet would say."""


def claim_directory(volume: Object, root: Path, namespace: str, claim: str) -> Path:
    """Where a bound claim's files are: its volume's own path, else a directory below `root`."""
    for source in ("hostPath", "local"):
        if path := (volume["spec"].get(source) or {}).get("path"):
            return Path(path)
    return root / namespace / claim


def write_files(directory: Path, files: Mapping[str, bytes]) -> Path:
    """A directory with files, for config maps and secrets."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def contents(kind: str, value: Object) -> dict[str, bytes]:
    """The files that a `configMap` or a `secret` stands for."""
    if kind == "secret":
        return {name: base64.b64decode(text) for name, text in (value.get("data") or {}).items()}
    plain = {name: str(text).encode() for name, text in (value.get("data") or {}).items()}
    binary = value.get("binaryData") or {}
    return plain | {name: base64.b64decode(text) for name, text in binary.items()}


def chosen(source: Object, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a volume of a `configMap` or a `secret`: all, or those that its items name, under their paths.

    Raises:
        MountError: an item names a key that is not there.
    """
    items = source.get("items")
    if not items:
        return dict(files)
    for item in items:
        if item["key"] not in files:
            raise MountError(f"references non-existent secret key: {item['key']}")
    return {item["path"]: files[item["key"]] for item in items}


class Paths:
    """Paths in a container and the local ones that they stand for.

    There are no mount namespaces here: wherever one of the paths occurs in the command, the
    arguments or the environment, the local path is put in its place. A path counts only as a
    whole: `/data` is not found in `/database` or `/old/data`.
    """

    def __init__(self) -> None:
        self._local: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def add(self, inside: str, local: Path) -> None:
        self._local[inside.rstrip("/") or "/"] = str(local)
        longest_first = sorted(self._local, key=len, reverse=True)
        listed = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![\w./-])(?:{listed})(?![\w-]|\.[\w-])")

    def translate(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._local[match[0]], text)
