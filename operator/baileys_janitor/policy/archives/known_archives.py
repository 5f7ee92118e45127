"""The archives of a session that are our own, as one line of text: for a tenant's status and the tasks of its Jobs.

    1;<fingerprint>;<pairing>;<recipients>;<repository>.<listed>,...;<archives>;<checksum>

On one server the session directory stores them. On a cluster a backup only reads its claim, and a drill has no claim at
all, so the status stores them. An archive takes 52 characters, so that the 66 of the usual retention take 3.5 kB.
Anybody may write a status, so only a line that this module could have written is read; any other yields no memory, and
then no archive counts and none is removed.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from hashlib import blake2s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_VERSION = "1"
_FIELDS = 7
_CHARACTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_;,.")
_HEX = frozenset("0123456789abcdef")

ARCHIVES_MAX = 200
"""Archives that are remembered, newest first; older ones are never deleted."""
REPOSITORIES_MAX = 8
"""Repositories that are remembered: those in use, and those from before a change."""
DIGEST_DIGITS, SHA256_DIGITS = 16, 32
"""Hexadecimal digits kept of a digest and of a SHA-256."""
NAME_DIGITS = 16
"""Hexadecimal digits of a repository's name and of a fingerprint."""
_TIME_BYTES, _SIZE_BYTES, _FILES_BYTES = 5, 5, 3
PACKED_BYTES = _TIME_BYTES + DIGEST_DIGITS // 2 + SHA256_DIGITS // 2 + _SIZE_BYTES + _FILES_BYTES
"""Bytes of an archive without its repositories."""
_ENTRY_BYTES = PACKED_BYTES + 2
_LATEST = 1 << 33
TEXT_CHARACTERS_MAX = 12_288
"""No line is longer, and a longer one is not read."""


@dataclass(frozen=True, slots=True)
class PutArchive:
    """An archive of ours: when its session was read (Unix seconds), its content and its repositories.

    `digest` and `sha256` are the first digits of the digest of its list of files and of the whole object, `size` is in
    bytes. `held` are the repositories that hold it; `verified` those in which it was found complete.
    """

    time: int
    digest: str
    sha256: str
    size: int
    files: int
    encrypted: bool = True
    held: frozenset[str] = frozenset()
    verified: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownArchives:
    """The archives of one session, newest first.

    `fingerprint` and `pairing` identify the account of the newest one, `recipients` its readers, as a hash. `listed`
    has the time of each repository's last listing (Unix seconds); repositories are named by hashes of their location.
    """

    archives: Sequence[PutArchive] = ()
    fingerprint: str = ""
    pairing: str = ""
    recipients: str = ""
    listed: Mapping[str, int] = field(default_factory=dict)

    @property
    def newest(self) -> PutArchive | None:
        """The newest one that a repository holds."""
        return next((each for each in self.archives if each.held), None)


def encode(known: KnownArchives) -> str:
    """Return the known archives as one line of ASCII without a line end; without the oldest if it gets too long."""
    newest = sorted(known.archives, key=_order, reverse=True)[:ARCHIVES_MAX]
    repositories = _repositories(known, newest)
    fields = (
        _VERSION,
        known.fingerprint,
        known.pairing,
        known.recipients,
        ",".join(f"{name}.{known.listed.get(name, 0)}" for name in repositories),
        urlsafe_b64encode(b"".join(_entry(each, repositories) for each in newest)).decode(),
    )
    text = ";".join(fields).replace("=", "")
    return f"{text};{_checksum(text)}"


def decode(text: object) -> KnownArchives | None:
    """Return the known archives in a line, None for everything that `encode` would not have written."""
    if not isinstance(text, str) or len(text) > TEXT_CHARACTERS_MAX:
        return None
    body, _, checksum = text.rpartition(";")
    if not _CHARACTERS.issuperset(text) or checksum != _checksum(body):
        return None
    try:
        known = _known(body.split(";"))
    except ValueError:
        return None
    # A number can be spelled in several ways, but `encode` writes only one.
    return known if encode(known) == text else None


