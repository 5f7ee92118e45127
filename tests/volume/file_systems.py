"""File systems that lack something, made of this one by changing what its calls answer."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from baileys_janitor.volume.files import noreplace

Changed = Callable[[os.stat_result, str], os.stat_result]


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
def inodes_by_path(mount: int = 0) -> Iterator[None]:
    """Each path has an inode number of its own, and another one on each mount."""
    with _inodes(lambda found, name: 1 + zlib.crc32(os.fsencode(name), mount)):
        yield


@contextmanager
def renumbered(mount: int = 0) -> Iterator[None]:
    """A file keeps its inode number when it is renamed, but has another one on each mount."""
    with _inodes(lambda found, name: found.st_ino ^ mount << 32):
        yield


@contextmanager
def handles_read_once() -> Iterator[None]:
    """A descriptor of a directory that was read to its end yields nothing more, as with sshfs."""
    read: set[int] = set()
    real_open, real_scandir = os.open, os.scandir

    def open_file(*arguments: Any, **more: Any) -> int:  # as os.open
        file = real_open(*arguments, **more)
        read.discard(file)
        return file

    def scandir(directory: Any) -> Any:  # as os.scandir
        if directory in read:
            return nullcontext(iter(()))
        if isinstance(directory, int):
            read.add(directory)
        return real_scandir(directory)

    with _patched(os, "open", open_file), _patched(os, "scandir", scandir):
        yield


@contextmanager
def _inodes(number: Callable[[os.stat_result, str], int]) -> Iterator[None]:
    """Let every look at a name beneath a directory give it the inode that `number` says."""
    names: dict[int, str] = {}
    real_open, real_lstat, real_fstat, real_scandir = os.open, os.lstat, os.fstat, os.scandir

    def changed(found: os.stat_result, name: str) -> os.stat_result:
        # A tuple of the plain fields alone would lose the nanoseconds.
        fields, more = found.__reduce__()[1]
        return os.stat_result((fields[0], number(found, name), *fields[2:]), more)

    def open_file(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        file = real_open(path, flags, mode, dir_fd=dir_fd)
        names.pop(file, None)
        if dir_fd is not None:
            names[file] = path
        return file

    def lstat(path: Any, *, dir_fd: int | None = None) -> os.stat_result:
        found = real_lstat(path, dir_fd=dir_fd)
        return found if dir_fd is None else changed(found, path)

    def fstat(file: int) -> os.stat_result:
        found = real_fstat(file)
        return changed(found, names[file]) if file in names else found

    def scandir(directory: Any) -> Any:
        found = real_scandir(directory)
        return _Scan(found, changed) if isinstance(directory, int) else found

    with (
        _patched(os, "open", open_file),
        _patched(os, "lstat", lstat),
        _patched(os, "fstat", fstat),
        _patched(os, "scandir", scandir),
    ):
        yield


class _Scan:
    """A listing of entries whose inodes are changed."""

    def __init__(self, found: Any, changed: Changed) -> None:
        self._found = found
        self._changed = changed

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[_Item]:
        return (_Item(item, self._changed) for item in self._found)

    def close(self) -> None:
        self._found.close()


class _Item:
    def __init__(self, item: os.DirEntry[str], changed: Changed) -> None:
        self.name = item.name
        self.is_file = item.is_file
        self.is_dir = item.is_dir
        self._item = item
        self._changed = changed

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self._changed(self._item.stat(follow_symlinks=follow_symlinks), self.name)


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
