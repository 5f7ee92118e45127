"""The Job of the operator that backs up tenants and drills: a process of its own against real stores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import pytest

from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.job.memory import known_of
from baileys_janitor.backup.job.result import (
    BadResult,
    JobFailure,
    JobResult,
    MemberResult,
    Outcome,
    decode,
    encode,
)
from baileys_janitor.backup.job.task import BACKUP, DRILL, BackupTask, Member
from baileys_janitor.backup.known import recipients_id
from baileys_janitor.backup.names import name_of
from baileys_janitor.backup.stores.repository import open_repository
from baileys_janitor.controller.backups.known import PENDING_MOST, merged, needs_all
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive
from baileys_janitor.policy.archives.known_archives import encode as known_text
from tests.backup.servers import ENVIRON, Exchange, FaultyStore, S3Server, free_port
from tests.backup.sessions import RECIPIENT, SECRET, session_in


class Cluster:
    """A namespace with tenants whose claims are mounted, and a bucket."""

    def __init__(self, home: Path, server: S3Server) -> None:
        self.home = home
        self.server = server
        self.bucket = server.bucket()
        self.secret = self.files("secret", **ENVIRON)
        self.identity = self.files("identity", identity=SECRET) / "identity"

    def files(self, name: str, **content: str) -> Path:
        """A mounted Secret."""
        path = self.home / name
        path.mkdir()
        for key, value in content.items():
            (path / key).write_text(value)
        return path

    def store(self, name: str = "moscow", **more: str) -> Store:
        given = {"url": f"s3://{self.bucket}/prod", "endpoint": self.server.url} | more
        return Store(name, given["url"], given["endpoint"], "us-east-1", str(self.secret))

    def tenant(self, name: str = "acme", known: str = "") -> Member:
        claim = self.home / name
        if not claim.exists():
            session_in(claim)
        return Member(name, (0,), known, volume=str(claim), path=".", namespace="bots")

    def backup(self, *members: Member, **more: object) -> BackupTask:
        task = BackupTask(BACKUP, [self.store()], members, 120, [RECIPIENT])
        return replace(task, **more)  # type: ignore[arg-type]

    def drill(self, *members: Member) -> BackupTask:
        return BackupTask(DRILL, [self.store()], members, 120, identity=str(self.identity))

    def run(self, task: BackupTask, **environ: str) -> JobResult:
        found = self.left(task.to_json(), **environ)
        assert isinstance(found, JobResult)
        return found

    def left(self, argument: str, **environ: str) -> JobResult | JobFailure:
        """What the process leaves in its termination message."""
        log = self.home / "message"
        log.write_bytes(b"")
        done = subprocess.run(
            [sys.executable, "-m", "baileys_janitor", "backup-job", argument],
            env=os.environ | {"TERMINATION_LOG": str(log)} | environ,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr
        return decode(log.read_bytes())

    def archives(self, tenant: str = "acme") -> list[str]:
        repository = open_repository(
            f"s3://{self.bucket}/prod",
            endpoint=self.server.url,
            region="us-east-1",
            environ=ENVIRON,
        )
        return [str(each.path.name) for each in repository.list("bots", tenant).archives]


@pytest.fixture
def cluster(tmp_path: Path, moto_server: S3Server) -> Cluster:
    return Cluster(tmp_path, moto_server)


def only(result: JobResult) -> tuple[MemberResult, Outcome]:
    assert len(result.members) == 1
    member = result.members[0]
    assert member is not None
    return member, member.outcomes[0]


def remembered(result: JobResult) -> str:
    """What the operator would send along the next time."""
    member, outcome = only(result)
    ident = frozenset(result.repositories)
    assert member.archive is not None
    archive = replace(
        member.archive, held=ident, verified=ident if outcome.verified else frozenset()
    )
    return known_text(
        KnownArchives(
            (archive,),
            member.fingerprint,
            member.pairing,
            recipients_id([RECIPIENT]),
            {result.repositories[0]: member.time},
        )
    )


def test_a_tenant_is_put_and_then_unchanged(cluster: Cluster) -> None:
    result = cluster.run(cluster.backup(cluster.tenant()))
    member, outcome = only(result)
    assert (outcome.outcome, outcome.verified, outcome.held) == ("Put", True, frozenset())
    assert member.archive is not None
    assert len(cluster.archives()) == 1
    assert not [name for name in os.listdir(cluster.home / "acme") if name.startswith(".janitor")]
    again = cluster.run(cluster.backup(cluster.tenant(known=remembered(result))))
    assert only(again)[1].outcome == "Unchanged"
    assert only(again)[0].archive is None
    assert len(cluster.archives()) == 1


def test_what_was_put_passes_a_drill_and_another_one_does_not(cluster: Cluster) -> None:
    result = cluster.run(cluster.backup(cluster.tenant()))
    known = remembered(result)
    drilled = cluster.run(cluster.drill(replace(cluster.tenant(known=known), volume="", path="")))
    outcome = only(drilled)[1]
    assert (outcome.outcome, outcome.archive) == ("Passed", cluster.archives()[0])
    assert outcome.files
    assert outcome.files > 5
    unknown = cluster.run(cluster.drill(cluster.tenant()))
    assert only(unknown)[1].code == "IdentityUnknown"


def test_a_repository_that_is_listed_says_which_archives_it_holds(cluster: Cluster) -> None:
    result = cluster.run(cluster.backup(cluster.tenant()))
    member, _ = only(result)
    assert member.archive is not None
    ident = frozenset(result.repositories)
    gone = PutArchive(member.time - 7200, "0" * 16, "0" * 32, 10, 1, held=ident, verified=ident)
    there = replace(member.archive, held=ident, verified=ident)
    known = known_text(KnownArchives((there, gone), "", "", recipients_id([RECIPIENT]), {}))
    listed = only(cluster.run(cluster.backup(cluster.tenant(known=known))))[1]
    assert (listed.outcome, listed.held) == ("Unchanged", frozenset({0}))
    newest_alone = replace(cluster.tenant(known=known), whole=False)
    assert only(cluster.run(cluster.backup(newest_alone)))[1].held is None


@pytest.mark.parametrize(
    ("store", "code", "said"),
    [
        ({"url": "s3://no-such-bucket-here/prod"}, "NoSuchBucket", "create the bucket."),
        ({"url": "/tmp"}, "UrlInvalid", "names no object store."),
        ({"endpoint": "http://127.0.0.1:PORT"}, "Unreachable", "NetworkPolicies let the Jobs of"),
        ({"endpoint": "http://no-such-host.invalid"}, "NameUnknown", "and the cluster's DNS."),
        ({"endpoint": "https://127.0.0.1:STORE"}, "TlsFailed", "into the Secret as ca.crt"),
    ],
)
def test_trouble_with_a_store_is_said_in_the_words_of_a_cluster(
    cluster: Cluster, store: dict[str, str], code: str, said: str
) -> None:
    ports = {"PORT": str(free_port()), "STORE": str(cluster.server.port)}
    for name, port in ports.items():
        store = {key: value.replace(name, port) for key, value in store.items()}
    task = cluster.backup(cluster.tenant(), stores=[cluster.store(**store)])
    outcome = only(cluster.run(task))[1]
    assert (outcome.outcome, outcome.code) == ("Failed", code)
    assert said in outcome.message


def test_a_secret_without_its_keys_is_named(cluster: Cluster) -> None:
    (cluster.secret / "AWS_SECRET_ACCESS_KEY").unlink()
    outcome = only(cluster.run(cluster.backup(cluster.tenant())))[1]
    assert outcome.code == "SecretMissing"
    assert "AWS_SECRET_ACCESS_KEY" in outcome.message


def test_what_the_environment_holds_opens_nothing(cluster: Cluster) -> None:
    (cluster.secret / "AWS_SECRET_ACCESS_KEY").unlink()
    assert only(cluster.run(cluster.backup(cluster.tenant()), **ENVIRON))[1].code == "SecretMissing"


def test_one_session_that_is_broken_stops_nobody(cluster: Cluster) -> None:
    members = [cluster.tenant(name) for name in ("acme", "broken", "last")]
    (cluster.home / "broken" / "creds.json").write_text("{")
    result = cluster.run(cluster.backup(*members))
    outcomes = [member.outcomes[0] for member in result.members if member is not None]
    assert [each.outcome for each in outcomes] == ["Put", "Failed", "Put"]
    assert outcomes[1].code.startswith("Credentials")


def test_a_tenant_that_takes_too_long_holds_up_nobody(
    cluster: Cluster, faulty: FaultyStore
) -> None:
    faulty.then = lambda exchange: exchange.silence()
    stores = [cluster.store(), cluster.store("slow", endpoint=faulty.url)]
    members = [replace(cluster.tenant("a1"), repositories=(1,)), cluster.tenant("a2")]
    result = cluster.run(cluster.backup(*members, stores=stores, seconds=3))
    faulty.over.set()
    slow, good = (member.outcomes for member in result.members if member is not None)
    assert slow[1].code == "TooSlow"
    assert good[0].outcome == "Put"


def test_a_store_that_answers_nobody_is_asked_for_two_tenants_alone(
    cluster: Cluster, faulty: FaultyStore
) -> None:
    stores = [cluster.store(), cluster.store("broken", endpoint=faulty.url)]
    members = [
        replace(cluster.tenant(name), repositories=(0, 1)) for name in ("a1", "a2", "a3", "a4")
    ]
    result = cluster.run(cluster.backup(*members, stores=stores))
    outcomes = [member.outcomes for member in result.members if member is not None]
    assert [each[0].outcome for each in outcomes] == ["Put"] * 4
    assert [each[1].code for each in outcomes] == ["ServerError"] * 4
    asked = {
        name
        for _, path, _ in faulty.requests
        for name in ("a2", "a3", "a4")
        if f"%2F{name}%2F" in path
    }
    assert asked == {"a2"}


def test_a_result_of_25_tenants_has_room(cluster: Cluster) -> None:
    archive = PutArchive(1_900_000_000, "ab" * 8, "cd" * 16, 64 << 20, 10_000)
    outcome = Outcome("Put", verified=True, held=frozenset(range(200)))
    member = MemberResult(1_900_000_000, 10_000, 99_000, archive, "ab" * 8, "cd" * 8, {0: outcome})
    result = JobResult(BACKUP, ["0" * 16], [member] * 25)
    assert len(encode(result)) <= 4096
    assert decode(encode(result)) == result


def test_25_different_problems_leave_their_codes(cluster: Cluster) -> None:
    failed = [
        MemberResult(1, outcomes={0: Outcome("Failed", f"Code{n}", f"Sentence {n}. " * 20)})
        for n in range(25)
    ]
    document = encode(JobResult(BACKUP, ["0" * 16], failed))
    assert len(document) <= 4096
    found = decode(document)
    assert isinstance(found, JobResult)
    assert [each.outcomes[0].code for each in found.members if each] == [
        f"Code{n}" for n in range(25)
    ]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"r": [], "p": [], "m": [[1, 1, 1, "", [[0, 0, -1, 0, 0]]]]},
        {"r": ["x"], "p": [], "m": []},
        {"r": ["0" * 16], "p": [], "m": [[1, 1, 1, "AAAA", []]]},
        {"r": ["0" * 16], "p": [["bad code", ""]], "m": []},
        {"r": ["0" * 16], "p": [], "m": [[1, 1, 1, "", [[0, 3, -1, 0, 0]]]]},
        {"r": ["0" * 16], "p": [], "m": [[1, 1, 1, "", [[0, 4, -1, 0, 0]]]]},
        {"r": ["0" * 16], "p": [], "m": [[True, 1, 1, "", []]]},
        {"r": ["0" * 16], "p": [], "m": [None] * 26},
        {"r": ["0" * 16], "p": [], "m": [[1, 1, 1, "", [[0, 0, -1, 0, 0, "A" * 100]]]]},
    ],
)  # fmt: skip
def test_what_this_program_would_not_write_is_no_result(body: object) -> None:
    from baileys_janitor.backup.job.result import MAGIC
    from baileys_janitor.job.document import checksum

    text = json.dumps(body, separators=(",", ":"))
    with pytest.raises(BadResult):
        decode(f"{MAGIC} backup {checksum('backup', text)}\n{text}")


def test_a_task_that_makes_no_sense_is_said(cluster: Cluster) -> None:
    found = cluster.left("{}")
    assert isinstance(found, JobFailure)
    assert found.code == "BadTask"


@pytest.mark.parametrize("field", ["action", "members", "repositories", "seconds", "retention"])
def test_a_field_that_is_wrong_is_named(field: str) -> None:
    member = Member("acme", (0,), volume="/v", path=".", namespace="bots")
    task = BackupTask(BACKUP, [Store("m", "s3://b", None, None, "/s")], [member], 30)
    assert BackupTask.from_json(task.to_json()).members == [member]
    data = json.loads(task.to_json()) | {field: "?"}
    with pytest.raises(BadTask, match=field):
        BackupTask.from_json(json.dumps(data))


def test_a_memory_says_the_same_on_both_sides() -> None:
    ident = "ab" * 8
    archive = PutArchive(
        1_900_000_000,
        "ab" * 8,
        "cd" * 16,
        9,
        1,
        held=frozenset([ident]),
        verified=frozenset([ident]),
    )
    known = known_of(KnownArchives((archive,), "ab" * 8, "cd" * 8, "ef" * 8, {ident: 5}))
    assert [each.digest for each in known.in_repository(ident)] == ["ab" * 8]


class Killing:
    """A task whose process, or a child of it, is killed while an archive is on its way to a store."""

    def __init__(self, cluster: Cluster, faulty: FaultyStore) -> None:
        self.cluster = cluster
        self.faulty = faulty
        self.log = cluster.home / "message"
        faulty.once = [lambda exchange: exchange.answer(200, EMPTY_LIST)]

    def run(self, kill: str) -> JobResult:
        """Kill the `parent` or the `child` in the middle of the put; return what was left."""
        met = threading.Event()

        def take(exchange: Exchange) -> None:
            if exchange.method == "PUT":
                # It has arrived; that is never answered.
                self.faulty.objects[exchange.path] = exchange.body
                met.set()
                exchange.silence()
            else:
                exchange.answer(200, EMPTY_LIST)

        self.faulty.then = take
        task = self.cluster.backup(
            self.cluster.tenant(), stores=[self.cluster.store(endpoint=self.faulty.url)]
        )
        self.log.write_bytes(b"")
        with subprocess.Popen(
            [sys.executable, "-m", "baileys_janitor", "backup-job", task.to_json()],
            env=os.environ | {"TERMINATION_LOG": str(self.log)},
        ) as process:
            assert met.wait(60)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            (child,) = (int(each) for each in children.split())
            os.kill(child, signal.SIGKILL if kill == "child" else signal.SIGSTOP)
            if kill == "parent":
                process.kill()
            process.wait(60)
            if kill == "parent":
                os.kill(child, signal.SIGKILL)
        self.faulty.over.set()
        found = decode(self.log.read_bytes())
        assert isinstance(found, JobResult)
        return found


EMPTY_LIST = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


@pytest.mark.parametrize("killed", ["child", "parent"])
def test_an_archive_that_was_on_its_way_when_the_process_was_killed_is_known(
    cluster: Cluster, faulty: FaultyStore, killed: str
) -> None:
    result = Killing(cluster, faulty).run(killed)
    member, outcome = only(result)
    assert (outcome.outcome, outcome.code) == ("Failed", "Interrupted")
    assert member.archive is not None
    ((path, data),) = faulty.objects.items()
    assert sha256(data).hexdigest().startswith(member.archive.sha256)
    assert str(name_of(member.archive.time, member.archive.digest, encrypted=True)) in path
    assert member.fingerprint
    assert result.repositories[0]


def test_the_backup_after_a_kill_finds_what_arrived_and_puts_nothing(
    cluster: Cluster, faulty: FaultyStore
) -> None:
    result = Killing(cluster, faulty).run("child")
    places = dict(enumerate(result.repositories))
    member, _ = only(result)
    readers = recipients_id([RECIPIENT])
    known = merged(KnownArchives(), KnownArchives(), member, places, readers, member.time, None)
    assert [each.held for each in known.archives] == [frozenset()]
    assert needs_all(known, 1, member.time + 60.0)
    ((path, data),) = faulty.objects.items()
    faulty.over.clear()
    faulty.then = lambda exchange: exchange.answer(200, listing(path, data))
    faulty.requests.clear()
    again = cluster.run(
        cluster.backup(
            cluster.tenant(known=known_text(known)),
            stores=[cluster.store(endpoint=faulty.url)],
        )
    )
    later, outcome = only(again)
    assert (outcome.outcome, outcome.held) == ("Unchanged", frozenset({0}))
    assert [method for method, _, _ in faulty.requests] == ["GET"]
    known = merged(known, known, later, places, readers, member.time + 60.0, None)
    assert [each.held for each in known.archives][-1] == frozenset(places.values())


def listing(path: str, data: bytes) -> bytes:
    key = unquote(path).partition("/prod/")[2]
    return (
        f"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>prod/{key}</Key>"
        f"<Size>{len(data)}</Size><LastModified>2026-11-28T09:35:00Z</LastModified>"
        "<ETag>0</ETag></Contents></ListBucketResult>"
    ).encode()


def test_archives_that_never_arrived_take_no_room_of_those_that_are_there() -> None:
    ident = "ab" * 8
    there = PutArchive(1, "0" * 16, "1" * 32, 2, 3, held=frozenset([ident]))
    known = KnownArchives((there,), listed={ident: 5})
    failed = Outcome("Failed", "Unreachable", "It does not answer.")
    for now in range(1_000_000, 1_000_000 + 300 * 60, 60):
        made = PutArchive(now, f"{now:016x}", "1" * 32, 2, 3)
        result = MemberResult(now, 1, 1, made, "ab" * 8, "cd" * 8, {0: failed})
        known = merged(known, known, result, {0: ident}, "ef" * 8, now, None)
    assert there in known.archives
    assert len(known.archives) == 1 + PENDING_MOST


def test_a_backup_asks_for_nothing_outside_the_prefix_of_its_namespace(
    cluster: Cluster, faulty: FaultyStore
) -> None:
    """So that credentials for that prefix alone are enough, and are of no use for another namespace."""
    ident = "ab" * 8
    old = PutArchive(1, "0" * 16, "1" * 32, 2, 3, held=frozenset([ident]))
    known = known_text(KnownArchives((old,), "ab" * 8, "cd" * 8, recipients_id([RECIPIENT]), {}))
    faulty.once = [lambda exchange: exchange.answer(200, EMPTY_LIST)]
    faulty.then = lambda exchange: exchange.serve()
    stores = [cluster.store(endpoint=faulty.url)]
    put = cluster.run(cluster.backup(cluster.tenant(known=known), stores=stores))
    assert only(put)[1].outcome == "Put"
    assert {method for method, _, _ in faulty.requests} >= {"GET", "PUT"}
    for _, path, _ in faulty.requests:
        assert "prod/bots/acme/" in unquote(path)