def _known(fields: list[str]) -> KnownArchives:
    if len(fields) != _FIELDS - 1 or fields[0] != _VERSION:
        raise ValueError("not a line of this version")
    fingerprint, pairing, recipients = (_name(each) for each in fields[1:4])
    listed: dict[str, int] = {}
    for each in fields[4].split(",") if fields[4] else ():
        name, time = each.split(".")
        listed[_hexadecimal(name, NAME_DIGITS)] = _number(time)
    if len(listed) > REPOSITORIES_MAX:
        raise ValueError("too many repositories")
    packed = urlsafe_b64decode(fields[5] + "=" * (-len(fields[5]) % 4))
    if len(packed) % _ENTRY_BYTES or len(packed) > ARCHIVES_MAX * _ENTRY_BYTES:
        raise ValueError("not whole archives")
    places = range(0, len(packed), _ENTRY_BYTES)
    archives = [_archive(packed[at : at + _ENTRY_BYTES], tuple(listed)) for at in places]
    return KnownArchives(tuple(archives), fingerprint, pairing, recipients, listed)


def pack(archive: PutArchive) -> bytes:
    """Return an archive without its repositories in `PACKED_BYTES` bytes."""
    # The lowest bit of the time flags encryption.
    return b"".join(
        (
            (archive.time << 1 | archive.encrypted).to_bytes(_TIME_BYTES, "big"),
            bytes.fromhex(archive.digest[:DIGEST_DIGITS]),
            bytes.fromhex(archive.sha256[:SHA256_DIGITS]),
            archive.size.to_bytes(_SIZE_BYTES, "big"),
            archive.files.to_bytes(_FILES_BYTES, "big"),
        )
    )


def unpack(packed: bytes) -> PutArchive:
    """Return the archive that `pack` wrote into `PACKED_BYTES` bytes; any bytes decode to some archive."""
    parts = []
    for length in (_TIME_BYTES, DIGEST_DIGITS // 2, SHA256_DIGITS // 2, _SIZE_BYTES, _FILES_BYTES):
        parts.append(packed[:length])
        packed = packed[length:]
    time = int.from_bytes(parts[0], "big")
    return PutArchive(
        time >> 1,
        parts[1].hex(),
        parts[2].hex(),
        int.from_bytes(parts[3], "big"),
        int.from_bytes(parts[4], "big"),
        encrypted=bool(time & 1),
    )


def _entry(archive: PutArchive, repositories: Sequence[str]) -> bytes:
    places = _bits(archive.held, repositories), _bits(archive.verified, repositories)
    return pack(archive) + bytes(places)


def _archive(entry: bytes, repositories: Sequence[str]) -> PutArchive:
    held, verified = entry[PACKED_BYTES:]
    return replace(
        unpack(entry[:PACKED_BYTES]),
        held=_of_bits(held, repositories),
        verified=_of_bits(verified, repositories),
    )


def _repositories(known: KnownArchives, archives: Iterable[PutArchive]) -> list[str]:
    """Return the repositories to remember: those listed most recently first, then others that hold archives."""
    holding = {name for each in archives for name in each.held | each.verified}
    names = sorted({*known.listed, *holding}, key=lambda name: (-known.listed.get(name, 0), name))
    return names[:REPOSITORIES_MAX]


def _bits(names: frozenset[str], repositories: Sequence[str]) -> int:
    return sum(1 << place for place, name in enumerate(repositories) if name in names)


def _of_bits(bits: int, repositories: Sequence[str]) -> frozenset[str]:
    return frozenset(name for place, name in enumerate(repositories) if bits >> place & 1)


def _order(archive: PutArchive) -> tuple[int, str, str]:
    return archive.time, archive.digest, archive.sha256


def _number(text: str) -> int:
    number = int(text) if text.isdigit() and len(text) <= 10 else _LATEST
    if number >= _LATEST:
        raise ValueError("not a time")
    return number


def _name(text: str) -> str:
    return _hexadecimal(text, NAME_DIGITS) if text else ""


def _hexadecimal(text: str, digits: int) -> str:
    if len(text) != digits or not _HEX.issuperset(text):
        raise ValueError("not hexadecimal")
    return text


def _checksum(text: str) -> str:
    return blake2s(text.encode("ascii", "replace"), digest_size=4).hexdigest()
