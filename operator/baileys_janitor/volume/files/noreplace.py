"""Renaming without replacing, and exchanging two names.

`renameat2` is not in Python's `os`. Only the C module behind `ctypes` is used, which is enough for this one
call: the package itself takes 3 ms to import, as long as it takes to remove a hundred files.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Rename = Callable[[int, bytes, int, bytes, int], int]
    Problem = Callable[[], int]

_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
#: The error numbers of a kernel, C library or file system without the call or the flag.
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def _from_c_module() -> tuple[Rename | None, Problem]:
    """Return the C library's function (None if it lacks one), and a function that returns the last error number."""
    import _ctypes as c

    class Number(c._SimpleCData):  # type: ignore[type-arg]
        _type_ = "i"

    class Function(c.CFuncPtr):
        _flags_ = c.FUNCFLAG_CDECL | c.FUNCFLAG_USE_ERRNO
        _restype_ = Number

    library = c.dlopen(None, 0)  # type: ignore[arg-type]  # None is this process itself
    try:
        address = c.dlsym(library, "renameat2")
    except OSError:  # older C libraries lack it
        return None, c.get_errno
    return Function(address), c.get_errno


def _from_package() -> tuple[Rename | None, Problem]:
    """Return the same by the documented API."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    return getattr(library, "renameat2", None), ctypes.get_errno


def _load() -> tuple[Rename | None, Problem]:
    try:
        return _from_c_module()
    except (ImportError, AttributeError, TypeError, ValueError):  # another Python's internals
        return _from_package()


_renameat2, _problem = _load()


def rename_no_replace(directory: int, name: str, new: str) -> None:
    """Rename `name` to `new` in one directory. Raises OSError.

    FileExistsError when `new` exists; an error with a number in `UNSUPPORTED` if the system cannot
    do it.
    """
    _rename(directory, name, new, _RENAME_NOREPLACE)


def exchange(directory: int, name: str, other: str) -> None:
    """Exchange the names of two files of one directory atomically. Raises OSError.

    FileNotFoundError when one of them does not exist; an error with a number in `UNSUPPORTED` if the system cannot
    do it.
    """
    _rename(directory, name, other, _RENAME_EXCHANGE)


def _rename(directory: int, name: str, new: str, flag: int) -> None:
    if _renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while _renameat2(directory, os.fsencode(name), directory, os.fsencode(new), flag):
        code = _problem()
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
