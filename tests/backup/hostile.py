"""Archives that nobody honest makes, each with the code that it is refused with.

Anybody who knows a public recipient can encrypt what he likes, so nearly all of these are perfect on the outside.
"""

from __future__ import annotations

import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from itertools import chain, repeat
from typing import Any

from baileys_janitor.backup.archive.archive import MANIFEST_MODE
from baileys_janitor.backup.archive.encryption import Recipients, generate
from baileys_janitor.backup.archive.forms import GZIP_HEADER
from baileys_janitor.backup.archive.manifest import MANIFEST_NAME, manifest_of
from baileys_janitor.backup.archive.tar_headers import END, header, padding
from baileys_janitor.policy.archives.archived import ArchivedFile
from baileys_janitor.volume.copies.snapshot import Snapshot
from tests.pairings import whole

NAMESPACE, TENANT = "bots", "acme"
MEBIBYTE = 1 << 20
#: The file that most of them lie about: any but creds.json.
VICTIM = "session-2205.0.json"

#: What an archive begins with that a passphrase opens, after four million rounds.
PASSPHRASE = (
    b"age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 22\n"
    + b"A" * 43
    + b"\n--- "
    + b"A" * 43
    + b"\n"
    + bytes(200)
)

Chunks = Callable[[Recipients], Iterable[bytes]]


@dataclass(frozen=True)
class Hostile:
    """An archive, made for some recipients when it is asked for, and how it is refused."""

    code: str
    chunks: Chunks

    def data(self, recipients: Recipients) -> bytes:
        return b"".join(self.chunks(recipients))


def corpus(snapshot: Snapshot) -> dict[str, Hostile]:
    """Return hostile archives of a session that holds VICTIM; each is small and ends."""
    forge = Forge(snapshot)
    return {
        **{name: Hostile(code, forge.lying(data)) for name, code, data in manifests(forge)},
        **{name: Hostile(code, sealed(zipped(tar))) for name, code, tar in tars(forge)},
        **{name: Hostile(code, sealed(data)) for name, code, data in streams(forge)},
        **{name: Hostile(code, chunks) for name, code, chunks in objects(forge)},
    }


def endless(snapshot: Snapshot) -> dict[str, Hostile]:
    """Return archives that have no end, or become gigabytes: whoever reads them must stop by himself."""
    forge = Forge(snapshot)
    facts, entry = forge.lines[0], forge.lines[1]
    return {
        "2 GB of zeros in 2 MB": Hostile(
            "NotAnArchive", sealed_pieces(lambda: inflating(b"", b"\0", 2048))
        ),
        "a file of 2 GB of zeros": Hostile(
            "ArchiveDamaged", sealed_pieces(lambda: inflating(forge.tar()[:-1024], b"\0", 2048))
        ),
        "a manifest of 2 GB of zeros": Hostile(
            "ManifestInvalid",
            sealed_pieces(lambda: inflating(manifest_header(1 << 31), b"\0", 2048)),
        ),
        "a manifest of 100 MB without a line end": Hostile(
            "ManifestInvalid", sealed_pieces(lambda: inflating(manifest_header(1 << 31), b"[", 100))
        ),
        "a manifest of 100 MB of short lines": Hostile(
            "ManifestInvalid",
            sealed_pieces(lambda: inflating(manifest_header(1 << 31) + facts + b"\n", b"\n", 100)),
        ),
        "a manifest that names a million files": Hostile(
            "ArchiveTooLarge", sealed_pieces(lambda: naming_many(facts, entry))
        ),
        "a manifest that misses a million files": Hostile(
            "ArchiveTooLarge", sealed_pieces(lambda: missing_many(forge))
        ),
        "a million members": Hostile(
            "ArchiveDamaged",
            sealed_pieces(lambda: inflating(forge.tar()[:-1024], member(VICTIM), 1024)),
        ),
        "compression that never says anything": Hostile(
            "ArchiveTooLarge",
            sealed_pieces(lambda: chain([GZIP_HEADER], repeat(b"\0\0\0\xff\xff" * 13_000, 1060))),
        ),
        "junk after an age header": Hostile(
            "ArchiveDamaged",
            lambda r: chain([encrypted(bytes(99_999), r)[:300]], repeat(os.urandom(65_536))),
        ),
        "an age header that never ends": Hostile(
            "ArchiveDamaged",
            lambda _: chain([b"age-encryption.org/v1\n"], repeat(b"-> X25519 AAAA\nAAAA\n" * 999)),
        ),
        "an age header of one endless line": Hostile(
            "ArchiveDamaged", lambda _: chain([b"age-encryption.org/v1\n-> "], repeat(b"A" * 9999))
        ),
        "junk": Hostile("NotAnArchive", lambda _: repeat(b"\x01" + os.urandom(65_535))),
    }


