"""Encryption of archives with age: to public keys, so that the machine that makes backups cannot read them.

Recipients are age keys (`age1...`) or SSH keys; the `age` program can decrypt the result. No key is in any
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
"""More would make a header longer than the limit on reading."""

_IDENTITIES_MOST: Final = 32
# The library parses a header again from its beginning for each piece.
_HEADER_MOST_BYTES: Final = 32 * 1024
_HEADER_END: Final = b"\n--- "
_HEADER_MAC_BYTES: Final = 44
_SECRET: Final = "AGE-SECRET-KEY-"  # noqa: S105  # the prefix of an age secret key
_PRIVATE: Final = "PRIVATE KEY-----"
_NO_IDENTITY_FITS: Final = "No matching keys found"


class Reader(Protocol):
    """Bytes read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class Writer(Protocol):
    """Bytes written in pieces."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data` and return its length."""

    def flush(self) -> None:
        """Finish writing the buffered data."""


class Recipients:
    """The public keys that an archive is encrypted to; empty if it is not encrypted."""

    __slots__ = ("_keys",)

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Read public keys as `age-keygen -y` and `ssh-keygen` print them.

        Raises BackupProblem with the position (from 1) of the invalid key.
        """
        self._keys = [_recipient(text, place) for place, text in enumerate(texts, 1)]
        if len(self._keys) > RECIPIENTS_MOST:
            raise BackupProblem(RECIPIENTS_TOO_MANY, most=RECIPIENTS_MOST)

    def __len__(self) -> int:
        return len(self._keys)

    def encrypt(self, reader: Reader, writer: Writer) -> None:
        """Encrypt from a reader to a writer; their exceptions pass through."""
        pyrage.encrypt_io(reader, writer, self._keys)

    def __repr__(self) -> str:
        return f"Recipients({len(self)})"


class Identities:
    """The secret keys that decrypt archives."""

    __slots__ = ("_keys",)

    def __init__(self, text: str) -> None:
        """Read an identity file: one age key a line, with empty lines and comments (#), or one SSH private key.

        Raises BackupProblem with the number of the invalid line.
        """
        self._keys = [_ssh_identity(text)] if _PRIVATE in text else _identities(text)

    def __len__(self) -> int:
        return len(self._keys)

    def decrypt(self, reader: Reader, writer: Writer) -> None:
        """Decrypt from a reader to a writer, in pieces that are each verified before they are written.

        Only when this returns are all pieces written. Exceptions of reader and writer pass through. Raises
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
        # The library passes on the reader's exceptions, but replaces them by its own within a header.
        failure = source.failure or target.failure
        if failure is not None:
            raise failure
        # Raised outside the handler, without a context: the library's text must not be passed on.
        raise BackupProblem(code)

    def __repr__(self) -> str:
        return f"Identities({len(self)})"


def generate() -> tuple[str, str]:
    """Return a new secret key and its public key."""
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
    """A reader that checks the header first, and remembers whether it has failed."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ahead = b""
        self.failure: BaseException | None = None

    def check_header(self) -> None:
        """Read ahead until the header is complete. Raises BackupProblem if it is invalid."""
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
