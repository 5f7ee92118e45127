"""The free space on the disk of a session directory."""

from __future__ import annotations

import os

# Below these limits a disk counts as full: the library could not rewrite creds.json, or not make a new file.
FULL_BYTES = 256 * 1024
FULL_INODES = 16


def is_full(directory: int) -> bool:
    """Return whether the disk is too full for the library to write. Raises OSError."""
    room = os.fstatvfs(directory)
    inodes = _free_inodes(room)
    return (inodes is not None and inodes < FULL_INODES) or (
        room.f_blocks > 0 and room.f_bavail * room.f_frsize < FULL_BYTES
    )


def room_on(directory: int) -> tuple[int | None, int | None, int | None]:
    """Return bytes and inodes free for an unprivileged user, and the file system's size; None if unknown."""
    try:
        room = os.fstatvfs(directory)
    except OSError:
        return None, None, None
    return _free_bytes(room), _free_inodes(room), room.f_blocks * room.f_frsize or None


def free_space(directory: int) -> tuple[int | None, int | None]:
    """Return bytes and inodes free for an unprivileged user; None if unknown."""
    return room_on(directory)[:2]


def _free_bytes(room: os.statvfs_result) -> int | None:
    # Some FUSE file systems answer zeros for everything.
    if room.f_blocks <= 0 or not 0 <= room.f_bavail <= room.f_blocks:
        return None
    return room.f_bavail * room.f_frsize


def _free_inodes(room: os.statvfs_result) -> int | None:
    """Return the free inodes. CephFS reports -1 (2**64 - 1 unsigned), bare FUSE 0 of 0: both are unknown."""
    if room.f_files <= 0 or not 0 <= room.f_favail <= room.f_files:
        return None
    return room.f_favail
