"""Whatever a store does wrong: one clear sentence, in time, without a name, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.names import ArchiveName, ArchivePath
from baileys_janitor.backup.stores import bounded
from baileys_janitor.backup.stores.object_store import Bounds
from baileys_janitor.backup.stores.repository import Repository, open_repository
from baileys_janitor.backup.stores.store_errors import problem_for
from tests.backup.servers import (
    ENVIRON,
    Exchange,
    FaultyStore,
    Handler,
    S3Server,
    faulty_store,
    free_port,
)
from tests.certificates import private_ca

QUICK = Bounds(whole=0.4, page=0.4, connect=0.4, retry=0.1, retries=2, pause=0.001)
USUAL = Bounds(pause=0.001)
PATH = ArchivePath("server", "acme-7700", ArchiveName(1_795_858_500, "0a1b2c3d"))
ACTS: dict[str, Callable[[Repository], object]] = {
    "put": lambda repository: repository.put(PATH, b"x" * 1000),
    "list": lambda repository: repository.list("server", "acme-7700"),
    "get": lambda repository: b"".join(repository.get(PATH)),
    "delete": lambda repository: repository.delete([PATH]),
}


def at(
    url: str, environ: dict[str, str] = ENVIRON, bounds: Bounds = USUAL, **more: str
) -> Repository:
    bucket = more.pop("bucket", "bucket")
    return open_repository(
        f"s3://{bucket}/prod", endpoint=url, environ=environ, bounds=bounds, **more
    )


def code_of(repository: Repository, act: str) -> str:
    """What an act fails with; the sentence and the traceback are checked for names and keys."""
    with pytest.raises(BackupProblem) as caught:
        ACTS[act](repository)
    problem = caught.value
    assert problem.__cause__ is None
    assert problem.__context__ is None
    for text in (str(problem), repr(problem), repr(repository)):
        assert not any(word in text for word in ("7700", "127.0.0.1", "bucket/", *ENVIRON.values()))
    return problem.code


def error(status: int, code: str, **headers: str) -> Handler:
    return lambda exchange: exchange.error(status, code, **headers)


def answer(status: int, body: bytes = b"", **headers: str) -> Handler:
    return lambda exchange: exchange.answer(status, body, **headers)


def all_acts(code: str) -> dict[str, str]:
    return dict.fromkeys(ACTS, code)


READING = {"list": "ReadForbidden", "get": "ReadForbidden"}
FORBIDDEN = {"put": "Forbidden", "delete": "DeleteForbidden", **READING}

FAULTS: dict[str, tuple[Handler, dict[str, str]]] = {
    "403": (error(403, "AccessDenied"), FORBIDDEN),
    "a plain 403": (answer(403, b"nope"), FORBIDDEN),
    "a wrong secret": (error(403, "SignatureDoesNotMatch"), all_acts("CredentialsRefused")),
    "an unknown key": (error(403, "InvalidAccessKeyId"), all_acts("CredentialsRefused")),
    "an expired token": (error(400, "ExpiredToken"), all_acts("CredentialsRefused")),
    "401": (answer(401), all_acts("CredentialsRefused")),
    "a wrong clock": (error(403, "RequestTimeTooSkewed"), all_acts("ClockWrong")),
    "no bucket": (error(404, "NoSuchBucket"), all_acts("NoSuchBucket")),
    "a wrong region": (error(400, "AuthorizationHeaderMalformed"), all_acts("WrongRegion")),
    "301": (error(301, "PermanentRedirect"), all_acts("WrongRegion")),
    "429": (answer(429, b"later", Retry_After="3600"), all_acts("Throttled")),
    "503": (error(503, "SlowDown", Retry_After="3600"), all_acts("Throttled")),
    "500": (answer(500), all_acts("ServerError")),
    "507": (answer(507), {"put": "StoreFull"}),
    "a quota": (error(403, "QuotaExceeded"), {"put": "StoreFull"}),
    "bytes damaged on the way": (error(400, "BadDigest"), {"put": "PutDamaged"}),
    "a cold archive": (error(403, "InvalidObjectState"), {"get": "ArchiveCold"}),
    "no such archive": (error(404, "NoSuchKey"), {"get": "ArchiveMissing"}),
    "418": (answer(418), all_acts("RequestRefused")),
    "one byte after the other": (Exchange.drip, dict.fromkeys(("list", "get", "delete"), "TooSlow")),
    "silence": (Exchange.silence, all_acts("TooSlow")),
    "half an answer": (Exchange.half, dict.fromkeys(("list", "get", "delete"), "AnswerIncomplete")),
    "a hang-up": (Exchange.hang_up, all_acts("AnswerIncomplete")),
    "a login page": (answer(200, b"<html>log in</html>"), dict.fromkeys(("put", "delete"), "NotAStore")),
    "no XML": (answer(200, b"\0\1\2<"), dict.fromkeys(("list", "delete"), "NotAStore")),
    "an endless object": (lambda exchange: exchange.object(2 << 30), {"get": "ArchiveTooLarge"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "act"), [(fault, act) for fault, (_, acts) in FAULTS.items() for act in acts]
)
def test_a_fault_is_one_sentence(faulty: FaultyStore, fault: str, act: str) -> None:
    faulty.then, codes = FAULTS[fault]
    bounds = QUICK if codes[act] == "TooSlow" else USUAL
    assert code_of(at(faulty.url, bounds=bounds), act) == codes[act]


@pytest.mark.parametrize("act", ACTS)
def test_what_fails_once_is_tried_again(faulty: FaultyStore, act: str) -> None:
    faulty.objects[f"/bucket/prod/{PATH}"] = b"x"
    faulty.once = [lambda exchange: exchange.answer(500), lambda exchange: exchange.answer(503)]

    def well(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.answer(200, b"<DeleteResult><Deleted><Key>x</Key></Deleted></DeleteResult>")
        elif exchange.path == "/bucket":
            exchange.answer(200, b"<ListBucketResult></ListBucketResult>")
        else:
            exchange.serve()

    faulty.then = well
    ACTS[act](at(faulty.url))
    assert len(faulty.requests) == 3


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_takes_no_key_elsewhere(faulty: FaultyStore, act: str, status: int) -> None:
    with faulty_store() as elsewhere:
        elsewhere.then = Exchange.serve
        faulty.then = lambda exchange: exchange.answer(status, Location=f"{elsewhere.url}/x")
        with pytest.raises(BackupProblem):
            ACTS[act](at(faulty.url))
        assert not any(
            "authorization" in {name.lower() for name in headers}
            for *_, headers in elsewhere.requests
        )
        assert not any(method == "PUT" for method, *_ in elsewhere.requests)


def test_a_store_that_removes_one_by_one_will_do(faulty: FaultyStore) -> None:
    gone = []

    def one_by_one(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.error(501, "NotImplemented")
        else:
            gone.append(exchange.path)
            exchange.answer(204)

    faulty.then = one_by_one
    paths = [ArchivePath("server", "acme", ArchiveName(number, "0a1b2c3d")) for number in range(45)]
    at(faulty.url).delete(paths)
    assert sorted(gone) == sorted(f"/bucket/prod/{path}" for path in paths)


@pytest.mark.parametrize("header", ["if-none-match", "x-amz-checksum-sha256"])
def test_a_store_that_knows_neither_checksums_nor_new_ones_will_do(
    faulty: FaultyStore, header: str
) -> None:
    def old(exchange: Exchange) -> None:
        if header in exchange.handler.headers:
            exchange.error(501, "NotImplemented")
        else:
            exchange.serve()

    faulty.then = old
    repository = at(faulty.url)
    assert repository.verify(repository.put(PATH, b"x")).is_verified


def test_what_one_of_many_deletions_forbids_is_told(faulty: FaultyStore) -> None:
    one = f"<Key>prod/{PATH}</Key><Code>AccessDenied</Code><Message>no</Message>"
    faulty.then = answer(200, f"<DeleteResult><Error>{one}</Error></DeleteResult>".encode())
    assert code_of(at(faulty.url), "delete") == "DeleteForbidden"


class TestRealServers:
    def test_a_wrong_secret_or_key(self, rclone_server: S3Server) -> None:
        bucket = rclone_server.bucket()
        for key, value in {
            "AWS_SECRET_ACCESS_KEY": "wrong-secret",
            "AWS_ACCESS_KEY_ID": "wrong-key",
        }.items():
            repository = at(rclone_server.url, {**ENVIRON, key: value}, bucket=bucket)
            assert {code_of(repository, act) for act in ACTS} == {"CredentialsRefused"}

    def test_a_bucket_that_is_not_there(self, s3_server: S3Server) -> None:
        repository = at(s3_server.url, bucket="nowhere")
        assert {code_of(repository, act) for act in ("put", "list", "get")} == {"NoSuchBucket"}

    def test_another_port(self) -> None:
        assert {code_of(at(f"http://127.0.0.1:{free_port()}"), act) for act in ACTS} == {
            "Unreachable"
        }

    def test_a_port_of_something_else(self, faulty: FaultyStore) -> None:
        faulty.then = lambda exchange: (
            exchange.handler.wfile.write(b"SSH-2.0-OpenSSH\r\n") and exchange.hang_up()
        )
        assert code_of(at(faulty.url), "put") == "NotAStore"

    def test_a_host_that_nobody_knows(self) -> None:
        assert code_of(at("https://store.invalid"), "put") in ("NameUnknown", "Unreachable")

    def test_tls_where_there_is_none(self, rclone_server: S3Server) -> None:
        assert code_of(at(rclone_server.url.replace("http:", "https:")), "put") == "TlsFailed"


def test_a_private_ca_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    ca = private_ca(tmp_path)
    with faulty_store(ca.server) as store:
        store.then = Exchange.serve
        assert code_of(at(store.url), "put") == "TlsFailed"
        assert store.requests == []
        at(store.url, {**ENVIRON, "AWS_CA_BUNDLE": str(ca.bundle)}).put(PATH, b"x")
        other = private_ca(tmp_path / "other")
        assert (
            code_of(at(store.url, {**ENVIRON, "AWS_CA_BUNDLE": str(other.bundle)}), "put")
            == "TlsFailed"
        )


class TestOtherStores:
    """Google's and Azure's: no server for them here, so what is sent is looked at."""

    def test_azure(self, faulty: FaultyStore) -> None:
        faulty.then = lambda exchange: exchange.answer(
            201, ETag='"0x8"', Last_Modified="Sat, 28 Nov 2026 09:35:00 GMT"
        )
        environ = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0"}
        repository = open_repository(
            "az://box/prod", endpoint=faulty.url, environ=environ, bounds=USUAL
        )
        put = repository.put(PATH, b"x")
        assert (put.is_verified, put.tag) == (False, "0x8")
        ((method, path, headers),) = faulty.requests
        assert (method, path.partition("?")[0]) == ("PUT", f"/box/prod/{PATH}")
        assert headers["if-none-match"] == "*"
        for status, code, expected in ((403, "AuthenticationFailed", "CredentialsRefused"),
                                       (404, "ContainerNotFound", "NoSuchBucket"),
                                       (409, "BlobAlreadyExists", "ArchiveExists"),
                                       (403, "AuthorizationPermissionMismatch", "Forbidden")):  # fmt: skip
            faulty.then = lambda exchange, status=status, code=code: exchange.error(status, code)  # type: ignore[misc]
            assert code_of(repository, "put") == expected

    def test_google(self, faulty: FaultyStore) -> None:
        key = '{"private_key": "x", "private_key_id": "x", "client_email": "x", "disable_oauth": true}'
        faulty.then = lambda exchange: exchange.answer(
            200, ETag='"g"', Last_Modified="Sat, 28 Nov 2026 09:35:00 GMT"
        )
        environ = {"GOOGLE_SERVICE_ACCOUNT_KEY": key}
        repository = open_repository(
            "gs://box/prod", endpoint=faulty.url, environ=environ, bounds=USUAL
        )
        repository.put(PATH, b"x")
        ((method, path, headers),) = faulty.requests
        assert method == "PUT"
        assert unquote(path) == f"/box/prod/{PATH}"
        assert headers["x-goog-if-generation-match"] == "0"

    @pytest.mark.parametrize(
        ("url", "environ"),
        [
            ("gs://box/prod", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}"}),
            ("gs://box/prod", {"GOOGLE_SERVICE_ACCOUNT_KEY": "no JSON"}),
            ("gs://box/prod", {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere"}),
            ("az://box/prod", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "no-base64"}),
        ],
    )  # fmt: skip
    def test_keys_that_cannot_be_right(self, url: str, environ: dict[str, str]) -> None:
        with pytest.raises(BackupProblem) as caught:
            open_repository(url, environ=environ)
        assert caught.value.code == "SecretInvalid"
        assert next(reversed(environ)) in str(caught.value)


def test_the_usual_bounds_hold_against_a_store_that_drips(faulty: FaultyStore) -> None:
    """In real time, all four at once: the one test that takes its time."""
    if not os.environ.get("ALL_CHECKS"):
        pytest.skip("takes half a minute: ALL_CHECKS=1 runs it")
    faulty.then = Exchange.drip
    for act in ("list", "get"):
        began = time.monotonic()
        assert code_of(at(faulty.url, bounds=Bounds()), act) == "TooSlow"
        assert time.monotonic() - began < 30


@given(st.text(max_size=300), st.sampled_from(["put", "list", "get", "delete"]))
def test_whatever_a_library_says_is_one_sentence(text: str, act: str) -> None:
    for words in (text, f"returned non-2xx status code: 400 Bad: <Code>{text}</Code>"):
        assert text not in str(problem_for(words, act)) or len(text) < 40


def test_memory_is_bounded_whatever_is_sent(faulty: FaultyStore) -> None:
    faulty.then = Exchange.endless
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS, faulty.url], env={**ENVIRON, "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 96 << 20


ENDLESS = """
import os, sys
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.names import ArchiveName, ArchivePath
from baileys_janitor.backup.stores.repository import open_repository
repository = open_repository("s3://bucket/prod", endpoint=sys.argv[1], environ=os.environ)
path = ArchivePath("server", "acme", ArchiveName(0, "00000000"))
taken = 0
for chunk in repository.get(path, limit_bytes=2 << 31):
    taken += len(chunk)
    if taken > 200 << 20:
        break
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.parametrize(
    ("act", "status"),
    [("list", 200), ("list", 400), ("get", 404), ("put", 400), ("delete", 200)],
)
def test_an_answer_without_an_end_is_given_up(
    faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch, act: str, status: int
) -> None:
    growth = 24 << 20
    monkeypatch.setattr(bounded, "GROWTH_MOST", growth)
    # What this process has once had it may have again before that counts as growth.
    before = bounded.peak_bytes()
    faulty.then = lambda exchange: exchange.endless_text(status)
    assert code_of(at(faulty.url), act) == "NotAStore"
    assert faulty.sent < 2 * before + 16 * growth


