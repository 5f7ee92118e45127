"""Archives in real stores: put, verified, listed, read and removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.names import ArchiveName, ArchivePath
from baileys_janitor.backup.stores.location import location_of
from baileys_janitor.backup.stores.object_store import checks_puts
from baileys_janitor.backup.stores.repository import Repository, open_repository
from benchmarks.counting_proxy import counting_proxy
from tests.backup.servers import ENVIRON, Exchange, FaultyStore, S3Server

NOW = 1_795_858_500


def archive(number: int = 0, tenant: str = "acme", namespace: str = "server") -> ArchivePath:
    return ArchivePath(namespace, tenant, ArchiveName(NOW + number, f"{number:08x}"))


def repository_at(server: S3Server, bucket: str | None = None) -> Repository:
    url = f"s3://{bucket or server.bucket()}/prod"
    return open_repository(url, endpoint=server.url, environ=ENVIRON)


@pytest.fixture(params=["moto", "rclone", "directory"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """An empty repository of each kind."""
    if request.param == "directory":
        return open_repository(str(tmp_path), environ={})
    return repository_at(request.getfixturevalue(f"{request.param}_server"))


def problem_of(code: str) -> pytest.RaisesExc[BackupProblem]:
    return pytest.RaisesExc(BackupProblem, check=lambda found: found.code == code)


def test_what_is_put_is_there_as_it_was(repository: Repository) -> None:
    data = os.urandom(100_000)
    put = repository.put(archive(), data)
    assert put.is_verified
    assert put.sha256 == sha256(data).hexdigest()
    assert b"".join(repository.get(archive())) == data
    (listed,) = repository.list("server", "acme").archives
    assert (listed.path, listed.size, listed.tag) == (archive(), 100_000, put.tag)


def test_an_empty_repository_lists_nothing(repository: Repository) -> None:
    assert repository.list("server", "acme").archives == []
    assert repository.list("server").archives == []
    with problem_of("ArchiveMissing"):
        list(repository.get(archive()))


def test_a_listing_is_of_one_tenant_or_of_all(repository: Repository) -> None:
    for number, tenant in enumerate(["b", "acme", "acme2", "acme"]):
        repository.put(archive(number, tenant), b"x")
    repository.put(archive(9, namespace="other"), b"x")
    assert [each.path.name.time - NOW for each in repository.list("server", "acme").archives] == [
        1,
        3,
    ]
    assert [each.path.tenant for each in repository.list("server").archives] == [
        "acme", "acme", "acme2", "b",
    ]  # fmt: skip


def test_what_is_removed_is_gone_and_nothing_else(repository: Repository) -> None:
    for number in range(5):
        repository.put(archive(number), b"x")
    repository.delete([archive(1), archive(3), archive(77)])
    repository.delete([archive(1)])
    repository.delete([])
    there = [each.path.name.time - NOW for each in repository.list("server", "acme").archives]
    assert there == [0, 2, 4]


def test_another_archive_of_the_name_is_left_alone(moto_server: S3Server, tmp_path: Path) -> None:
    for repository in (repository_at(moto_server), open_repository(str(tmp_path), environ={})):
        repository.put(archive(), b"first")
        with problem_of("ArchiveExists"):
            repository.put(archive(), b"second")
        assert b"".join(repository.get(archive())) == b"first"


def test_a_put_whose_answer_was_lost_has_succeeded(moto_server: S3Server) -> None:
    repository = repository_at(moto_server)
    repository.put(archive(), b"same")
    assert repository.put(archive(), b"same").is_verified


def test_one_that_was_replaced_has_another_size_or_tag(rclone_server: S3Server) -> None:
    repository = repository_at(rclone_server)
    put = repository.put(archive(), b"ours")
    for forged in (b"longer", b"OURS"):
        repository.put(archive(), forged)
        (listed,) = repository.list("server", "acme").archives
        assert (listed.size, listed.tag) != (put.size, put.tag)


def test_foreign_objects_are_counted_and_never_touched(rclone_server: S3Server) -> None:
    bucket = rclone_server.bucket()
    repository = repository_at(rclone_server, bucket)
    assert rclone_server.buckets is not None
    tenant = rclone_server.buckets / bucket / "prod" / "server" / "acme"
    strange = ["readme.txt", "20261128T093500Z-0a1b2c3d.tar.gz.age.tmp", "20261328T093500Z-0a1b2c3d.tar.gz.age",
               "sub/20261128T093500Z-0a1b2c3d.tar.gz.age", "\u0662.age"]  # fmt: skip
    for name in strange:
        (tenant / name).parent.mkdir(parents=True, exist_ok=True)
        (tenant / name).write_bytes(b"x")
    repository.put(archive(), b"x")
    listing = repository.list("server", "acme")
    assert [each.path for each in listing.archives] == [archive()]
    assert listing.foreign == len(strange)
    repository.delete([each.path for each in listing.archives])
    assert sorted(path.name for path in tenant.rglob("*") if path.is_file()) == sorted(
        Path(name).name for name in strange
    )


def test_more_archives_than_a_page_are_all_listed(rclone_server: S3Server) -> None:
    assert rclone_server.buckets is not None
    bucket = rclone_server.bucket()
    repository = repository_at(rclone_server, bucket)
    folder = rclone_server.buckets / bucket / "prod" / "server" / "acme"
    folder.mkdir(parents=True)
    for number in range(1001):
        (folder / str(archive(number).name)).write_bytes(b"x")
    assert len(repository.list("server", "acme").archives) == 1001
    with problem_of("ListingTooLong"):
        repository.list("server", "acme", most=1000)


def test_what_is_larger_than_the_limit_is_not_read(repository: Repository) -> None:
    repository.put(archive(), b"x" * 5000)
    with problem_of("ArchiveTooLarge"):
        list(repository.get(archive(), limit_bytes=4999))
    assert len(b"".join(repository.get(archive(), limit_bytes=5000))) == 5000


@pytest.mark.parametrize(
    ("namespace", "tenant"), [("..", "acme"), ("a/b", "acme"), ("server", "../x"), ("server", "")]
)
def test_names_that_lead_elsewhere_are_refused(
    repository: Repository, namespace: str, tenant: str
) -> None:
    name = archive().name
    with problem_of("NameInvalid"):
        repository.put(ArchivePath(namespace, tenant, name), b"x")
    with problem_of("NameInvalid"):
        repository.list(namespace, tenant)
    with problem_of("NameInvalid"):
        repository.delete([ArchivePath(namespace, tenant, name)])


def test_a_backup_is_one_put_and_what_it_lists(s3_server: S3Server) -> None:
    with counting_proxy(s3_server.port) as proxy:
        repository = open_repository(
            f"s3://{s3_server.bucket()}/prod", endpoint=proxy.url, environ=ENVIRON
        )
        assert proxy.methods == {}
        put = repository.verify(repository.put(archive(), b"x" * 80_000))
        assert put.is_verified
        assert proxy.methods == {"PUT": 1}
        assert put.tag == repository.list("server", "acme").archives[0].tag
        assert proxy.methods == {"PUT": 1, "GET": 1}
        repository.delete([archive(number) for number in range(100)])
        assert proxy.methods == {"PUT": 1, "GET": 1, "POST": 1}


def test_stray_variables_of_a_cloud_change_nothing(
    rclone_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_SESSION_TOKEN": "stray",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(key, value)
    repository = repository_at(rclone_server)
    repository.put(archive(), b"x")
    assert os.environ["AWS_SESSION_TOKEN"] == "stray"


class TestDirectory:
    def test_files_are_for_their_owner_alone(self, tmp_path: Path) -> None:
        open_repository(str(tmp_path), environ={}).put(archive(), b"x")
        (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_a_missing_one_is_not_created(self, tmp_path: Path) -> None:
        repository = open_repository(str(tmp_path / "mnt"), environ={})
        with problem_of("DirectoryMissing"):
            repository.put(archive(), b"x")
        with problem_of("DirectoryMissing"):
            repository.list("server", "acme")
        assert not (tmp_path / "mnt").exists()

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        root = tmp_path / "root"
        (root / "server").mkdir(parents=True)
        (root / "server" / "acme").symlink_to(outside)
        repository = open_repository(str(root), environ={})
        for act in (
            lambda: repository.put(archive(), b"x"),
            lambda: list(repository.get(archive())),
        ):
            with problem_of("ArchiveMissing"):
                act()
        assert repository.list("server", "acme").archives == []
        assert list(outside.iterdir()) == []

    def test_a_pipe_or_a_device_is_not_read(self, tmp_path: Path) -> None:
        repository = open_repository(str(tmp_path), environ={})
        repository.put(archive(), b"x")
        os.mkfifo(tmp_path / "server" / "acme" / str(archive(1).name))
        with problem_of("ArchiveMissing"):
            list(repository.get(archive(1)))

    def test_a_file_system_without_hard_links_will_do(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def link(*_: object, **__: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
        repository = open_repository(str(tmp_path), environ={})
        repository.put(archive(), b"first")
        with problem_of("ArchiveExists"):
            repository.put(archive(), b"second")
        assert b"".join(repository.get(archive())) == b"first"

    def test_a_full_disk_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write(*_: object) -> int:
            raise OSError(28, "No space left on device")

        repository = open_repository(str(tmp_path), environ={})
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write)
            with problem_of("StoreFull"):
                repository.put(archive(), b"x")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_what_the_file_system_denies_is_told_as_what_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*_: object, **__: object) -> int:
            raise PermissionError(13, "Permission denied")

        repository = open_repository(str(tmp_path), environ={})
        repository.put(archive(), b"x")
        for function, code, act in (
            ("open", "ReadForbidden", lambda: list(repository.get(archive()))),
            ("open", "ReadForbidden", lambda: repository.list("server")),
            ("scandir", "ReadForbidden", lambda: repository.list("server")),
            ("open", "DeleteForbidden", lambda: repository.delete([archive()])),
            ("unlink", "DeleteForbidden", lambda: repository.delete([archive()])),
            ("open", "Forbidden", lambda: repository.put(archive(1), b"x")),
            ("mkdir", "Forbidden", lambda: repository.put(archive(1), b"x")),
        ):
            with monkeypatch.context() as patched:
                patched.setattr(os, function, denied)
                with problem_of(code):
                    act()

    def test_a_killed_put_leaves_no_archive_and_is_cleared_up(self, tmp_path: Path) -> None:
        for after in range(12):
            killed = subprocess.run(
                [sys.executable, "-c", KILLED, str(tmp_path), str(after)],
                timeout=60, cwd=Path(__file__).resolve().parents[2],
            )  # fmt: skip
            if killed.returncode == 0:
                break
            assert killed.returncode == -signal.SIGKILL
            repository = open_repository(str(tmp_path), environ={})
            for listed in repository.list("server", "acme").archives:
                assert b"".join(repository.get(listed.path)) == b"x" * 300_000
        assert after > 3, "it was killed at several steps"
        left = list(tmp_path.rglob(".*.tmp"))
        for path in left:
            os.utime(path, (0, 0))
        repository.put(archive(99), b"y")
        assert left
        assert list(tmp_path.rglob(".*.tmp")) == []


KILLED = """
import os, signal, sys
from baileys_janitor.backup.stores.location import location_of
from baileys_janitor.backup.names import ArchiveName, ArchivePath
from baileys_janitor.backup.stores.object_store import checks_puts
from baileys_janitor.backup.stores.repository import open_repository
left = int(sys.argv[2])
def dying(call):
    def wrapped(*given, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    return wrapped
write = os.write
os.write = lambda file, data: write(file, data[:100_000])  # several writes, as a full buffer makes them
for name in ("write", "fsync", "link", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
path = ArchivePath("server", "acme", ArchiveName(int(sys.argv[2]), "00000000"))
open_repository(sys.argv[1], environ={}).put(path, b"x" * 300_000)
"""


class TestPutOnly:
    """A store that calls the content by a tag of its own, as those do that encrypt, and may forbid to read."""

    @staticmethod
    def repository(faulty: FaultyStore) -> Repository:
        faulty.then = Exchange.serve
        return open_repository("s3://bucket/prod", endpoint=faulty.url, environ=ENVIRON)

    def test_a_put_that_nothing_proves_is_read_back(self, faulty: FaultyStore) -> None:
        repository = self.repository(faulty)
        put = repository.put(archive(), b"x" * 1000)
        assert not put.is_verified
        assert repository.verify(put).is_verified
        assert [method for method, *_ in faulty.requests] == ["PUT", "GET"]

    @pytest.mark.parametrize("there", [b"y" * 1000, b"x" * 999, b"x" * 1001, b""])
    def test_what_arrived_damaged_does_not_count(self, faulty: FaultyStore, there: bytes) -> None:
        repository = self.repository(faulty)
        put = repository.put(archive(), b"x" * 1000)
        faulty.objects = dict.fromkeys(faulty.objects, there)
        with problem_of("PutDamaged"):
            repository.verify(put)

    def test_where_reading_is_forbidden_the_stores_word_stays(self, faulty: FaultyStore) -> None:
        repository = self.repository(faulty)
        put = repository.put(archive(), b"x")
        faulty.then = lambda exchange: exchange.error(403, "AccessDenied")
        assert repository.verify(put) == put
        for act in (
            lambda: repository.list("server", "acme"),
            lambda: list(repository.get(archive())),
        ):
            with problem_of("ReadForbidden"):
                act()
        with problem_of("DeleteForbidden"):
            repository.delete([archive()])

    @pytest.mark.parametrize(
        ("url", "endpoint", "checks"),
        [
            ("s3://bucket/x", None, True), ("s3://bucket/x", "https://s3.eu-central-1.amazonaws.com", True),
            ("s3://bucket/x", "https://s3.cn-north-1.amazonaws.com.cn", True), ("gs://bucket/x", None, False),
            ("s3://bucket/x", "https://s3.example", False), ("s3://bucket/x", "https://notamazonaws.com", False),
        ],
    )  # fmt: skip
    def test_amazon_alone_is_known_to_compare_the_checksum(
        self, url: str, endpoint: str | None, checks: bool
    ) -> None:
        assert checks_puts(location_of(url, endpoint=endpoint)) is checks

    def test_a_put_sends_its_checksum(self, faulty: FaultyStore) -> None:
        put = self.repository(faulty).put(archive(), b"x")
        ((_, path, headers),) = faulty.requests
        assert path == f"/bucket/prod/{archive()}"
        assert b64decode(headers["x-amz-checksum-sha256"]).hex() == put.sha256
        assert headers["if-none-match"] == "*"
