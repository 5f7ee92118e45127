"""Renaming without replacing.

`renameat2` is not in Python's `os`, and `ctypes` takes some milliseconds to import: hence a module of
its own, imported only when something is moved.
"""

from __future__ import annotations

import ctypes
import errno
import os

_RENAME_NOREPLACE = 1
#: What a kernel, C library or file system without the call or the flag answers.
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

_library = ctypes.CDLL(None, use_errno=True)
_renameat2 = getattr(_library, "renameat2", None)  # older C libraries lack it


def rename_no_replace(directory: int, name: str, new: str) -> None:
    """Rename `name` to `new` in one directory. Raises OSError.

    FileExistsError when `new` exists; an error whose number is in `UNSUPPORTED` where this is not
    to be had.
    """
    if _renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while _renameat2(directory, os.fsencode(name), directory, os.fsencode(new), _RENAME_NOREPLACE):
        code = ctypes.get_errno()
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
