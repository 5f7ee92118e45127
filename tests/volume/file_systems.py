"""File systems that lack something, made of this one by changing what its calls answer."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from baileys_janitor.volume import noreplace


@contextmanager
def without_no_replace() -> Iterator[None]:
    """Renames always replace, as with sshfs and on old kernels."""
    with _patched(noreplace, "rename_no_replace", _refusing(errno.EINVAL)):
        yield


@contextmanager
def without_links() -> Iterator[None]:
    """There are no hard links, as on vfat."""
    with _patched(os, "link", _refusing(errno.EPERM)):
        yield


@contextmanager
def without_either() -> Iterator[None]:
    """Neither links nor renames that do not replace, as on mounts of rclone."""
    with without_no_replace(), _patched(os, "link", _refusing(errno.ENOSYS)):
        yield


@contextmanager
def without_flags() -> Iterator[None]:
    """Flags of a rename are passed over: it replaces, and says that it did well."""

    def replace(directory: int, name: str, new: str) -> None:
        os.rename(name, new, src_dir_fd=directory, dst_dir_fd=directory)

    with _patched(noreplace, "rename_no_replace", replace):
        yield


@contextmanager
def inodes_by_path(salt: int = 0) -> Iterator[None]:
    """Each path has an inode number of its own, as on mounts that make them up; `salt`: mounted anew."""
    names: dict[int, str] = {}
    real_open, real_lstat, real_fstat, real_scandir = os.open, os.lstat, os.fstat, os.scandir

    def open_file(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        file = real_open(path, flags, mode, dir_fd=dir_fd)
        if dir_fd is not None:
            names[file] = path
        else:
            names.pop(file, None)
        return file

    def lstat(path: Any, *, dir_fd: int | None = None) -> os.stat_result:
        found = real_lstat(path, dir_fd=dir_fd)
        return found if dir_fd is None else _by_path(found, path, salt)

    def fstat(file: int) -> os.stat_result:
        found = real_fstat(file)
        return _by_path(found, names[file], salt) if file in names else found

    def scandir(directory: Any) -> Any:
        found = real_scandir(directory)
        return _Scan(found, salt) if isinstance(directory, int) else found

    with (
        _patched(os, "open", open_file),
        _patched(os, "lstat", lstat),
        _patched(os, "fstat", fstat),
        _patched(os, "scandir", scandir),
    ):
        yield


@contextmanager
def plain() -> Iterator[None]:
    """Everything works."""
    yield


class _Scan:
    """A listing whose entries have inode numbers by path."""

    def __init__(self, found: Any, salt: int) -> None:
        self._found = found
        self._salt = salt

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *problem: object) -> None:
        self._found.close()

    def __iter__(self) -> Iterator[_Item]:
        return (_Item(item, self._salt) for item in self._found)


class _Item:
    def __init__(self, item: os.DirEntry[str], salt: int) -> None:
        self.name = item.name
        self.is_file = item.is_file
        self.is_dir = item.is_dir
        self._item = item
        self._salt = salt

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return _by_path(self._item.stat(follow_symlinks=follow_symlinks), self.name, self._salt)


def _by_path(found: os.stat_result, name: str, salt: int) -> os.stat_result:
    # A named tuple of the plain fields would lose the nanoseconds.
    fields, more = found.__reduce__()[1]
    inode = 1 + zlib.crc32(os.fsencode(name), salt)
    return os.stat_result((fields[0], inode, *fields[2:]), more)


def _refusing(error: int) -> Callable[..., None]:
    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(error, os.strerror(error))

    return refuse


@contextmanager
def _patched(owner: Any, name: str, replacement: Callable[..., Any]) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)
