"""Encryption of archives with age: to public keys, so that whoever makes backups cannot read them.

Recipients are age keys (`age1...`) or SSH keys; whatever they encrypt, the `age` program decrypts. No key is in any
printed form, and no error of the library is passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import pyrage

from baileys_janitor.backup.archive.forms import AGE_HEADER
from baileys_janitor.backup.errors import (
    ARCHIVE_DAMAGED,
    ARCHIVE_TRUNCATED,
    IDENTITY_INVALID,
    RECIPIENT_INVALID,
    RECIPIENT_IS_SECRET,
    RECIPIENTS_TOO_MANY,
    WRONG_IDENTITY,
    BackupProblem,
)

RECIPIENTS_MOST: Final = 32
"""More would make a header that is not read any more."""

_IDENTITIES_MOST: Final = 32
# The library parses a header again from its beginning for each piece that arrives.
_HEADER_MOST_BYTES: Final = 32 * 1024
_HEADER_END: Final = b"\n--- "
_HEADER_MAC_BYTES: Final = 44
_SECRET: Final = "AGE-SECRET-KEY-"  # noqa: S105  # how one begins
_PRIVATE: Final = "PRIVATE KEY-----"
_NO_IDENTITY_FITS: Final = "No matching keys found"


class Reader(Protocol):
    """Bytes that are read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class Writer(Protocol):
    """Something that takes bytes in pieces."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data` and return its length."""

    def flush(self) -> None:
        """Do what is left to do with what was taken."""


class Recipients:
    """The public keys that an archive is encrypted to; empty where it is not encrypted."""

    __slots__ = ("_keys",)

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Read public keys as `age-keygen -y` and `ssh-keygen` print them.

        Raises BackupProblem, which tells by its position (from 1) which of them is none.
        """
        self._keys = [_recipient(text, place) for place, text in enumerate(texts, 1)]
        if len(self._keys) > RECIPIENTS_MOST:
            raise BackupProblem(RECIPIENTS_TOO_MANY, most=RECIPIENTS_MOST)

    def __len__(self) -> int:
        return len(self._keys)

    def encrypt(self, reader: Reader, writer: Writer) -> None:
        """Encrypt what is read; what reader and writer raise passes through."""
        pyrage.encrypt_io(reader, writer, self._keys)

    def __repr__(self) -> str:
        return f"Recipients({len(self)})"


class Identities:
    """The secret keys that open archives."""

    __slots__ = ("_keys",)

    def __init__(self, text: str) -> None:
        """Read an identity file: one age key a line, with empty lines and comments (#), or one SSH private key.

        Raises BackupProblem, which names the line.
        """
        self._keys = [_ssh_identity(text)] if _PRIVATE in text else _identities(text)

    def __len__(self) -> int:
        return len(self._keys)

    def decrypt(self, reader: Reader, writer: Writer) -> None:
        """Decrypt what is read, in pieces that are each known to be genuine before they are written.

        That all were written is known only when this returns. What reader and writer raise passes through. Raises
        BackupProblem: WrongIdentity, ArchiveTruncated, ArchiveDamaged.
        """
        source = _Source(reader)
        source.check_header()
        target = _Target(writer)
        code = ARCHIVE_DAMAGED
        try:
            pyrage.decrypt_io(source, target, self._keys)
            return
        except pyrage.DecryptError as error:
            if str(error) == _NO_IDENTITY_FITS:
                code = WRONG_IDENTITY
        except OSError:
            pass
        # The library passes on what the reader raises, or, within a header, an error of its own instead.
        failure = source.failure or target.failure
        if failure is not None:
            raise failure
        # Raised out here, without a context: the library's words are not ours to pass on.
        raise BackupProblem(code)

    def __repr__(self) -> str:
        return f"Identities({len(self)})"


def generate() -> tuple[str, str]:
    """Return a new secret key and the public key that belongs to it."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def _recipient(text: str, place: int) -> pyrage.ssh.Recipient | pyrage.x25519.Recipient:
    plain = text.strip()
    if plain.upper().startswith(_SECRET) or _PRIVATE in plain:
        raise BackupProblem(RECIPIENT_IS_SECRET, position=place)
    read: Callable[[str], pyrage.ssh.Recipient | pyrage.x25519.Recipient] = (
        pyrage.ssh.Recipient.from_str
        if plain.startswith("ssh-")
        else pyrage.x25519.Recipient.from_str
    )
    try:
        return read(plain)
    except pyrage.RecipientError:
        pass
    raise BackupProblem(RECIPIENT_INVALID, position=place)


def _identities(text: str) -> Sequence[pyrage.x25519.Identity]:
    found: list[pyrage.x25519.Identity] = []
    for place, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        identity = _identity(plain)
        if identity is None or len(found) == _IDENTITIES_MOST:
            raise BackupProblem(IDENTITY_INVALID, position=place)
        found.append(identity)
    if not found:
        raise BackupProblem(IDENTITY_INVALID, position=1)
    return found


def _identity(text: str) -> pyrage.x25519.Identity | None:
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        return None


def _ssh_identity(text: str) -> pyrage.ssh.Identity:
    try:
        return pyrage.ssh.Identity.from_buffer(text.encode())
    except pyrage.IdentityError:
        pass
    raise BackupProblem(IDENTITY_INVALID, position=1)


class _Source:
    """A reader whose beginning is looked at first, and that remembers whether it has failed."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ahead = b""
        self.failure: BaseException | None = None

    def check_header(self) -> None:
        """Read ahead until the header is complete. Raises BackupProblem where it is none."""
        while True:
            end = self._ahead.find(_HEADER_END)
            if 0 <= end <= len(self._ahead) - len(_HEADER_END) - _HEADER_MAC_BYTES:
                return
            if len(self._ahead) > _HEADER_MOST_BYTES:
                raise BackupProblem(ARCHIVE_DAMAGED)
            piece = self._reader.read(_HEADER_MOST_BYTES)
            if not piece:
                raise BackupProblem(ARCHIVE_TRUNCATED)
            self._ahead += piece
            if not self._ahead.startswith(AGE_HEADER[: len(self._ahead)]):
                raise BackupProblem(ARCHIVE_DAMAGED)

    def read(self, size: int = -1, /) -> bytes:
        if self._ahead:
            piece = self._ahead[:size] if size >= 0 else self._ahead
            self._ahead = self._ahead[len(piece) :]
            return piece
        try:
            return self._reader.read(size)
        except BaseException as failure:
            self.failure = failure
            raise


class _Target:
    """A writer that remembers whether it has failed."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.failure: BaseException | None = None

    def write(self, data: bytes, /) -> int:
        try:
            return self._writer.write(data)
        except BaseException as failure:
            self.failure = failure
            raise

    def flush(self) -> None:
        self._writer.flush()
