"""The commands about backups against real stores, bad stores and hostile archives: one sentence, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.cli.restore import restore_command
from benchmarks.counting_proxy import counting_proxy
from tests.backup.hostile import corpus, endless
from tests.backup.servers import (
    ACCESS_KEY,
    ENVIRON,
    SECRET_KEY,
    Exchange,
    FaultyStore,
    S3Server,
    free_port,
)
from tests.backup.sessions import RECIPIENT, RECIPIENTS, SECRET, session_in, snapshot_of
from tests.cli.backups import documents
from tests.cli.conftest import Run, _nothing_steers, run
from tests.cli.sessions import Done, snapshot

__all__ = ["_nothing_steers", "run"]

ALL_CHECKS = os.environ.get("ALL_CHECKS") == "1"
PUT = ("--recipient", RECIPIENT)


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_command, "pause", lambda _: None)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return session_in(tmp_path / "sessions" / "acme")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def says(done: Done, said: str) -> None:
    """It failed with this one sentence, and showed no secret."""
    assert done.code in (1, 2), done
    assert done.err.count("Error:") == 1, done.err
    assert said in done.err, done.err
    assert SECRET_KEY not in done.out + done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("credentials")
def test_a_session_goes_to_an_s3_store_and_comes_back(
    s3_server: S3Server, session: Path, key: Path, run: Run
) -> None:
    url = f"s3://{s3_server.bucket()}/prod"
    at = ("--endpoint", s3_server.url)
    done = run("backup", session, "--to", url, *at, *PUT, "-o", "json")
    assert done.code == 0, done.err
    [[there]] = [each["repositories"] for each in documents(done)]
    assert (there["outcome"], there["verified"], there["archives"]) == ("Put", True, 1)
    fingerprints = run("backup", "fingerprints", session).out
    (session.parent / "list").write_text(fingerprints)
    [listed] = documents(run("archives", "--from", url, *at, "-o", "json"))
    assert [each["name"] for each in listed["archives"]] == [there["archive"]]
    assert run("drill", session, "--from", url, *at, "--identity", key).code == 0
    shutil.rmtree(session)
    done = run(
        *("restore", session, "--from", url, *at, "--identity", key),
        *("--fingerprints", session.parent / "list", "--apply", "--stopped"),
    )
    assert done.code == 0, done.err
    assert (session / "creds.json").exists()


@pytest.mark.usefixtures("credentials")
def test_a_backup_costs_two_requests_and_an_unchanged_one_none(
    moto_server: S3Server, session: Path, run: Run
) -> None:
    url = f"s3://{moto_server.bucket()}/prod"
    with counting_proxy(moto_server.port) as proxy:
        arguments = ("backup", session, "--to", url, "--endpoint", proxy.url, *PUT)
        assert run(*arguments).code == 0
        assert proxy.methods.total() == 2
        assert run(*arguments).code == 0
        assert proxy.methods.total() == 2
        (session / "pre-key-31.json").write_text("{}")
        assert run(*arguments).code == 0
        assert proxy.methods.total() == 3


@pytest.mark.usefixtures("credentials")
def test_a_wrong_secret_is_one_sentence(
    rclone_server: S3Server, session: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-but-long")
    bucket = rclone_server.bucket()
    for arguments in (
        ("backup", session, "--to", f"s3://{bucket}/x", *PUT),
        ("archives", session, "--from", f"s3://{bucket}/x"),
        ("drill", session, "--from", f"s3://{bucket}/x"),
        ("restore", session, "--from", f"s3://{bucket}/x"),
    ):
        says(run(*arguments, "--endpoint", rclone_server.url), "does not accept the credentials")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("url", "endpoint", "said"),
    [
        ("s3://no-such-bucket-here/x", "moto", "no bucket of that name"),
        ("s3://bucket/x", "http://127.0.0.1:{closed}", "cannot be reached"),
        ("s3://bucket/x", "http://janitor.invalid:9", "host name of the store is not known"),
        ("http://bucket/x", "moto", "names no place for archives"),
        ("s3://bucket/x", "nonsense", "endpoint or region cannot be used"),
        ("/nowhere/at/all", None, "directory does not exist"),
    ],
)
def test_a_wrong_place_is_one_sentence_and_the_session_is_as_it_was(
    moto_server: S3Server, session: Path, run: Run, url: str, endpoint: str | None, said: str
) -> None:
    address = endpoint
    if endpoint is not None:
        address = moto_server.url if endpoint == "moto" else endpoint.format(closed=free_port())
    at = () if address is None else ("--endpoint", address)
    before = snapshot(session)
    says(run("backup", session, "--to", url, *at, *PUT), said)
    assert {
        name: each for name, each in snapshot(session).items() if "janitor" not in name
    } == before


def test_without_credentials_the_variables_are_named(session: Path, run: Run) -> None:
    done = run("backup", session, "--to", "s3://bucket/x", *PUT)
    says(done, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    assert done.code == 2


def test_credentials_come_from_a_file_too(
    rclone_server: S3Server, session: Path, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "credentials"
    path.write_text(
        f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    url = f"s3://{rclone_server.bucket()}/x"
    done = run(
        "backup", session, "--to", url, "--endpoint", rclone_server.url, *PUT, "--credentials", path
    )
    assert done.code == 0, done.err


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda exchange: exchange.error(403, "AccessDenied"), "forbids putting archives"),
        (lambda exchange: exchange.error(400, "AuthorizationHeaderMalformed"), "another region"),
        (lambda exchange: exchange.error(429, "SlowDown", Retry_After="3600"), "fewer requests"),
        (lambda exchange: exchange.error(500, "InternalError"), "an error of its own (HTTP 500)"),
        (lambda exchange: exchange.answer(200, b"<html>login</html>"), "not a store of this kind"),
        (lambda exchange: exchange.hang_up(), "ended early"),
    ],
)
def test_a_store_that_does_wrong_is_one_sentence_and_no_archive_is_lost(
    faulty: FaultyStore, session: Path, run: Run, answer: Callable[[Exchange], None], said: str
) -> None:
    arguments = ("backup", session, "--to", "s3://bucket/x", "--endpoint", faulty.url, *PUT)
    faulty.once = [lambda exchange: exchange.answer(200, EMPTY_LIST)]
    faulty.then = lambda exchange: exchange.serve()
    assert run(*arguments).code == 0
    kept = dict(faulty.objects)
    assert len(kept) == 1
    (session / "pre-key-31.json").write_text("{}")
    faulty.then = answer
    done = run(*arguments)
    says(done, said)
    assert faulty.objects == kept


EMPTY_LIST = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
)


@pytest.mark.skipif(not ALL_CHECKS, reason="waits for half a minute")
@pytest.mark.usefixtures("credentials")
def test_a_store_that_answers_nothing_is_given_up(
    faulty: FaultyStore, session: Path, run: Run
) -> None:
    faulty.then = lambda exchange: exchange.silence()
    says(
        run("backup", session, "--to", "s3://bucket/x", "--endpoint", faulty.url, *PUT),
        "took too long",
    )


def test_a_hostile_archive_is_one_sentence_and_nothing_is_written(
    session: Path, key: Path, run: Run, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    folder = store / "server" / "acme"
    folder.mkdir(parents=True)
    path = folder / "20261128T093500Z-0a1b2c3d.tar.gz.age"
    fingerprint = run("backup", "fingerprints", session).out.split()[0]
    hostile = corpus(snapshot_of(session))
    shutil.rmtree(session)
    at = ("--from", store, "--identity", key, "--fingerprint", fingerprint)
    for name, each in hostile.items():
        path.write_bytes(each.data(RECIPIENTS))
        done = run("restore", session, *at, "--apply", "--stopped")
        assert done.code == 1, name
        assert done.err.count("\n") == 1, (name, done.err)
        assert not session.exists(), name
        found = json.loads(run("drill", "--tenant", "acme", *at, "-o", "json").out)
        assert [problem["code"] for problem in found["problems"]] == [each.code], name
    assert len(hostile) > 40
    assert set(os.listdir(tmp_path)) == {"key", "store", "sessions"}


def test_two_gigabytes_from_a_store_are_not_taken(
    faulty: FaultyStore, session: Path, key: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    name = "20261128T093500Z-0a1b2c3d.tar.gz.age"
    listing = EMPTY_LIST.replace(
        b"<IsTruncated>",
        b"<Contents><Key>x/server/acme/" + name.encode() + b"</Key><Size>1000</Size>"
        b"<LastModified>2026-11-28T09:35:00Z</LastModified><ETag>0</ETag></Contents><IsTruncated>",
    )
    faulty.once = [lambda exchange: exchange.answer(200, listing)]
    faulty.then = lambda exchange: exchange.endless()
    done = run(
        "drill", session, "--from", "s3://bucket/x", "--endpoint", faulty.url, "--identity", key
    )
    assert done.code == 1
    assert "more than 96 MiB" in done.err or "holds more than" in done.err


def test_what_never_ends_in_a_directory_is_given_up(
    session: Path, key: Path, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "store" / "server" / "acme"
    folder.mkdir(parents=True)
    hostile = endless(snapshot_of(session))["2 GB of zeros in 2 MB"]
    (folder / "20261128T093500Z-0a1b2c3d.tar.gz.age").write_bytes(hostile.data(RECIPIENTS))
    done = run("drill", session, "--from", tmp_path / "store", "--identity", key, "-o", "json")
    assert [each["code"] for each in json.loads(done.out)["problems"]] == [hostile.code]
