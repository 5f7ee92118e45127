"""Whatever somebody puts in an archive's place: one code, one sentence, bounded memory, and nothing used of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.backup.archive.manifest import Manifest, ManifestDecoder
from baileys_janitor.backup.archive.unpack import unpack
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.policy.archives.archived import LIMIT_BYTES, ArchivedFile
from baileys_janitor.volume.copies.snapshot import Snapshot
from tests.all_checks import examples
from tests.backup.hostile import MEBIBYTE, Forge, corpus, encrypted, endless, zipped
from tests.backup.sessions import (
    IDENTITIES,
    PLAIN,
    RECIPIENT,
    RECIPIENTS,
    SECRET,
    packed,
    session_in,
    snapshot_of,
)
from tests.pairings import whole
from tests.volume.directories import scratch

with scratch() as room:
    SNAPSHOT = snapshot_of(session_in(room / "session"))
CORPUS = corpus(SNAPSHOT)
ENDLESS = endless(SNAPSHOT)
FORGE = Forge(SNAPSHOT)
ARCHIVE = packed(SNAPSHOT).data
PLAIN_ARCHIVE = packed(SNAPSHOT, PLAIN).data
MANIFEST = packed(SNAPSHOT).manifest
#: What no message may hold: names, users, keys, and what libraries and systems say.
PRIVATE = ("session-", "2205", "2201", "1100", SECRET, RECIPIENT, "Error", "Errno", "zlib", "/")


def refused(chunks: object) -> BackupProblem:
    with pytest.raises(BackupProblem) as caught:
        unpack(chunks, IDENTITIES)  # type: ignore[arg-type]
    return caught.value


def test_the_parts_that_hostile_archives_are_made_of_make_a_good_one() -> None:
    found = unpack([encrypted(zipped(FORGE.tar()), RECIPIENTS)], IDENTITIES)
    assert found.content == dict(SNAPSHOT.content)
    good = FORGE.with_creds(SNAPSHOT.content["creds.json"])
    assert unpack([encrypted(zipped(good), RECIPIENTS)], IDENTITIES).content == found.content
    assert FORGE.entry() == FORGE.text


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_archive_is_refused_in_one_sentence(name: str) -> None:
    hostile = CORPUS[name]
    problem = refused(hostile.chunks(RECIPIENTS))
    assert problem.code == hostile.code
    assert "\n" not in problem.sentence
    assert not [word for word in PRIVATE if word in problem.sentence]
    assert problem.__cause__ is None
    assert problem.__suppress_context__ or problem.__context__ is None


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused_byte_by_byte_as_well(name: str) -> None:
    if name == "a creds.json of 2 MB":
        pytest.skip("so many single bytes take long")
    data = CORPUS[name].data(RECIPIENTS)
    assert refused(data[n : n + 1] for n in range(len(data))).code == CORPUS[name].code


@pytest.mark.parametrize("size", [0, 1, 21, 22, 23, 200, 65_536 + 300, 10**6])
def test_junk_of_any_length_is_refused(size: int) -> None:
    for beginning in (b"", b"age-encryption.org/v1\n", ARCHIVE[:300], PLAIN_ARCHIVE[:300]):
        refused([beginning + bytes(size)])


def test_what_the_store_raises_passes_through() -> None:
    class GoneError(Exception):
        pass

    def broken(after: int) -> Iterator[bytes]:
        yield ARCHIVE[:after]
        raise GoneError

    nonce = ARCHIVE.index(b"\n--- ") + len("\n--- ") + 43 + 1
    for after in (0, 10, 100, *range(nonce - 2, nonce + 17), len(ARCHIVE) // 2):
        with pytest.raises(GoneError):
            unpack(broken(after), IDENTITIES)

    def lost() -> Iterator[bytes]:
        yield ARCHIVE[: len(ARCHIVE) // 2]
        raise ConnectionResetError(104, "Connection reset by peer")

    with pytest.raises(ConnectionResetError):
        unpack(lost(), IDENTITIES)


@pytest.mark.parametrize("encrypt", [True, False])
def test_an_archive_is_read_to_its_end(encrypt: bool) -> None:
    data = ARCHIVE if encrypt else PLAIN_ARCHIVE
    pieces = iter([data, b"", b""])
    assert unpack(pieces, IDENTITIES if encrypt else None)
    assert next(pieces, None) is None


def test_an_encrypted_archive_needs_an_identity() -> None:
    with pytest.raises(BackupProblem) as caught:
        unpack([ARCHIVE], None)
    assert caught.value.code == "IdentityMissing"


def test_an_archive_above_the_limit_is_refused_before_its_files() -> None:
    size = sum(each.size + 1024 for each in MANIFEST.files)
    assert unpack([ARCHIVE], IDENTITIES, limit_bytes=size)
    with pytest.raises(BackupProblem, match="0 MiB"):
        unpack([ARCHIVE], IDENTITIES, limit_bytes=size - 1)


@given(st.integers(0, len(ARCHIVE) * 8 - 1))
@settings(max_examples=examples(300))
def test_one_flipped_bit_anywhere_is_refused(place: int) -> None:
    data = bytearray(ARCHIVE)
    data[place // 8] ^= 1 << place % 8
    refused([bytes(data)])


@given(st.integers(0, len(ARCHIVE) - 1))
@settings(max_examples=examples(200))
def test_an_archive_that_is_cut_anywhere_is_refused(length: int) -> None:
    refused([ARCHIVE[:length]])


def test_an_archive_that_is_cut_between_two_encrypted_pieces_is_refused() -> None:
    large = encrypted(b"x" * 300_000, RECIPIENTS)
    header = len(large) - 300_000 - 16 * 5 - 16
    assert large[:header].endswith(b"\n")
    for pieces in range(5):
        refused([large[: header + 16 + pieces * 65_552]])


@given(st.integers(0, len(PLAIN_ARCHIVE) * 8 - 1), st.booleans())
@settings(max_examples=examples(300))
def test_without_encryption_damage_is_refused_or_changes_nothing(place: int, cut: bool) -> None:
    data = bytearray(PLAIN_ARCHIVE)
    data[place // 8] ^= 1 << place % 8
    damaged = PLAIN_ARCHIVE[: place // 8] if cut else bytes(data)
    try:
        found = unpack([damaged], None)
    except BackupProblem:
        return
    # A few bits between the compressor's blocks mean nothing.
    assert not cut
    assert found.content == dict(SNAPSHOT.content)
    assert found.manifest == MANIFEST


@given(st.data())
@settings(max_examples=examples(300))
def test_any_change_of_a_manifest_is_refused_or_is_a_whole_manifest_again(
    data: st.DataObject,
) -> None:
    text = bytearray(FORGE.text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        act = data.draw(st.sampled_from(["flip", "insert", "remove", "repeat"]))
        if act == "flip":
            text[place] ^= data.draw(st.integers(1, 255))
        elif act == "insert":
            text[place:place] = data.draw(st.sampled_from([b"0", b",", b"\n", b'"', b"}", b" "]))
        elif act == "remove":
            del text[place : place + data.draw(st.integers(1, 200))]
        else:
            text[place:place] = text[place : place + data.draw(st.integers(1, 400))]
    if text == FORGE.text:
        return
    with suppress(BackupProblem):
        found = decoded(bytes(text))
        assert found.encode() == text
        assert found != MANIFEST


def decoded(text: bytes) -> Manifest:
    decoder = ManifestDecoder()
    decoder.feed(text)
    return decoder.finish()


@given(st.binary(max_size=600), st.integers(0, 2))
@settings(max_examples=examples(100))
def test_junk_at_any_layer_is_refused(junk: bytes, layer: int) -> None:
    data = junk if layer == 0 else zipped(junk) if layer == 1 else zipped(FORGE.tar(junk))
    refused([encrypted(data, RECIPIENTS)])


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
BOUNDED = """
import json, sys
from pathlib import Path
from baileys_janitor.backup.archive.encryption import Identities
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.archive.unpack import unpack

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if "VmHWM" in line) // 1024

