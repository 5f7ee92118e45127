"""The Job that restores: two processes, one with the Secrets and one with the claim, against a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from baileys_janitor.backup.archive.unpack import unpack
from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.names import ArchivePath
from baileys_janitor.backup.restore_job.result import JobFailure, RestoreResult, decode
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.backup.stores.repository import Repository, open_repository
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive, encode
from baileys_janitor.volume import operations
from tests.archived import COMES_BACK, CONTENT
from tests.backup.servers import ENVIRON, FaultyStore, S3Server
from tests.backup.sessions import IDENTITIES, RECIPIENTS, SECRET, packed, snapshot_of
from tests.pairings import whole
from tests.volume.directories import DAY, HOUR, NOW, held, opened, write


class Lab:
    """A tenant whose session is in a bucket, an empty claim, and the Secrets as they are mounted."""

    def __init__(self, home: Path, server: S3Server) -> None:
        self.home = home
        self.server = server
        self.url = f"s3://{server.bucket()}/prod"
        self.claim = self.made("claim")
        self.shared = self.made("archive")
        self.secret = self.made("secret", **ENVIRON)
        self.key = self.made("key", identity=SECRET)
        self.session = self.claim / "company-1"

    def made(self, name: str, **content: str) -> Path:
        path = self.home / name
        path.mkdir()
        for key, value in content.items():
            (path / key).write_text(value)
        return path

    @property
    def repository(self) -> Repository:
        return open_repository(
            self.url, endpoint=self.server.url, region="us-east-1", environ=ENVIRON
        )

    def put(self, name: str = "before", time: float = NOW - DAY, **files: bytes) -> PutArchive:
        """Archive a session as it was at a time; return what a status would know of it."""
        source = self.made(name)
        for each, data in {**CONTENT, **files}.items():
            write(source / each, data, time - HOUR)
        snapshot = snapshot_of(source)
        snapshot = replace(snapshot, session=replace(snapshot.session, time=int(time)))
        archive = packed(snapshot, RECIPIENTS)
        self.repository.put(ArchivePath("bots", "acme", archive.name), archive.data)
        return PutArchive(
            int(time), archive.manifest.digest[:16], archive.sha256[:32],
            len(archive.data), len(snapshot.session.files), held=frozenset({"0" * 16}),
        )  # fmt: skip

    def task(self, *known: PutArchive, **more: object) -> RestoreTask:
        store = Store("eu", self.url, self.server.url, "us-east-1", str(self.secret))
        task = RestoreTask(
            run="restore-1", namespace="bots", tenant="acme", store=store, time=int(NOW),
            volume=str(self.claim), path="company-1", between=str(self.shared), seconds=120,
            identity=str(self.key / "identity"), secrets=("eu-reader", "recovery"),
            known=encode(KnownArchives(known)) if known else "", watch=0, watch_after=0,
        )  # fmt: skip
        return replace(task, **more)  # type: ignore[arg-type]

    def run(self, name: str, task: RestoreTask) -> tuple[int, RestoreResult | JobFailure | None]:
        """One container: its exit code, and what it leaves in its termination message."""
        log = self.home / "message"
        log.write_bytes(b"")
        done = subprocess.run(
            [sys.executable, "-m", "baileys_janitor", name, task.to_json()],
            env=os.environ | {"TERMINATION_LOG": str(log)},
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr
        message = log.read_bytes()
        return done.returncode, decode(message) if message else None

    def fetch(self, task: RestoreTask) -> None:
        assert self.run("fetch-job", task) == (0, None)

    def refused(self, task: RestoreTask) -> JobFailure:
        """What the fetching container says; it leaves nothing for the other one, which never starts."""
        code, said = self.run("fetch-job", task)
        assert code == 1
        assert isinstance(said, JobFailure)
        assert not list(self.shared.iterdir())
        return said

    def write(self, task: RestoreTask) -> RestoreResult:
        code, result = self.run("restore-job", task)
        assert code == 0
        assert isinstance(result, RestoreResult)
        return result

    def restore(self, task: RestoreTask) -> RestoreResult:
        self.fetch(task)
        return self.write(task)


@pytest.fixture
def lab(tmp_path: Path, moto_server: S3Server) -> Lab:
    return Lab(tmp_path, moto_server)


def test_a_session_that_is_gone_comes_back_and_goes_again_by_an_undo(lab: Lab) -> None:
    task = lab.task(lab.put())
    result = lab.restore(task)
    assert (result.outcome, result.vouched, result.identity) == ("Completed", True, "Absent")
    assert held(lab.session).keys() == COMES_BACK
    assert result.files == len(COMES_BACK)
    assert result.next_pre_key_id > 1000
    assert "EmptyDirectory" in result.told
    assert lab.write(replace(task, run="restore-2")).outcome == "NothingToDo"
    with opened(lab.session) as directory:
        undone = operations.undo(directory, "restore-1", now=NOW)
    assert undone.code is None
    assert held(lab.session) == {}


def test_the_process_that_writes_loads_no_library_of_stores_or_keys(lab: Lab) -> None:
    task = lab.task(lab.put())
    lab.fetch(task)
    code = (
        "import sys; from baileys_janitor.backup.restore_job.write import main; main([sys.argv[1]]);"
        "print(sorted({'obstore', 'pyrage', 'pydantic', 'kopf'} & set(sys.modules)))"
    )
    environ = os.environ | {"TERMINATION_LOG": str(lab.home / "message")}
    done = subprocess.run(
        [sys.executable, "-c", code, task.to_json()],
        env=environ, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"
    assert held(lab.session).keys() == COMES_BACK


def test_a_dry_run_says_what_would_come_back_and_writes_nothing(lab: Lab) -> None:
    task = lab.task(lab.put(), dry_run=True)
    result = lab.restore(task)
    assert (result.outcome, result.files) == ("DryRun", len(COMES_BACK))
    assert not list(lab.claim.iterdir())
    lab.session.mkdir()
    assert lab.write(task).outcome == "DryRun"
    assert not list(lab.session.iterdir())


def test_creds_json_alone_comes_back_where_that_is_asked_for(lab: Lab) -> None:
    lab.session.mkdir()
    write(lab.session / "session-2299.0.json", b"{}", NOW - HOUR)
    result = lab.restore(lab.task(lab.put(), mode="Credentials"))
    assert (result.outcome, result.restored) == ("Completed", {"creds": 1})
    assert held(lab.session).keys() == {"creds.json", "session-2299.0.json"}


def test_a_session_that_ran_is_not_put_back_as_a_whole(lab: Lab) -> None:
    result = lab.restore(lab.task(lab.put(), mode="Whole", acknowledged=("NothingRanSince",)))
    assert (result.outcome, result.code) == ("Refused", "NotQuiesced")
    assert "restore.mode Safe" in result.message
    assert "--" not in result.message
    assert not lab.session.exists()


def test_without_anything_known_a_person_must_write_the_fingerprint_out(lab: Lab) -> None:
    lab.put()
    result = lab.restore(lab.task())
    assert (result.outcome, result.code) == ("Refused", "IdentityUnknown")
    assert result.fingerprint in result.message
    assert "restore.identity" in result.message
    assert not lab.session.exists()
    written = lab.task(fingerprint=result.fingerprint)
    assert lab.write(written).outcome == "Completed"
    assert held(lab.session).keys() == COMES_BACK


def test_a_forged_archive_that_is_newer_hides_no_genuine_one(lab: Lab) -> None:
    ours = lab.put()
    lab.put("forged", NOW - HOUR, **{"creds.json": whole("attacker")})
    result = lab.restore(lab.task(ours))
    assert (result.outcome, result.time, result.vouched) == ("Completed", ours.time, True)
    again = lab.task(fingerprint=result.fingerprint, run="restore-2")
    for each in lab.shared.iterdir():
        each.unlink()
    assert lab.restore(again).outcome == "NothingToDo"


def test_a_forged_archive_that_is_named_is_refused(lab: Lab) -> None:
    ours = lab.put()
    forged = lab.put("forged", NOW - HOUR, **{"creds.json": whole("attacker")})
    mine = unpacked_of(lab, ours).manifest
    names = [str(each.path.name) for each in lab.repository.list("bots", "acme").archives]
    [name] = [each for each in names if forged.digest[:8] in each]
    said = lab.refused(lab.task(ours, archive=name, fingerprint=f"{mine.fingerprint}"))
    assert said.code == "FingerprintDiffers"
    assert not lab.session.exists()


def unpacked_of(lab: Lab, archive: PutArchive) -> object:
    [path] = [
        each.path
        for each in lab.repository.list("bots", "acme").archives
        if each.path.name.digest8 == archive.digest[:8]
    ]
    return unpack(lab.repository.get(path), IDENTITIES)


@pytest.mark.parametrize(
    ("remove", "code", "said"),
    [
        ("secret", "SecretMissing", "The Secret eu-reader in the namespace bots does not exist"),
        ("key", "IdentityUnreadable", "the Secret recovery in the namespace bots"),
    ],
)
def test_a_secret_that_is_missing_is_named(lab: Lab, remove: str, code: str, said: str) -> None:
    lab.put()
    for each in (lab.home / remove).iterdir():
        each.unlink()
    failure = lab.refused(lab.task())
    assert failure.code == code
    assert said in failure.message


def test_another_key_opens_nothing(lab: Lab) -> None:
    from baileys_janitor.backup.archive.encryption import generate

    lab.put()
    (lab.key / "identity").write_text(generate()[0])
    failure = lab.refused(lab.task())
    assert failure.code == "WrongIdentity"
    assert "AGE-SECRET" not in failure.message
    assert lab.refused(lab.task(identity=None)).code == "IdentityMissing"


def test_an_archive_that_is_not_there_is_said_in_the_words_of_the_resource(lab: Lab) -> None:
    assert "namespace" in lab.refused(lab.task()).message
    lab.put()
    failure = lab.refused(lab.task(archive="20200101T000000Z-0a1b2c3d.tar.gz.age"))
    assert failure.code == "ArchiveMissing"
    assert "restore.archive" in failure.message


def test_a_store_that_says_nothing_is_given_up(lab: Lab, faulty: FaultyStore) -> None:
    faulty.then = lambda exchange: exchange.silence()
    store = Store("eu", lab.url, faulty.url, "us-east-1", str(lab.secret))
    failure = lab.refused(lab.task(store=store, seconds=2))
    faulty.over.set()
    assert failure.code == "TooSlow"


def test_a_task_that_makes_no_sense_is_said(lab: Lab) -> None:
    task = lab.task()
    good = json.loads(task.to_json())
    assert RestoreTask.from_json(task.to_json()) == task
    for name in good:
        if name == "identity":
            continue
        for value in (None, 1.5, "", [1], "x" * 20_000):
            changed = json.dumps({**good, name: value})
            with suppress(BadTask):
                read = RestoreTask.from_json(changed)
                assert RestoreTask.from_json(read.to_json()) == read
    code, failure = lab.run("restore-job", replace(task, run="../x"))
    assert code == 2
    assert isinstance(failure, JobFailure)
    assert failure.code == "BadTask"
