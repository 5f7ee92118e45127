"""What is packed can be unpacked, byte for byte: by this program, and by `age` and `tar` alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.backup import names
from baileys_janitor.backup.archive.archive import pack, pack_rows
from baileys_janitor.backup.archive.encryption import Identities, Recipients, generate
from baileys_janitor.backup.archive.rows_manifest import RowsSnapshot
from baileys_janitor.backup.archive.unpack import UnpackedArchive, unpack, unpack_rows
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.volume.copies.snapshot import Snapshot
from tests.backup.sessions import (
    IDENTITIES,
    LONG_NAME,
    PLAIN,
    RECIPIENT,
    SECRET,
    packed,
    session_in,
    snapshot_of,
)
from tests.pairings import whole
from tests.volume.directories import NOW, OWN, OWN_LID, scratch, write

AGE = Path(__file__).parents[2] / ".tools/shells/usr/bin/age"
OLD = Path(__file__).parents[1] / "fixtures/archives"


@pytest.fixture(scope="module")
def session() -> object:
    with scratch() as room:
        yield session_in(room / "session")


@pytest.fixture(scope="module")
def snapshot(session: Path) -> Snapshot:
    return snapshot_of(session)


def is_same(found: UnpackedArchive, snapshot: Snapshot) -> bool:
    return (
        found.content == dict(snapshot.content)
        and list(found.session.files) == list(snapshot.session.files)
        and found.session.time == snapshot.session.time
        and found.session.credentials == snapshot.session.credentials
        and found.session.identity.own_users == snapshot.session.identity.own_users
        and found.session.quiesced == snapshot.session.quiesced
    )


@pytest.mark.parametrize("piece", [1, 7, 512, 65_536, 10**9])
def test_an_archive_holds_what_was_packed_however_it_arrives(
    snapshot: Snapshot, piece: int
) -> None:
    data = packed(snapshot).data
    found = unpack((data[n : n + piece] for n in range(0, len(data), piece)), IDENTITIES)
    assert is_same(found, snapshot)
    assert found.manifest == packed(snapshot).manifest
    assert found.manifest.cluster == "Moskva 1 ✓"
    assert (found.manifest.namespace, found.manifest.tenant) == ("bots", "acme")


def test_an_archive_that_is_not_encrypted_is_the_same_each_time(snapshot: Snapshot) -> None:
    one, two = packed(snapshot, PLAIN), packed(snapshot, PLAIN)
    assert one.data == two.data
    assert is_same(unpack([one.data], None), snapshot)
    assert packed(snapshot).data != packed(snapshot).data


def test_the_name_tells_time_digest_and_encryption(snapshot: Snapshot) -> None:
    archive = packed(snapshot)
    assert archive.name == names.parse_name(str(archive.name))
    assert (archive.name.time, archive.name.encrypted) == (int(NOW), True)
    assert archive.manifest.digest.startswith(archive.name.digest8)
    assert archive.sha256 == hashlib.sha256(archive.data).hexdigest()
    assert str(packed(snapshot, PLAIN).name).endswith(".tar.gz")


def test_nothing_of_a_session_stands_outside_the_encryption(snapshot: Snapshot) -> None:
    archive = packed(snapshot)
    for word in (b"session-", b"creds", b"2201", b"manifest", b"acme", b"ustar"):
        assert word not in archive.data
    assert "2201" not in f"{archive!r} {archive.manifest!r} {unpack([archive.data], IDENTITIES)!r}"


def test_age_and_tar_alone_restore_an_archive(snapshot: Snapshot, tmp_path: Path) -> None:
    if not AGE.exists():
        pytest.skip("age is not installed: `make tools` fetches it")
    (tmp_path / "key.txt").write_text(SECRET)
    (tmp_path / "archive").write_bytes(packed(snapshot).data)
    target = tmp_path / "restored"
    target.mkdir()
    line = f"{AGE} -d -i {tmp_path}/key.txt {tmp_path}/archive | tar xzp -C {target}"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert is_restored(target, snapshot)
    document = json.loads((target / "manifest.json").read_bytes())
    assert document["version"] == 1
    assert {each["name"]: each["sha256"] for each in document["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in snapshot.content.items()
    }


def is_restored(target: Path, snapshot: Snapshot) -> bool:
    held = {each.name: each for each in target.iterdir() if each.name != "manifest.json"}
    return held.keys() == snapshot.content.keys() and all(
        held[each.name].read_bytes() == snapshot.content[each.name]
        and held[each.name].stat().st_mode & 0o777 == each.mode
        and int(held[each.name].stat().st_mtime) == each.mtime_ns // 10**9
        for each in snapshot.session.files
    )


def test_pythons_tarfile_reads_the_same_members(snapshot: Snapshot) -> None:
    archive = packed(snapshot, PLAIN)
    with tarfile.open(fileobj=io.BytesIO(archive.data), mode="r:gz", errorlevel=2) as tar:
        members = tar.getmembers()
        assert members[0].name == "manifest.json"
        assert [each.name for each in members[1:]] == sorted(snapshot.content)
        assert LONG_NAME in snapshot.content
        for each in members:
            assert each.isreg()
            assert (each.uid, each.gid, each.uname, each.gname) == (0, 0, "", "")
        for each in members[1:]:
            file = tar.extractfile(each)
            assert file is not None
            assert file.read() == snapshot.content[each.name]


def test_each_of_several_recipients_opens_an_archive_alone(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    secrets, recipients = zip(*(generate() for _ in range(3)), strict=True)
    public = list(recipients)
    ssh = []
    if shutil.which("ssh-keygen"):
        for kind in ("ed25519", "rsa"):
            path = tmp_path / kind
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
            public.append(path.with_suffix(".pub").read_text())
            ssh.append(path.read_text())
    archive = packed(snapshot, Recipients(public))
    for secret in (*secrets, *ssh):
        assert is_same(unpack([archive.data], Identities(secret)), snapshot)
    with pytest.raises(BackupProblem) as caught:
        unpack([archive.data], IDENTITIES)
    assert caught.value.code == "WrongIdentity"
    both = Identities(f"# old\n{SECRET}\n\n# new\n{secrets[1]}\n")
    assert is_same(unpack([archive.data], both), snapshot)


def test_a_digest_tells_whether_anything_changed_but_the_time(session: Path) -> None:
    with scratch() as room:
        other = Path(shutil.copytree(session, room / "session"))
        before = packed(snapshot_of(other)).manifest.digest
        assert packed(snapshot_of(session)).manifest.digest == before
        (other / "notes.txt").write_text("of nobody's concern")
        assert packed(snapshot_of(other)).manifest.digest == before
        assert packed(snapshot_of(other, quiesced=True)).manifest.digest != before
        name = other / "session-2205.0.json"
        data, status = name.read_bytes(), name.stat()
        os.utime(name, ns=(0, status.st_mtime_ns + 1))
        assert packed(snapshot_of(other)).manifest.digest != before
        write(name, data.swapcase(), 0)
        os.utime(name, ns=(0, status.st_mtime_ns))
        assert packed(snapshot_of(other)).manifest.digest != before
        name.unlink()
        assert packed(snapshot_of(other)).manifest.digest != before


def test_files_that_are_not_in_it_are_named_in_the_manifest(session: Path) -> None:
    with scratch() as room:
        other = Path(shutil.copytree(session, room / "session"))
        write(other / "session-2205.0.json", b"", 1)
        write(other / "session-2206.0.json", b"{", NOW)
        found = unpack([packed(snapshot_of(other)).data], IDENTITIES)
        assert found.manifest.unreadable == ("session-2205.0.json",)
        assert found.manifest.missing == ("session-2206.0.json",)


def test_the_own_lid_is_read_from_the_mapping_files_of_an_archive(session: Path) -> None:
    with scratch() as room:
        other = Path(shutil.copytree(session, room / "session"))
        write(other / "creds.json", whole(me={"id": f"{OWN}:3@s.whatsapp.net"}), NOW)
        write(other / f"lid-mapping-{OWN}.json", f'"{OWN_LID}"'.encode(), NOW)
        write(other / f"lid-mapping-{OWN_LID}_reverse.json", f'"{OWN}"'.encode(), NOW)
        found = unpack([packed(snapshot_of(other)).data], IDENTITIES)
        assert found.session.identity.owns(f"{OWN_LID}_1")


@pytest.mark.parametrize(
    ("names_of_it", "field"),
    [
        ({"namespace": "Bots"}, "namespace"),
        ({"tenant": "../acme"}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"cluster": "a\nb"}, "cluster"),
        ({"cluster": "a" * 254}, "cluster"),
    ],
)
def test_a_name_that_cannot_stand_in_an_archive_is_refused(
    snapshot: Snapshot, names_of_it: dict[str, str], field: str
) -> None:
    words = {"namespace": "bots", "tenant": "acme", "cluster": "", **names_of_it}
    with pytest.raises(BackupProblem, match=f"^The {field} ") as caught:
        pack(snapshot, recipients=PLAIN, **words)
    assert caught.value.code == "NameInvalid"


NAMES = st.one_of(
    st.integers(1, 0xFFFFFF).map(lambda n: f"pre-key-{n}.json"),
    st.from_regex(r"session-[1-9][0-9]{0,18}(_1)?\.[0-9]\.json", fullmatch=True),
    st.from_regex(r"tctoken-[!-.0-~]{1,200}\.json", fullmatch=True),
    st.from_regex(r"device-list-[A-Za-z0-9]{80,200}\.json", fullmatch=True),
)
STATUS = st.tuples(
    st.integers(1 - 2**63, 2**63 - 1) | st.integers(0, 2 * 10**18), st.integers(0, 0o777)
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    content = draw(st.dictionaries(NAMES, st.binary(max_size=2000), max_size=12))
    content["creds.json"] = whole()
    content = dict(sorted(content.items()))
    files = []
    for name, data in content.items():
        mtime_ns, mode = draw(STATUS)
        digest = hashlib.sha256(data).hexdigest()
        files.append(ArchivedFile(name, len(data), mtime_ns, mode, digest))
    credentials = read_credentials(whole())
    assert credentials is not None
    session = ArchivedSession(
        draw(st.integers(0, 2**33 - 1)),
        draw(st.booleans()),
        files,
        read_identity(whole()),
        credentials,
    )
    lost = st.sets(NAMES, max_size=3).map(sorted)
    return Snapshot(session, content, draw(lost), draw(lost))


@given(snapshots(), st.booleans())
@settings(max_examples=60)
def test_any_session_comes_back_byte_for_byte(snapshot: Snapshot, encrypted: bool) -> None:
    archive = packed(snapshot, Recipients([RECIPIENT]) if encrypted else PLAIN)
    found = unpack([archive.data], IDENTITIES if encrypted else None)
    assert is_same(found, snapshot)
    assert list(found.manifest.missing) == snapshot.missing
    assert list(found.manifest.unreadable) == snapshot.unreadable
    assert found.manifest.digest == archive.manifest.digest


@given(snapshots())
@settings(max_examples=20)
def test_pythons_tarfile_reads_any_archive(snapshot: Snapshot) -> None:
    data = io.BytesIO(packed(snapshot, PLAIN).data)
    with tarfile.open(fileobj=data, mode="r:gz", errorlevel=2) as tar:
        members = tar.getmembers()[1:]
        found = {each.name: tar.extractfile(each).read() for each in members}  # type: ignore[union-attr]
    assert found == snapshot.content
    assert [each.mode for each in members] == [each.mode for each in snapshot.session.files]


@pytest.mark.parametrize("version", [1])
def test_archives_of_every_version_can_be_read_for_ever(version: int) -> None:
    identities = Identities((OLD / f"version-{version}.key").read_text())
    found = unpack([(OLD / f"version-{version}.tar.gz.age").read_bytes()], identities)
    assert len(found.content) == 43
    assert found.manifest.digest.startswith("c6c98183")
    assert (found.manifest.cluster, found.manifest.time) == ("Москва", 1_764_322_500)
    assert found.manifest.unreadable == ("session-2205.0.json",)


def test_archives_of_rows_of_every_version_can_be_read_for_ever() -> None:
    identities = Identities((OLD / "version-1.key").read_text())
    found = unpack_rows([(OLD / "version-2.tar.gz.age").read_bytes()], identities)
    manifest = found.manifest
    assert manifest.digest.startswith("7d1ecd1b")
    assert (manifest.cluster, manifest.time) == ("Москва", 1_764_322_500)
    assert [(each.table, each.rows) for each in manifest.tables] == [
        ("public.whatsapp_auth", 1),
        ("public.whatsapp_keys", 5),
    ]
    snapshot = RowsSnapshot(
        manifest.time, found.session.credentials, manifest.tables, found.content
    )
    again = pack_rows(
        snapshot, cluster="Москва", namespace="keystore", tenant="acme", recipients=PLAIN
    )
    assert unpack_rows([again.data], None).manifest.encode() == manifest.encode()


def test_the_tar_of_this_version_is_the_one_that_was_always_written() -> None:
    identities = Identities((OLD / "version-1.key").read_text())
    target = io.BytesIO()
    with open(OLD / "version-1.tar.gz.age", "rb") as file:
        identities.decrypt(file, target)
    found = unpack([target.getvalue()], None)
    snapshot = Snapshot(
        found.session, found.content, found.manifest.missing, found.manifest.unreadable
    )
    again = pack(snapshot, cluster="Москва", namespace="bots", tenant="acme", recipients=PLAIN)
    assert gzip.decompress(again.data) == gzip.decompress(target.getvalue())