def pieces():
    with open(sys.argv[1], "rb") as file:
        while piece := file.read(65536):
            yield piece
        file.seek(0)
        while sys.argv[3] == "True":
            yield b"x" * 65536

identities = Identities(Path(sys.argv[2]).read_text())
before = peak()
try:
    unpack(pieces(), identities)
    code = "it was accepted"
except BackupProblem as problem:
    code = problem.code
print(json.dumps([code, peak() - before]))
"""


def peak_of(room: Path, chunks: Iterable[bytes], *, on_and_on: bool = False) -> tuple[str, int]:
    """Unpack in a process of its own; return the code and by how many MiB its memory grew at most."""
    (room / "key").write_text(SECRET)
    with open(room / "archive", "wb") as file:
        file.writelines(chunks)
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, room / "archive", room / "key", str(on_and_on)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    code, mebibytes = json.loads(done.stdout)
    return code, mebibytes


@ON_LINUX
@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_archive_takes_bounded_memory(name: str, tmp_path: Path) -> None:
    chunks = islice(ENDLESS[name].chunks(RECIPIENTS), 20)
    on_and_on = "junk" in name or "never ends" in name or "endless" in name
    code, mebibytes = peak_of(tmp_path, chunks, on_and_on=on_and_on)
    assert code == ENDLESS[name].code
    assert mebibytes < 32


@ON_LINUX
def test_the_largest_archive_with_the_worst_credentials_takes_bounded_memory(
    tmp_path: Path,
) -> None:
    creds = whole()[:-1] + b',"a":[' + b"[]," * (MEBIBYTE // 3 - 1000) + b"[]]}"
    content = {"creds.json": creds, "pre-key-1.json": bytes(LIMIT_BYTES - len(creds) - 4096)}
    files = [
        ArchivedFile(name, len(data), 0, 0o600, hashlib.sha256(data).hexdigest())
        for name, data in content.items()
    ]
    largest = Snapshot(replace(SNAPSHOT.session, files=files), content)
    code, mebibytes = peak_of(tmp_path, [packed(largest).data])
    assert code == "it was accepted"
    assert mebibytes < (LIMIT_BYTES >> 20) + 32


def test_a_version_is_named() -> None:
    problem = refused(CORPUS["a newer version"].chunks(RECIPIENTS))
    assert problem.details == {"version": 3}
    assert " 3," in problem.sentence