@pytest.mark.parametrize("before", [0, 400 << 20])
def test_the_command_line_takes_bounded_memory_of_a_listing_without_an_end(
    faulty: FaultyStore, tmp_path: Path, before: int
) -> None:
    """Also where what started it had taken much: Linux hands that peak on to the next program."""
    faulty.then = lambda exchange: exchange.endless_text(200)
    place = ["--from", "s3://bucket/x", "--endpoint", faulty.url, "--tenant", "acme"]
    done = subprocess.run(
        [sys.executable, "-c", AFTER, str(before), LISTING, "archives", *place],
        env=os.environ | ENVIRON, capture_output=True, text=True, timeout=60, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert "not a store of this kind" in done.stderr, done.stderr
    code, inherited, peak = (int(each) for each in done.stdout.split()[-3:])
    assert code != 0
    assert inherited * 1024 >= before
    assert peak < 400_000, "kilobytes"


AFTER = """
import os, sys
b"x" * int(sys.argv[1])
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[2:]])
"""
LISTING = """
import resource, sys
inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from baileys_janitor.cli.main import main
code = main(sys.argv[1:])
print(code, inherited, open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.parametrize(
    "headers", [{}, {"ETag": '"1"', "Last_Modified": "Sat, 28 Nov 2026 09:35:00 GMT"}]
)
def test_a_login_page_is_no_empty_store_where_archives_are_expected(
    faulty: FaultyStore, headers: dict[str, str]
) -> None:
    faulty.then = answer(200, b"<html>log in</html>", **headers)
    with pytest.raises(BackupProblem) as caught:
        at(faulty.url).list("server", "acme-7700", doubt_empty=True)
    assert caught.value.code == "NotAStore"


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_an_empty_store_is_believed_whatever_it_says_of_what_is_not_there(
    faulty: FaultyStore, status: int
) -> None:
    faulty.once = [answer(200, b"<ListBucketResult></ListBucketResult>")]
    faulty.then = answer(status)
    found = at(faulty.url).list("server", "acme-7700", doubt_empty=True)
    assert (found.archives, found.foreign) == ([], 0)
    assert {method for method, _, _ in faulty.requests} == {"GET", "HEAD"}