class Forge:
    """The parts of a valid archive of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.manifest = manifest_of(snapshot, cluster="", namespace=NAMESPACE, tenant=TENANT)
        self.text = self.manifest.encode()
        self.lines = self.text.split(b"\n")
        self.victim = next(each for each in self.manifest.files if each.name == VICTIM)

    def tar(self, text: bytes | None = None, change: dict[str, bytes] | None = None) -> bytes:
        """Return a tar with another manifest, or with other bytes for some members."""
        text = self.text if text is None else text
        members = {
            each.name: member(each.name, self.snapshot.content[each.name], each)
            for each in self.manifest.files
        }
        members.update(change or {})
        head = manifest_header(len(text), self.manifest.time)
        return b"".join([head, text, padding(len(text)), *members.values(), END])

    def lying(self, text: bytes) -> Chunks:
        return sealed(zipped(self.tar(text)))

    def entry(self, **changes: object) -> bytes:
        """Return the manifest with another entry for the victim; a change of `...` leaves a key out."""
        before = next(line for line in self.lines if b'"%b"' % VICTIM.encode() in line)
        found: dict[str, object] = json.loads(before.removesuffix(b","))
        found.update(changes)
        found = {key: value for key, value in found.items() if value is not ...}
        after = json.dumps(found, separators=(",", ":")).encode()
        return self.text.replace(before, after + b",")

    def facts(self, **changes: Any) -> bytes:
        return replace(self.manifest, **changes).encode()

    def with_creds(self, data: bytes, **facts: Any) -> bytes:
        """Return a tar whose creds.json is another one, in the manifest as well."""
        old = next(each for each in self.manifest.files if each.name == "creds.json")
        new = replace(old, size=len(data), sha256=sha256(data).hexdigest())
        files = tuple(new if each is old else each for each in self.manifest.files)
        text = replace(self.manifest, files=files, **facts).encode()
        return self.tar(text, {"creds.json": member("creds.json", data, new)})


def manifests(forge: Forge) -> Iterator[tuple[str, str, bytes]]:
    """Yield manifests by what is wrong with them; the files behind them are as they should be."""
    bad = "ManifestInvalid"
    text = forge.text
    for what, name in {
        "a path upwards": "../session-2205.0.json",
        "a path upwards in an id": "lid-mapping-../../../etc/x.json",
        "an absolute path": "/etc/session-2205.0.json",
        "a path of this directory": "./session-2205.0.json",
        "a NUL": "lid-mapping-1\0.json",
        "a line end": "lid-mapping-1\n.json",
        "half a character": "lid-mapping-\udc80.json",
        "our journal": ".janitor~journal",
        "our lock": ".cleanup.lock",
        "our own trash": ".janitor~run~r1~session-2205.0.json",
        "a backup of creds.json": "creds.json.bak",
        "an unknown file": "notes.txt",
        "itself": MANIFEST_NAME,
        "nothing": "",
        "dots": "..",
        "a very long name": f"lid-mapping-{'1' * 300}.json",
    }.items():
        yield f"a manifest that names {what}", bad, forge.entry(name=name)
    for what, change in {
        "a kind that does not fit": {"kind": "preKey"},
        "no kind": {"kind": ...},
        "a further key": {"link": "creds.json"},
        "no checksum": {"sha256": ...},
        "half a checksum": {"sha256": "0" * 32},
        "a checksum in capitals": {"sha256": "A" * 64},
        "a number for a name": {"name": 7},
        "a negative size": {"size": -1},
        "a huge size": {"size": 10**30},
        "an enormous number": {"size": int("9" * 4000)},
        "half a byte": {"size": 1.5},
        "true for a size": {"size": True},
        "a text for a size": {"size": "1"},
        "a time in floating point": {"mtimeNs": 1e18},
        "a time of 1,000 years": {"mtimeNs": 2**70},
        "a mode with setuid": {"mode": "4755"},
        "a mode in decimals": {"mode": 384},
    }.items():
        yield f"a manifest with {what}", bad, forge.entry(**change)
    for what, changed in {
        "a file twice": twice(text, VICTIM),
        "files in another order": swapped(text),
        "white space": text.replace(b'","', b'", "', 1),
        "a member that JSON hides": text.replace(b'{"version":1,', b'{"version":1,"time":3,', 1),
        "no comma": text.replace(b"},\n", b"}\n", 1),
        "a comma too many": text.replace(b'}\n],"missing"', b'},\n],"missing"', 1),
        "no line end": text[:-1],
        "no end": text.replace(b"]}\n", b""),
        "two ends": text + b"]}\n",
        "text behind it": text + b"{}\n",
        "half a line behind it": text + b"{",
        "a missing file in other letters": text.replace(
            b'"missing":[\n', b'"missing":[\n"pre-key-\\u0031.json"\n'
        ),
        "an empty line": text.replace(b"\n", b"\n\n", 1),
        "carriage returns": text.replace(b"\n", b"\r\n"),
        "a byte-order mark": b"\xef\xbb\xbf" + text,
        "bytes that are no text": text.replace(b'"cluster":""', b'"cluster":"\xff"', 1),
        "all on one line": text.replace(b"\n", b"") + b"\n",
        "pretty lines": json.dumps(json.loads(text), indent=1).encode(),
        "an unknown list": text.replace(b'"unreadable"', b'"unknown"'),
        "a missing file of no name": text.replace(b'"missing":[\n', b'"missing":[\n"../x"\n'),
        "missing files twice": text.replace(
            b'"missing":[\n', b'"missing":[\n"pre-key-1.json",\n"pre-key-1.json"\n'
        ),
        "version 0": text.replace(b'"version":1', b'"version":0', 1),
        "a version in words": text.replace(b'"version":1', b'"version":"1"', 1),
        "no version": text.replace(b'"version":1,', b"", 1),
        "another beginning": text.replace(b'{"version":1,', b'{"kind":2,"version":1,', 1),
        "no creds.json": forge.facts(
            files=[each for each in forge.manifest.files if each.name != "creds.json"]
        ),
        "no files": forge.facts(files=[]),
        "a namespace upwards": forge.facts(namespace=".."),
        "a tenant upwards": forge.facts(tenant="../other"),
        "a tenant on two lines": forge.facts(tenant="acme\n"),
        "a cluster in colours": forge.facts(cluster="\x1b[31m"),
        "a negative time": forge.facts(time=-1),
        "a time far ahead": forge.facts(time=2**40),
        "a fingerprint in words": forge.facts(fingerprint="whoever"),
        "a pairing in words": forge.facts(pairing=""),
        "a counter of zero": forge.facts(next_pre_key_id=0),
        "a counter of 400 digits": forge.facts(first_unuploaded_pre_key_id=10**400),
        "a counter that is true": forge.facts(next_pre_key_id=True),
        "a state in words": forge.facts(quiesced="yes"),
        "a file's time in deep JSON": text.replace(
            b'"mtimeNs":', b'"mtimeNs":' + b"[" * 3000 + b"]" * 3000 + b',"old":', 1
        ),
        "nesting": b'{"version":1,' + b'"a":[' * 1000 + b"]" * 1000 + b"}\n",
        "only white space": b" " * 5000,
    }.items():
        yield f"a manifest with {what}", bad, changed
    yield "a newer version", "ArchiveVersion", text.replace(b'"version":1', b'"version":3', 1)
    yield "another form", "ArchiveOfRows", text.replace(b'"version":1', b'"version":2', 1)
    yield "a future version", "ArchiveVersion", b'{"version":999999999,"all":"else"}\n'
    yield "an empty manifest", "NotAnArchive", b""
    yield "a time that tar does not tell", "ArchiveDamaged", forge.facts(time=7)
    yield "another fingerprint", "CredentialsInvalid", forge.facts(fingerprint="0" * 16)
    yield "another pairing", "CredentialsInvalid", forge.facts(pairing="0" * 16)
    yield "other counters", "CredentialsInvalid", forge.facts(next_pre_key_id=5)
    yield "a smaller counter", "CredentialsInvalid", forge.facts(first_unuploaded_pre_key_id=1)
    yield "an entry of another size", "ArchiveDamaged", forge.entry(size=forge.victim.size + 1)
    yield "an entry of an empty file", "ArchiveDamaged", forge.entry(size=0)
    yield "an entry with another checksum", "ArchiveDamaged", forge.entry(sha256="0" * 64)
    yield "an entry with another mode", "ArchiveDamaged", forge.entry(mode="0777")
    yield "an entry of 3 TB", "ArchiveTooLarge", forge.entry(size=3 << 40)


def tars(forge: Forge) -> Iterator[tuple[str, str, bytes]]:
    """Yield tars whose manifest is as it should be."""
    good = forge.tar()
    damaged = "ArchiveDamaged"
    first = manifest_header(len(forge.text), forge.manifest.time)
    for what, kind in {
        "a symbolic link": tarfile.SYMTYPE,
        "a hard link": tarfile.LNKTYPE,
        "a character device": tarfile.CHRTYPE,
        "a block device": tarfile.BLKTYPE,
        "a FIFO": tarfile.FIFOTYPE,
        "a directory": tarfile.DIRTYPE,
        "an old regular file": tarfile.AREGTYPE,
        "a contiguous file": tarfile.CONTTYPE,
        "a sparse file": tarfile.GNUTYPE_SPARSE,
        "a long name": tarfile.GNUTYPE_LONGNAME,
        "a long link": tarfile.GNUTYPE_LONGLINK,
        "a PAX header": tarfile.XHDTYPE,
        "a global PAX header": tarfile.XGLTYPE,
        "an unknown type": b"Z",
    }.items():
        info = tarfile.TarInfo(VICTIM)
        info.type, info.linkname, info.mode = kind, "/etc/passwd", 0o600
        content = forge.snapshot.content[VICTIM]
        info.size, info.mtime = len(content), forge.victim.mtime_ns // 10**9
        raw = info.tobuf(tarfile.USTAR_FORMAT) + content + padding(len(content))
        yield f"{what} for a file", damaged, forge.tar(change={VICTIM: raw})
        before = raw + member(VICTIM, content, forge.victim)
        yield f"{what} before a file", damaged, forge.tar(change={VICTIM: before})
        yield f"{what} first", "NotAnArchive", raw + good
    content = forge.snapshot.content[VICTIM]
    honest = member(VICTIM, content, forge.victim)
    foreign = tarfile.TarInfo(VICTIM)
    foreign.size, foreign.uid, foreign.uname = len(content), 1000, "root"
    for what, changed in {
        "a file too many": honest + member("session-2205.1.json", b"{}"),
        "a file less": b"",
        "a file twice": honest + honest,
        "another content": member(VICTIM, content[::-1], forge.victim),
        "a longer file": member(
            VICTIM, content + b" ", replace(forge.victim, size=1 + len(content))
        ),
        "text in the padding": honest[:-1] + b"x",
        "a file of another name": member("session-2204.9.json", content, forge.victim),
        "a file upwards": member("../" + VICTIM, content, forge.victim),
        "a file of root": foreign.tobuf(tarfile.USTAR_FORMAT) + honest[512:],
        "an end in the middle": END,
    }.items():
        yield f"a tar with {what}", damaged, forge.tar(change={VICTIM: changed})
    yield "a tar with bytes behind its end", damaged, good + bytes(512)
    yield "a tar with a file behind its end", damaged, good + honest
    yield "a tar without an end", "ArchiveTruncated", good[: -len(END)]
    yield "half a tar", "ArchiveTruncated", good[: len(good) // 2]
    yield "half a header", "ArchiveTruncated", good[:100]
    yield "a tar without a manifest", "NotAnArchive", good[len(first) :]
    yield "a manifest behind the files", "NotAnArchive", honest + good
    yield "zeros for a tar", "NotAnArchive", bytes(4096)
    yield "a manifest of another name", "NotAnArchive", member("creds.json", whole())
    creds = forge.with_creds
    yield "the creds.json of another session", "CredentialsInvalid", creds(whole("b"))
    yield "a torn creds.json", "CredentialsInvalid", creds(whole()[:-1])
    yield "an empty creds.json", "CredentialsInvalid", creds(b"")
    yield "a creds.json that is not paired", "CredentialsInvalid", creds(whole(account=...))
    yield "a creds.json without keys", "CredentialsInvalid", creds(whole(noiseKey=...))
    yield "a creds.json of 2 MB", "CredentialsInvalid", creds(b" " * (2 * MEBIBYTE) + whole())


def streams(forge: Forge) -> Iterator[tuple[str, str, bytes]]:
    """Yield what lies inside the encryption and is no good compressed tar."""
    good = zipped(forge.tar())
    damaged = "ArchiveDamaged"
    yield "nothing inside", "ArchiveTruncated", b""
    yield "a tar that is not compressed", damaged, forge.tar()
    yield "an archive inside an archive", damaged, encrypted(good, Recipients([generate()[1]]))
    yield "a second gzip member", damaged, good + good
    yield "an empty second gzip member", damaged, good + zipped(b"")
    yield "bytes behind the compression", damaged, good + b"\0"
    yield "a compressed file's name", damaged, b"\x1f\x8b\x08\x08" + good[4:10] + b"x\0" + good[10:]
    yield "a compressed file's time", damaged, good[:5] + b"\1" + good[6:]
    yield "a wrong compression checksum", damaged, good[:-8] + bytes(4) + good[-4:]
    yield "a wrong compressed length", damaged, good[:-4] + bytes(4)
    yield "compression without its checksum", "ArchiveTruncated", good[:-8]
    yield "half of the compression", "ArchiveTruncated", good[: len(good) // 2]
    yield "no compression but its header", "ArchiveTruncated", GZIP_HEADER
    yield "half a compression header", "ArchiveTruncated", GZIP_HEADER[:4]
    yield "an unknown compression", damaged, good[:2] + b"\x09" + good[3:]
    yield "a broken block", damaged, GZIP_HEADER + b"\xff" * 100


def objects(forge: Forge) -> Iterator[tuple[str, str, Chunks]]:
    """Yield objects that are no encrypted archive."""
    good = zipped(forge.tar())

    def cut(length: int) -> Chunks:
        return lambda recipients: [encrypted(good, recipients)[:length]]

    yield "an empty object", "ArchiveTruncated", lambda _: []
    yield "empty pieces", "ArchiveTruncated", lambda _: [b"", b""]
    yield "half a magic word", "ArchiveTruncated", cut(10)
    yield "half an age header", "ArchiveTruncated", cut(100)
    yield (
        "most of an age header",
        "ArchiveTruncated",
        lambda r: [_header_of(encrypted(good, r))[:-9]],
    )
    yield "an age header alone", "ArchiveDamaged", lambda r: [_header_of(encrypted(good, r))]
    yield "an archive without its last byte", "ArchiveDamaged", cut(-1)
    yield "half an archive", "ArchiveDamaged", lambda r: [(e := encrypted(good, r))[: len(e) // 2]]
    yield "a byte behind an archive", "ArchiveDamaged", lambda r: [encrypted(good, r) + b"x"]
    yield "two archives", "ArchiveDamaged", lambda r: [encrypted(good, r) * 2]
    yield (
        "an archive for others",
        "WrongIdentity",
        lambda _: [encrypted(good, Recipients([generate()[1]]))],
    )
    yield (
        "an archive with a passphrase",
        "WrongIdentity",
        lambda _: [PASSPHRASE],
    )
    yield "an archive that is not encrypted", "ArchiveNotEncrypted", lambda _: [good]
    yield "an armored archive", "NotAnArchive", lambda _: [b"-----BEGIN AGE ENCRYPTED FILE-----\n"]
    yield "an error page", "NotAnArchive", lambda _: [b"<html><h1>502 Bad Gateway</h1></html>"]
    yield (
        "a newer age",
        "NotAnArchive",
        lambda r: [encrypted(good, r).replace(b"org/v1", b"org/v9", 1)],
    )


def sealed(data: bytes) -> Chunks:
    return lambda recipients: [encrypted(data, recipients)]


def sealed_pieces(pieces: Callable[[], Iterable[bytes]]) -> Chunks:
    return lambda recipients: [encrypted(b"".join(pieces()), recipients)]


def encrypted(data: bytes, recipients: Recipients) -> bytes:
    target = BytesIO()
    recipients.encrypt(BytesIO(data), target)
    return target.getvalue()


def _header_of(archive: bytes) -> bytes:
    """The age header, whose length differs from one to the next."""
    end = archive.index(b"\n--- ") + 1
    return archive[: archive.index(b"\n", end) + 1]


def zipped(data: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    return (
        GZIP_HEADER
        + body
        + zlib.crc32(data).to_bytes(4, "little")
        + len(data).to_bytes(4, "little")
    )


def inflating(beginning: bytes, piece: bytes, mebibytes: int) -> Iterator[bytes]:
    """Yield a compressed stream that begins so and goes on with a piece, over and over: it has no end."""
    yield GZIP_HEADER
    for data, times in ((beginning, 1), (piece * (MEBIBYTE // len(piece)), mebibytes)):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)
        yield from repeat(block, times)


def naming_many(facts: bytes, entry: bytes) -> Iterator[bytes]:
    found = json.loads(entry.removesuffix(b","))
    after = entry[entry.index(b',"size"') :]
    assert found["name"] not in after.decode()
    yield from compressed_lines(
        chain(
            [manifest_header(1 << 31) + facts + b"\n"],
            (
                b'{"name":"pre-key-%d.json","kind":"preKey"%b\n' % (n, after)
                for n in range(1_000_000, 1_070_000)
            ),
        )
    )


def missing_many(forge: Forge) -> Iterator[bytes]:
    before = forge.text[: forge.text.index(b'"missing":[\n') + len(b'"missing":[\n')]
    yield from compressed_lines(
        chain(
            [manifest_header(1 << 31) + before],
            (b'"pre-key-%d.json",\n' % n for n in range(1_000_000, 1_070_000)),
        )
    )


def compressed_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    yield GZIP_HEADER
    for line in lines:
        yield deflate.compress(line)
    yield deflate.flush()


def manifest_header(size: int, time: int = 0) -> bytes:
    return header(MANIFEST_NAME, size=size, time=time, mode=MANIFEST_MODE)


def member(name: str, data: bytes = b"{}", file: ArchivedFile | None = None) -> bytes:
    file = file or ArchivedFile(name, len(data), 0, 0o600, "")
    head = header(name, size=file.size, time=file.mtime_ns // 10**9, mode=file.mode)
    return head + data + padding(len(data))


def twice(text: bytes, name: str) -> bytes:
    line = next(line for line in text.split(b"\n") if b'"%b"' % name.encode() in line)
    return text.replace(line, line + b"\n" + line)


def swapped(text: bytes) -> bytes:
    lines = text.split(b"\n")
    lines[1], lines[2] = lines[2], lines[1]
    return b"\n".join(lines)
