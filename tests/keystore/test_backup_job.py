"""The Jobs that back up and drill a store's sessions: a process of its own, a real database and a real S3 server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.archive.encryption import generate
from baileys_janitor.backup.job import result as of_drills
from baileys_janitor.backup.job.task import BACKUP, DRILL, BackupTask, Member, Store
from baileys_janitor.backup.names import is_tenant, session_part, tenant_of, tenant_of_store
from baileys_janitor.backup.stores.repository import open_repository
from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.job.task import BadTask
from baileys_janitor.keystore.job.back_up import place_of
from baileys_janitor.keystore.job.backup_result import (
    BackedUp,
    BadResult,
    JobFailure,
    Problem,
    Tally,
    decode,
    encode,
)
from baileys_janitor.keystore.job.task import BACK_UP, REHEARSE, StoreTask
from baileys_janitor.policy.archives.known_archives import KnownArchives
from baileys_janitor.policy.archives.known_archives import encode as known_text
from tests.backup.servers import ENVIRON, FaultyStore, S3Server, free_port
from tests.backup.sessions import RECIPIENT, SECRET
from tests.keystore.backups import keep_in_first_layout, paired
from tests.keystore.server import Server

NAMES = ["acme", "bravo", "charlie", "delta"]


@dataclass
class Jobs:
    """A namespace with a key store, its database, and a bucket."""

    home: Path
    server: S3Server
    url: str
    bucket: str = ""
    message: bytes = b""
    secrets: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bucket = self.server.bucket()
        self.secret = self.files("secret", **ENVIRON)
        self.identity = self.files("identity", identity=SECRET) / "identity"
        self.database = self.files("database", url=self.url) / "url"

    def files(self, name: str, **content: str) -> Path:
        path = self.home / name
        path.mkdir()
        for key, value in content.items():
            (path / key).write_text(value)
        return path

    def store(self, name: str = "moscow", **more: str) -> Store:
        given = {"url": f"s3://{self.bucket}/prod", "endpoint": self.server.url} | more
        return Store(name, given["url"], given["endpoint"], "us-east-1", str(self.secret))

    def backup(self, *stores: Store, seconds: int = 120, **more: Any) -> StoreTask:
        used = stores or (self.store(),)
        member = Member("main.keystore", tuple(range(len(used))), namespace="bots")
        task = BackupTask(BACKUP, used, [member], seconds, [RECIPIENT])
        bucket_days = more.pop("bucket_days", None)
        task = replace(task, bucket_days=bucket_days)
        return StoreTask(action=BACK_UP, url_file=str(self.database), backup=task, **more)

    def drill(self, sample: list[tuple[str, str]], **more: Any) -> StoreTask:
        members = [Member(name, (0,), known, namespace="bots") for name, known in sample]
        task = BackupTask(DRILL, [self.store()], members, 120, identity=str(self.identity))
        return StoreTask(
            **{"action": REHEARSE, "url_file": str(self.database), "backup": task, **more}
        )

    def run(self, task: StoreTask, seconds: float = 120) -> BackedUp:
        found = decode(self.left(task, seconds))
        assert isinstance(found, BackedUp), found
        return found

    def drilled(self, task: StoreTask) -> of_drills.JobResult:
        found = of_drills.decode(self.left(task))
        assert isinstance(found, of_drills.JobResult), found
        return found

    def left(self, task: StoreTask, seconds: float = 120) -> bytes:
        """What the process leaves in its termination message."""
        process, log = self.begin(task)
        _, errors = process.communicate(timeout=seconds)
        assert errors == b""
        return log.read_bytes()

    def begin(self, task: StoreTask) -> tuple[subprocess.Popen[bytes], Path]:
        log = self.home / "message"
        log.write_bytes(b"")
        process = subprocess.Popen(
            [sys.executable, "-m", "baileys_janitor", "keystore-job", task.to_json()],
            env=os.environ | {"TERMINATION_LOG": str(log)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        return process, log

    def archives(self, session: str = "acme") -> list[str]:
        repository = open_repository(
            f"s3://{self.bucket}/prod",
            endpoint=self.server.url,
            region="us-east-1",
            environ=ENVIRON,
        )
        tenant = f"main.keystore.{tenant_of(session)}"
        return [str(each.path.name) for each in repository.list("bots", tenant).archives]

    def command(self, *words: str) -> Any:
        """What the command for people says as JSON."""
        repository = ("--from", f"s3://{self.bucket}/prod", "--endpoint", self.server.url)
        done = _command(*words, *repository, "--region", "us-east-1", "-o", "json", **ENVIRON)
        assert b"Traceback" not in done.stderr
        return json.loads(done.stdout)

    def do(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture
def jobs(tmp_path: Path, moto_server: S3Server, url: str) -> Jobs:
    keep_in_first_layout(url, *(paired(name, old=0, days=2) for name in NAMES))
    return Jobs(tmp_path, moto_server, url)


def test_every_session_is_put_once_and_then_unchanged(jobs: Jobs) -> None:
    first = jobs.run(jobs.backup())
    assert (first.sessions, first.done, first.left, first.failing) == (4, 4, 0, 0)
    assert (first.repositories[0].put, first.repositories[0].held) == (4, 4)
    again = jobs.run(jobs.backup())
    assert (again.repositories[0].put, again.repositories[0].unchanged) == (0, 4)
    assert all(len(jobs.archives(name)) == 1 for name in NAMES)


def test_what_was_put_passes_a_drill_in_another_database(jobs: Jobs, server: Server) -> None:
    found = jobs.run(jobs.backup())
    assert {session_part(name) for name, _ in found.sample} == set(NAMES)
    scratch = f"scratch{os.urandom(4).hex()}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {scratch}")
    keep_in_first_layout(server.database(scratch))
    (jobs.database).write_text(server.database(scratch))
    drilled = jobs.drilled(jobs.drill(found.sample))
    outcomes = [each.outcomes[0] for each in drilled.members if each is not None]
    assert [each.outcome for each in outcomes] == ["Passed"] * 4
    assert all(each.files and each.files > 5 for each in outcomes)
    with psycopg.connect(server.database(scratch)) as connection:
        assert connection.execute("SELECT count(*) FROM whatsapp_keys").fetchone() == (0,)


def test_a_drill_fails_with_another_key_and_with_other_tables(jobs: Jobs) -> None:
    found = jobs.run(jobs.backup())
    jobs.do("ALTER TABLE whatsapp_keys RENAME COLUMN value TO content")
    (drilled,) = jobs.drilled(jobs.drill(found.sample[:1])).members
    assert drilled is not None
    assert drilled.outcomes[0].code == "ColumnMissing"
    jobs.identity.write_text(generate()[0])
    jobs.do("ALTER TABLE whatsapp_keys RENAME COLUMN content TO value")
    (drilled,) = jobs.drilled(jobs.drill(found.sample[:1])).members
    assert drilled is not None
    assert drilled.outcomes[0].code == "WrongIdentity"


def test_a_session_whose_creds_are_broken_costs_the_others_nothing(jobs: Jobs) -> None:
    jobs.do("UPDATE whatsapp_auth SET creds = creds - 'noiseKey' WHERE company_id = 'bravo'")
    jobs.do("INSERT INTO whatsapp_auth VALUES ('new', '{}')")
    found = jobs.run(jobs.backup())
    (tally,) = found.repositories
    assert (found.sessions, found.nothing, found.failing) == (5, 1, 1)
    assert (tally.put, tally.failed) == (3, 1)
    assert [each.count for each in tally.problems.values()] == [1]
    assert not jobs.archives("bravo")


def test_repositories_are_independent_and_one_that_is_away_is_soon_asked_no_more(
    jobs: Jobs, faulty: FaultyStore
) -> None:
    faulty.then = lambda exchange: exchange.answer(503)
    found = jobs.run(jobs.backup(jobs.store(), jobs.store("away", endpoint=faulty.url)))
    good, away = found.repositories
    assert (good.put, good.failed) == (4, 0)
    assert away.failed == 4
    assert len(away.problems) == 1
    assert all(len(jobs.archives(name)) == 1 for name in NAMES)


def test_a_time_that_is_too_short_goes_on_behind_the_last_one(jobs: Jobs) -> None:
    order = sorted(NAMES, key=place_of)
    part = jobs.run(jobs.backup(after=place_of(order[1])))
    assert (part.sessions, part.done, part.left) == (4, 2, 0)
    assert not jobs.archives(order[0])
    assert not jobs.archives(order[1])
    assert jobs.archives(order[2])
    assert jobs.archives(order[3])


def test_a_process_that_is_killed_has_said_where_the_next_one_goes_on(
    jobs: Jobs, faulty: FaultyStore
) -> None:
    held = _Held()
    faulty.then = held
    process, log = jobs.begin(jobs.backup(jobs.store(endpoint=faulty.url)))
    held.wait()
    found = decode(log.read_bytes())
    _kill(process)
    held.release()
    assert isinstance(found, BackedUp)
    order = sorted(NAMES, key=place_of)
    assert (found.after, found.under_way, found.done, found.left) == (
        place_of(order[0]),
        True,
        0,
        3,
    )
    part = jobs.run(jobs.backup(after=found.after))
    assert (part.done, part.left, part.repositories[0].put) == (3, 0, 3)
    whole = jobs.run(jobs.backup())
    assert (whole.repositories[0].put, whole.repositories[0].unchanged) == (1, 3)


def test_a_session_that_takes_too_long_is_given_up_and_the_others_are_put(
    jobs: Jobs, faulty: FaultyStore
) -> None:
    slow = sorted(NAMES, key=place_of)[1]
    with psycopg.connect(jobs.url) as other:
        # Its rows are read, but what is remembered of it is locked, and the run may wait long for that.
        jobs.run(jobs.backup())
        jobs.do("UPDATE whatsapp_keys SET value = '{\"changed\": 1}'")
        other.execute("SELECT FROM baileys_janitor.backups WHERE session = %s FOR UPDATE", (slow,))
        found = jobs.run(jobs.backup(seconds=3, lock_timeout=60.0))
    (tally,) = found.repositories
    assert (found.done, found.left, found.failing) == (4, 0, 1)
    assert {code: each.count for code, each in tally.problems.items()} == {"TooSlow": 1}
    assert tally.put == 3


def test_a_database_that_dies_in_the_middle_ends_the_run_with_its_reason(
    jobs: Jobs, faulty: FaultyStore
) -> None:
    held = _Held()
    faulty.then = held
    process, log = jobs.begin(jobs.backup(jobs.store(endpoint=faulty.url)))
    held.wait()
    jobs.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    held.release()
    process.communicate(timeout=60)
    found = decode(log.read_bytes())
    assert isinstance(found, BackedUp)
    assert found.failure is not None
    assert found.failure[0] == "ConnectionLost"
    whole = jobs.run(jobs.backup())
    assert (whole.done, whole.failure, whole.failing) == (4, None, 0)


def test_row_level_security_refuses_instead_of_putting_half(jobs: Jobs, server: Server) -> None:
    role = f"limited{os.urandom(4).hex()}"
    jobs.do(
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};"
        f"GRANT CREATE ON DATABASE {psycopg.conninfo.conninfo_to_dict(jobs.url)['dbname']} TO {role};"
        "ALTER TABLE whatsapp_keys ENABLE ROW LEVEL SECURITY"
    )
    jobs.database.write_text(psycopg.conninfo.make_conninfo(jobs.url, user=role, password="x"))
    try:
        found = jobs.run(jobs.backup())
        assert found.failure is not None
        assert found.failure[0] == "RowSecurity"
        assert not jobs.archives()
    finally:
        jobs.do(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_without_a_memory_the_bucket_must_remove(jobs: Jobs) -> None:
    refused = jobs.run(jobs.backup(memory=False))
    assert refused.failure is not None
    assert refused.failure[0] == "MemoryMissing"
    put = jobs.run(jobs.backup(memory=False, bucket_days=30))
    assert put.repositories[0].put == 4


def test_a_database_that_is_away_is_said_and_no_url_is(jobs: Jobs) -> None:
    jobs.database.write_text(f"postgresql://u:secret@127.0.0.1:{free_port()}/x")
    message = jobs.left(jobs.backup())
    found = decode(message)
    assert isinstance(found, BackedUp)
    assert found.failure is not None
    assert found.failure[0] == "Unreachable"
    assert b"secret" not in message


def test_a_backup_without_its_task_is_refused(jobs: Jobs) -> None:
    task = jobs.backup()
    with pytest.raises(BadTask, match="the task of a backup's Job"):
        StoreTask.from_json(replace(task, backup=None).to_json())
    with pytest.raises(BadTask, match="of the same action"):
        StoreTask.from_json(replace(task, action=REHEARSE).to_json())
    with pytest.raises(BadTask, match="six hexadecimal digits"):
        StoreTask.from_json(replace(task, after="../..").to_json())
    assert StoreTask.from_json(task.to_json()).to_json() == task.to_json()


class _Held:
    """A store whose first PUT waits until it is released; it works well otherwise."""

    def __init__(self) -> None:
        from threading import Event

        self._reached, self._go = Event(), Event()

    def __call__(self, exchange: Any) -> None:
        if exchange.method == "GET" and exchange.path not in exchange.store.objects:
            told = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
            exchange.answer(200, told, Content_Type="application/xml")
            return
        if exchange.method == "PUT":
            self._reached.set()
            assert self._go.wait(60)
        exchange.serve()

    def wait(self) -> None:
        assert self._reached.wait(60)

    def release(self) -> None:
        self._go.set()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and the one that does the work, as the end of a container does."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def test_the_command_reads_what_a_cluster_has_put(jobs: Jobs) -> None:
    jobs.run(jobs.backup())
    listed = jobs.command("archives", "--of", "bots/main")
    assert [each["tenant"] for each in listed["sessions"]] == [
        f"main.keystore.{name}" for name in NAMES
    ]
    assert jobs.command("archives", "--of", "bots/other")["sessions"] == []
    drilled = jobs.command(
        *("drill", "--of", "bots/main", "--url-file", str(jobs.database)),
        *("--identity", str(jobs.identity), "--session", "acme"),
    )
    (session,) = drilled["sessions"]
    assert (session["tenant"], session["outcome"]) == ("main.keystore.acme", "Passed")
    jobs.do("DELETE FROM whatsapp_keys WHERE company_id = 'acme' AND key_type = 'pre-key'")
    restored = jobs.command(
        *("restore", "--of", "bots/main", "--url-file", str(jobs.database)),
        *("--identity", str(jobs.identity), "--session", "acme"),
    )
    (session,) = restored["sessions"]
    assert (session["tenant"], session["vouched"]) == ("main.keystore.acme", True)
    assert session["restoredByKind"]["preKey"] > 5


@pytest.mark.parametrize("text", ["main", "Support/main", "support/", "../x"])
def test_what_is_no_store_is_bad_usage(text: str) -> None:
    done = _command("archives", "--from", "/nowhere", "--of", text)
    assert done.returncode == 2
    assert b"such as support/main" in done.stderr


def _command(*words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "baileys_janitor", "keystore", *words],
        env=os.environ | environ, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


# Its result

CODES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,20}", fullmatch=True)
COUNTS = st.integers(0, 2**50)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    problems = draw(
        st.dictionaries(
            CODES, st.builds(Problem, COUNTS, st.text(st.characters(codec="ascii"), max_size=900)),
            max_size=8,
        )
    )  # fmt: skip
    return Tally(
        put=draw(COUNTS), failed=int(bool(problems)), held=draw(COUNTS), bytes=draw(COUNTS),
        oldest=draw(st.integers(0, 2**32)), put_only=draw(st.booleans()), problems=problems,
        newest=draw(st.sampled_from(["", "20261128T093500Z-0a1b2c3d.tar.gz.age"])),
    )  # fmt: skip


@given(st.lists(tallies(), max_size=4), st.integers(0, 16), COUNTS)
def test_every_result_fits_and_comes_back(parts: list[Tally], sampled: int, left: int) -> None:
    sample = [
        (f"main.keystore.session-{number}-{'x' * 40}", known_text(KnownArchives()))
        for number in range(sampled)
    ]
    result = BackedUp(sessions=7, left=left, after="00ff00", repositories=parts, sample=sample)
    document = encode(result)
    assert len(document) <= LIMIT_BYTES
    found = decode(document)
    assert isinstance(found, BackedUp)
    assert (found.left, found.after, len(found.repositories)) == (left, "00ff00", len(parts))
    assert [each.put for each in found.repositories] == [each.put for each in parts]
    assert [{c: p.count for c, p in each.problems.items()} for each in found.repositories] == [
        {c: p.count for c, p in each.problems.items()} for each in parts
    ]
    assert found.sample == sample[: len(found.sample)]


@given(st.binary(max_size=300), st.integers(0, 400))
def test_what_is_cut_or_changed_is_no_result(junk: bytes, at: int) -> None:
    whole = encode(BackedUp(sessions=3, done=3, repositories=[Tally(put=3)]))
    changed = whole[:at] + junk + whole[at + len(junk) :]
    with suppress(BadResult):
        assert decode(changed) == decode(whole)


@given(st.text(max_size=40), st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", max_size=253))
def test_sessions_of_stores_have_names_of_their_own(session: str, store: str) -> None:
    name = f"{tenant_of_store(f'm{store}m'.replace('..', '.'))}.{tenant_of(session)}"
    assert session_part(name) == tenant_of(session)
    assert is_tenant(name) == is_tenant(name.replace("..", "."))
    assert len(name) <= 253


def test_a_failure_of_the_whole_job_comes_back() -> None:
    failure = JobFailure("ExtraMissing", "It is not installed.")
    assert decode(encode(failure)) == failure


@pytest.mark.skipif("ALL_CHECKS" not in os.environ, reason="minutes: set ALL_CHECKS=1")
def test_two_thousand_sessions_are_put_in_one_job_and_found_unchanged_in_the_next(
    jobs: Jobs,
) -> None:
    others = "FROM {}, generate_series(1, 1996) n WHERE company_id = 'acme'"
    for table, columns in (
        ("whatsapp_auth", "creds"),
        ("whatsapp_keys", "key_type, key_id, value"),
    ):
        chosen = f"SELECT 'c' || n, {columns} {others.format(table)}"
        jobs.do(f"INSERT INTO {table} (company_id, {columns}) {chosen}")
    first = jobs.run(jobs.backup(duration=3000.0), seconds=1200)
    assert (first.sessions, first.repositories[0].put, first.left) == (2000, 2000, 0)
    assert len(first.sample) == 16
    again = jobs.run(jobs.backup(duration=3000.0), seconds=1200)
    assert again.repositories[0].unchanged == 2000
