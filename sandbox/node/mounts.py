"""Volumes as local directories, and the container paths that map to them."""

from __future__ import annotations

import base64
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sandbox.client import Object

DATA: Final = "..data"
"""The link through which all files of a volume are read, so that all change at once."""


class MountError(Exception):
    """A volume is not available yet; the text is the kubelet's message."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a volume that is built from an object."""

    content: bytes
    mode: int


def claim_directory(volume: Object, root: Path, namespace: str, claim: str) -> Path:
    """Return the directory of a bound claim: its volume's own path, else a directory below `root`."""
    for source in ("hostPath", "local"):
        if path := (volume["spec"].get(source) or {}).get("path"):
            return Path(path)
    return root / namespace / claim


def contents(kind: str, value: Object) -> dict[str, bytes]:
    """Return the files of a `configMap` or a `secret`."""
    if kind == "secret":
        return {name: base64.b64decode(text) for name, text in (value.get("data") or {}).items()}
    plain = {name: str(text).encode() for name, text in (value.get("data") or {}).items()}
    binary = value.get("binaryData") or {}
    return plain | {name: base64.b64decode(text) for name, text in binary.items()}


def files(kind: str, source: Object, value: Object | None) -> dict[str, File]:
    """Return the files of a `configMap` or `secret` volume: all, or those named by its items, under their paths.

    Args:
        source: the volume's source.
        value: the object, or None if it is missing, which counts as empty for an optional volume.

    Raises:
        MountError: the object is missing, or a key that an item names.
    """
    optional = bool(source.get("optional"))
    if value is None and not optional:
        name = source["secretName" if kind == "secret" else "name"]
        raise MountError(f'{kind.lower()} "{name}" not found')
    found = {} if value is None else contents(kind, value)
    mode = source.get("defaultMode", 0o644)
    items = source.get("items")
    if not items:
        return {name: File(content, mode) for name, content in found.items()}
    chosen = {}
    for item in items:
        if item["key"] in found:
            own = item.get("mode")
            chosen[item["path"]] = File(found[item["key"]], mode if own is None else own)
        elif not optional:
            missing = "non-existent secret key" if kind == "secret" else "non-existent config key"
            prefix = "" if kind == "secret" else "configmap "
            raise MountError(f"{prefix}references {missing}: {item['key']}")
    return chosen


def write(directory: Path, wanted: Mapping[str, File]) -> None:
    """Write files into a directory as the kubelet does: all change at once, by one link.

    The files are in a directory named by the time; `..data` links to it, and each visible name to a name below that.
    """
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / DATA
    before = directory / data.readlink() if data.is_symlink() else None
    if before is not None and _holds(before, wanted):
        return
    stamp = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.")
    fresh = directory / f"{stamp}{secrets.randbelow(10**9)}"
    fresh.mkdir(mode=0o755)
    for name, file in wanted.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    link = directory / "..data_tmp"
    link.symlink_to(fresh.name)
    link.replace(data)
    _show(directory, {name.partition("/")[0] for name in wanted})
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)


def _holds(directory: Path, wanted: Mapping[str, File]) -> bool:
    there = {str(path.relative_to(directory)): path for path in _regular(directory)}
    try:
        return there.keys() == wanted.keys() and all(
            path.stat().st_mode & 0o777 == wanted[name].mode
            and path.read_bytes() == wanted[name].content
            for name, path in there.items()
        )
    except PermissionError:
        return False


def _regular(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())


def _show(directory: Path, names: set[str]) -> None:
    """Create the visible names of a volume as links through `..data`."""
    for name in names:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for entry in list(directory.iterdir()):
        if not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()


def size(directory: Path) -> int:
    """Return the bytes of a directory's regular files."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                found = (Path(folder) / name).lstat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                total += found.st_size
    return total


class Paths:
    """Container paths and the local paths that they map to.

    There are no mount namespaces here: each occurrence of a container path in the command, the arguments or the
    environment is replaced with the local path. Only whole paths match: `/data` is not found in `/database` or
    `/old/data`.
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
