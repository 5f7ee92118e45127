"""Renaming without replacing, where a file system has no hard links (SMB, some FUSE).

`renameat2` is not in Python's `os`, and `ctypes` is dear to import: hence a module of its own, imported
only when needed.
"""

from __future__ import annotations

import ctypes
import errno
import os

_RENAME_NOREPLACE = 1


def rename_no_replace(session: int, run: int, name: str, refused: OSError) -> None:
    """Move `name` from `run` to `session`; FileExistsError when it exists there.

    Raises `refused`, the error that ruled out a hard link, when the kernel or the C library lacks the
    call, or the file system the flag: then the file stays in the trash.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        raise refused from None
    encoded = os.fsencode(name)
    if renameat2(run, encoded, session, encoded, _RENAME_NOREPLACE) == 0:
        return
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):
        raise refused
    raise OSError(code, os.strerror(code))
