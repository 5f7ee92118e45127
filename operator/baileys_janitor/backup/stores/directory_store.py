"""Archives in a directory: another disk, or a network file system.

An object is written under a temporary name, synchronised, and then renamed, so that a killed process
leaves no half archive. The directory is never created: it may be a mount point. Beneath it links are not followed.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import contextmanager, suppress
from hashlib import sha256 as sha256_of
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import (
    ARCHIVE_EXISTS,
    ARCHIVE_MISSING,
    ARCHIVE_TOO_LARGE,
    DELETE_FORBIDDEN,
    DIRECTORY_MISSING,
    FORBIDDEN,
    LISTING_TOO_LONG,
    PUT_DAMAGED,
    READ_FORBIDDEN,
    STORE_FAILED,
    STORE_FULL,
    BackupProblem,
)
from baileys_janitor.backup.stores.store import MOST_OBJECTS, READ, PutResult, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BENEATH: Final = _DIRECTORY | os.O_NOFOLLOW
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK_BYTES: Final = 1 << 18
_MEBIBYTE: Final = 1 << 20
_TEMPORARY: Final = ".tmp"
_ABANDONED_SECONDS: Final = 3600
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_DENIED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_BY_ERRNO: Final = {
    errno.ENOSPC: STORE_FULL,
    errno.EDQUOT: STORE_FULL,
    errno.EFBIG: STORE_FULL,
}


class DirectoryStore:
    """A directory; see `Store`. Its content is for the owner only: 0600, in directories of 0700."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __repr__(self) -> str:
        return "DirectoryStore()"

    def put(self, path: str, data: bytes, *, sha256: str) -> PutResult:
        """Put a new file, whole or not at all, and read it back; raise ArchiveExists if another has the name."""
        *parents, name = path.split("/")
        with self._opened(parents, create=True) as directory, _as_problems():
            _remove_abandoned(directory, time.time())
            temporary = f".{name}.{token_hex(8)}{_TEMPORARY}"
            try:
                _write(directory, temporary, data)
                if _digest(directory, temporary) != sha256:
                    raise BackupProblem(PUT_DAMAGED)
                _give_name(directory, temporary, name)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=directory)
            os.fsync(directory)
        return PutResult(None, READ)

    def list_objects(
        self,
        prefix: str,
        *,
        most: int = MOST_OBJECTS,
        doubt_empty: bool = False,  # noqa: ARG002 - a directory is what it is
    ) -> list[StoredObject]:
        """Return the files below `prefix`, sorted by name; raise ListingTooLong for more than `most`."""
        found: list[StoredObject] = []
        parts = [part for part in prefix.split("/") if part]
        try:
            with (
                self._opened(parts, denied=READ_FORBIDDEN) as directory,
                _as_problems(denied=READ_FORBIDDEN),
            ):
                self._walk(directory, prefix, found, most, 3 - len(parts))
        except BackupProblem as problem:
            if problem.code != ARCHIVE_MISSING:
                raise
        return sorted(found, key=lambda each: each.path)

    def get(self, path: str, *, limit_bytes: int) -> Iterator[bytes]:
        """Yield the content of a file; raise ArchiveTooLarge if it has more bytes than the limit."""
        *parents, name = path.split("/")
        with (
            self._opened(parents, denied=READ_FORBIDDEN) as directory,
            _as_problems(denied=READ_FORBIDDEN),
        ):
            file = os.open(name, _READ, dir_fd=directory)
            try:
                found = os.fstat(file)
                if not stat.S_ISREG(found.st_mode):
                    raise BackupProblem(ARCHIVE_MISSING)
                if found.st_size > limit_bytes:
                    raise BackupProblem(ARCHIVE_TOO_LARGE, mebibytes=limit_bytes // _MEBIBYTE)
                left = limit_bytes
                while chunk := os.read(file, min(_CHUNK_BYTES, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise BackupProblem(ARCHIVE_TOO_LARGE, mebibytes=limit_bytes // _MEBIBYTE)
                    yield chunk
            finally:
                os.close(file)

    def delete(self, paths: Sequence[str]) -> None:
        """Remove files; one that does not exist is no problem."""
        for path in paths:
            *parents, name = path.split("/")
            try:
                with (
                    self._opened(parents, denied=DELETE_FORBIDDEN) as directory,
                    _as_problems(denied=DELETE_FORBIDDEN),
                ):
                    os.unlink(name, dir_fd=directory)
            except BackupProblem as problem:
                if problem.code != ARCHIVE_MISSING:
                    raise

    def _walk(
        self, directory: int, prefix: str, found: list[StoredObject], most: int, depth: int
    ) -> None:
        with os.scandir(directory) as entries:
            for entry in entries:
                path = f"{prefix}/{entry.name}" if prefix else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if depth > 1:
                        beneath = os.open(entry.name, _BENEATH, dir_fd=directory)
                        try:
                            self._walk(beneath, path, found, most, depth - 1)
                        finally:
                            os.close(beneath)
                    continue
                if entry.name.startswith(".") and entry.name.endswith(_TEMPORARY):
                    continue
                is_file = entry.is_file(follow_symlinks=False)
                size = entry.stat(follow_symlinks=False).st_size if is_file else 0
                found.append(StoredObject(path, size, None))
                if len(found) > most:
                    raise BackupProblem(LISTING_TOO_LONG, most=most)

    @contextmanager
    def _opened(
        self, parts: Sequence[str], *, create: bool = False, denied: str = FORBIDDEN
    ) -> Iterator[int]:
        """Open a directory below the repository's; raise ArchiveMissing if it does not exist."""
        with _as_problems(DIRECTORY_MISSING, denied):
            directory = os.open(self._directory, _DIRECTORY)
        try:
            with _as_problems(denied=denied):
                for part in parts:
                    if create:
                        with suppress(FileExistsError):
                            os.mkdir(part, 0o700, dir_fd=directory)
                            os.fsync(directory)
                    beneath = os.open(part, _BENEATH, dir_fd=directory)
                    os.close(directory)
                    directory = beneath
            yield directory
        finally:
            os.close(directory)


@contextmanager
def _as_problems(missing: str = ARCHIVE_MISSING, denied: str = FORBIDDEN) -> Iterator[None]:
    """Convert the system's errors into problems, without the names in them."""
    problem = None
    try:
        yield
    except OSError as error:
        problem = _problem_of(error, missing, denied)
    if problem is not None:
        raise problem


def _problem_of(error: OSError, missing: str, denied: str) -> BackupProblem:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO):
        return BackupProblem(missing)
    if error.errno in _DENIED:
        return BackupProblem(denied)
    return BackupProblem(_BY_ERRNO.get(error.errno or 0, STORE_FAILED))


def _write(directory: int, name: str, data: bytes) -> None:
    file = os.open(name, _NEW, 0o600, dir_fd=directory)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    finally:
        os.close(file)


def _digest(directory: int, name: str) -> str:
    digest = sha256_of()
    file = os.open(name, _READ, dir_fd=directory)
    try:
        while chunk := os.read(file, _CHUNK_BYTES):
            digest.update(chunk)
    finally:
        os.close(file)
    return digest.hexdigest()


def _give_name(directory: int, temporary: str, name: str) -> None:
    """Give a file its name without replacing another one, also on a file system without hard links."""
    try:
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        return
    except FileExistsError:
        taken = True
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        taken = _is_taken(directory, name)
    if taken:
        raise BackupProblem(ARCHIVE_EXISTS)
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _is_taken(directory: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def _remove_abandoned(directory: int, now: float) -> None:
    """Remove temporary files of killed writers."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(_TEMPORARY):
                with suppress(OSError):
                    if now - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_SECONDS:
                        os.unlink(entry.name, dir_fd=directory)
