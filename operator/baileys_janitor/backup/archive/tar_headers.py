"""The tar format of archives: the bytes before, between and after the files.

Each archive has one fixed form: POSIX headers of regular files without an owner (uid and gid 0, no names), a PAX header
before a name that is too long for one. A reader therefore builds the headers that it expects and compares bytes: no
header of another program is ever parsed. The format is implemented here, so that an old archive can be read by
every later version of the language.
"""

from __future__ import annotations

from typing import Final

BLOCK_BYTES: Final = 512
#: The end of an archive.
END: Final = bytes(2 * BLOCK_BYTES)
#: Times have 33 bits: up to the year 2242.
TIME_MAX: Final = 8**11 - 1

_NAME_BYTES: Final = 100
_SIZE: Final = slice(124, 136)
_TIME: Final = slice(136, 148)
_FILE: Final = b"0"
_PAX: Final = b"x"
_PAX_NAME: Final = "././@PaxHeader"
_SUM_PLACE: Final = b" " * 8


def header(name: str, *, size: int, time: int, mode: int) -> bytes:
    """Return the header of a regular file: an ASCII name without "/", bytes, Unix seconds, permission bits.

    A time outside the bounds of tar is replaced by the nearest one within them.
    """
    time = min(max(time, 0), TIME_MAX)
    encoded = name.encode("ascii")
    if len(encoded) <= _NAME_BYTES:
        return _block(encoded, size, time, mode, _FILE)
    record = _record(b"path=" + encoded)
    return (
        _block(_PAX_NAME.encode(), len(record), 0, 0o644, _PAX)
        + record
        + padding(len(record))
        + _block(encoded[:_NAME_BYTES], size, time, mode, _FILE)
    )


def padding(size: int) -> bytes:
    """Return the padding after content of this size, up to the next block."""
    return bytes(-size % BLOCK_BYTES)


def size_and_time(block: bytes) -> tuple[int, int] | None:
    """Return size and time of a header that `header` has made for a short name; None for any other block.

    The caller compares the block with the expected one.
    """
    size, time = _number(block[_SIZE]), _number(block[_TIME])
    return None if size is None or time is None else (size, time)


def _block(name: bytes, size: int, time: int, mode: int, kind: bytes) -> bytes:
    fields = (
        name.ljust(_NAME_BYTES, b"\0"),
        b"%07o\0" % mode,
        b"%07o\0" % 0,  # uid
        b"%07o\0" % 0,  # gid
        b"%011o\0" % size,
        b"%011o\0" % time,
        _SUM_PLACE,
        kind,
        bytes(100),  # no link
        b"ustar\x0000",
        bytes(64),  # no user's and no group's name
        b"%07o\0" % 0,  # no device
        b"%07o\0" % 0,
    )
    block = b"".join(fields).ljust(BLOCK_BYTES, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _record(text: bytes) -> bytes:
    """Return a PAX record, whose length counts its own digits."""
    rest = len(text) + 2  # a space before, a line end after
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b\n" % (length, text)


def _number(field: bytes) -> int | None:
    digits = field[:-1]
    return (
        int(digits, 8) if digits.isdigit() and b"8" not in digits and b"9" not in digits else None
    )
