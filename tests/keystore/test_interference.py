"""Others at work at the same time: writers, locks, other runs, kills, a database that goes away."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from baileys_janitor.keystore.clean import Cleaning, Keeping
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database, Limits
from baileys_janitor.keystore.undo import Undoing
from tests.keystore.data import DAY, Company, company, first_layout, removable, rows
from tests.keystore.server import Server, embedded, running, wait_until
from tests.keystore.test_clean import LIMITS, SETTINGS, clean
from tests.keystore.test_undo import execute, execute_plainly, undo

UPSERT = """
INSERT INTO whatsapp_keys (company_id, key_type, key_id, value) VALUES (%s, %s, %s, to_jsonb(%s::int))
ON CONFLICT (company_id, key_type, key_id) DO UPDATE SET value = excluded.value, updated_at = now()
"""
SMALL = Limits(batch=4, pause=0.0, lock_timeout=5.0, statement_timeout=60.0)


def test_a_row_that_is_written_after_the_look_stays(url: str) -> None:
    first_layout(url, found := company())
    written = sorted(removable(found))[:5]

    def write(*_: object) -> None:
        for key_type, ident in written:
            execute(url, UPSERT, "962302", key_type, ident, 7)

    result = clean(url, watch=write)

    assert result.changed >= 5
    assert {("962302", *key) for key in written} <= rows(url).keys()
    assert result.removed + result.changed == len(removable(found))


def test_a_rewrite_that_leaves_the_time_alone_is_noticed(url: str) -> None:
    first_layout(url, found := company())
    execute_plainly(url, "ALTER TABLE whatsapp_keys DISABLE TRIGGER touched")
    key_type, ident = sorted(removable(found))[-1]
    statement = "UPDATE whatsapp_keys SET value = '7' WHERE key_type = %s AND key_id = %s"

    clean(url, watch=lambda *_: execute(url, statement, key_type, ident))

    assert ("962302", key_type, ident) in rows(url)


def test_a_row_that_another_process_holds_stays_and_nobody_waits(url: str) -> None:
    first_layout(url, found := company())
    key_type, ident = next(key for key in sorted(removable(found)) if key[0] == "session")
    with psycopg.connect(url) as holder:
        holder.execute(
            "SELECT 1 FROM whatsapp_keys WHERE key_type = %s AND key_id = %s FOR UPDATE",
            (key_type, ident),
        )
        result = clean(url, limits=Limits(pause=0.0, lock_timeout=0.05))

    assert (result.outcome, result.changed) == ("Completed", 1)
    assert ("962302", key_type, ident) in rows(url)


def test_of_a_pair_both_stay_when_one_is_in_use(url: str) -> None:
    first_layout(url, company())
    group = "120363000000000003@g.us"
    execute_ = (
        "UPDATE whatsapp_keys SET value = '7' WHERE key_type = 'sender-key-memory' AND key_id = %s"
    )

    result = clean(url, watch=lambda *_: execute(url, execute_, group))

    assert result.changed == 2
    assert {key[1] for key in rows(url) if key[2].startswith(group) and "24200" not in key[2]} == {
        "sender-key",
        "sender-key-memory",
    }


def test_a_session_that_another_run_works_on_is_left_to_it(url: str) -> None:
    first_layout(url, company("1"), company("2", seed=2))
    with Database(url, limits=LIMITS) as other:
        from baileys_janitor.keystore.session import Sessions

        sessions = Sessions(other, inspect(other, layout_of()))
        with other.transaction():
            assert sessions.lock("1")
            result = clean(url)

    assert (result.outcome, result.busy, result.removed) == ("Capped", 1, 32)


def test_a_session_that_is_paired_again_between_two_batches_loses_no_more(url: str) -> None:
    first_layout(url, company())

    def pair_again(_: float) -> None:
        execute_plainly(
            url, """UPDATE whatsapp_auth SET creds = jsonb_set(creds, '{registrationId}', '78')"""
        )

    result = clean(url, limits=SMALL, pause=pair_again)

    assert (result.outcome, result.code) == ("Capped", None)
    assert 0 < result.removed <= 4
    assert result.removed + result.left == 32


def test_a_run_that_is_to_end_does_so_between_two_transactions(url: str) -> None:
    first_layout(url, company())
    calls: list[int] = []

    def stop() -> str | None:
        calls.append(1)
        return "Interrupted" if len(calls) > 3 else None

    result = clean(url, limits=SMALL, stop=stop)

    assert (result.outcome, result.code) == ("Capped", "Interrupted")
    assert 8 < result.removed <= 12
    assert result.removed + result.left == 32
    assert undo(url).restored == result.removed


def test_no_row_that_a_busy_writer_rewrites_is_lost(url: str) -> None:
    found = company(old=0)
    contacts = [f"243000000{number:06d}_1.0" for number in range(1_500)]
    found.add("session", contacts, 50 * DAY)
    first_layout(url, found)
    written: dict[str, int] = {}
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            number = 0
            while not over.is_set() and number < 10_000:
                contact = contacts[number * 7 % len(contacts)]
                connection.execute(UPSERT, ("962302", "session", contact, number))
                written[contact] = number
                number += 1

    def pause(_: float) -> None:
        """Wait until the writer has got on, so that every batch meets rows that were rewritten."""
        before = len(written)
        wait_until(lambda: len(written) > before or not writer.is_alive(), "the writer writes")

    def begin(*_: object) -> None:
        """Begin to write once the plan is made: before it, rewritten rows would not be in it."""
        writer.start()
        pause(0)

    writer = threading.Thread(target=work)
    try:
        limits = Limits(batch=25, pause=0.0, lock_timeout=5.0)
        result = clean(url, limits=limits, pause=pause, watch=begin)
    finally:
        over.set()
        writer.join()

    there = rows(url)
    assert result.changed > 0
    assert result.removed > 0
    for contact, number in written.items():
        assert f",{number}," in there["962302", "session", contact].replace('"', "")
    gone = {contact for contact in contacts if ("962302", "session", contact) not in there}
    assert not gone & written.keys()


# Kills


class Tripwire:
    """A way to the database on which a process is killed when it sends its n-th message."""

    def __init__(self, url: str) -> None:
        self._known = conninfo_to_dict(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = make_conninfo(
            url, host="127.0.0.1", port=self._listener.getsockname()[1], gssencmode="disable"
        )
        self.messages = 0

    def pass_on(self, process: int, kill_at: int | None, *, deliver: bool) -> None:
        """Serve one connection; `deliver`: the message at which the process dies still arrives."""
        client, _ = self._listener.accept()
        database = socket.socket(socket.AF_UNIX)
        database.connect(f"{self._known['host']}/.s.PGSQL.{self._known['port']}")
        back = threading.Thread(target=self._copy, args=(database, client), daemon=True)
        back.start()
        with client, database, suppress(OSError):
            while data := client.recv(1 << 16):
                self.messages += 1
                if self.messages == kill_at:
                    os.kill(process, signal.SIGKILL)
                    if deliver:
                        database.sendall(data)
                    break
                database.sendall(data)
            database.shutdown(socket.SHUT_WR)
        back.join(60)
        self._listener.close()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)


def in_a_process(work: Callable[[], object]) -> int:
    """Run work in a process of its own; return its id."""
    process = os.fork()
    if process == 0:
        code = 1
        with suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    return process


def killed(url: str, work: Callable[[str], object], kill_at: int | None, *, deliver: bool) -> int:
    """Run work and kill it at a message; return how many messages it sent."""
    wire = Tripwire(url)
    process = in_a_process(lambda: work(wire.url))
    wire.pass_on(process, kill_at, deliver=deliver)
    _, status = os.waitpid(process, 0)
    if kill_at is None:
        assert status == 0
    return wire.messages


@contextmanager
def fresh(server: Server, found: Company) -> Iterator[str]:
    """A database with a session, made by copying one."""
    name = f"k{os.urandom(6).hex()}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = server.database(name)
        first_layout(url, found)
        yield url
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_killed_at_any_message_a_run_loses_nothing(server: Server) -> None:
    found = company(old=3, days=40)
    expected = {("962302", *key) for key in removable(found)}

    def work(url: str) -> None:
        with Database(url, limits=SMALL) as database:
            facts = inspect(database, layout_of())
            Cleaning(database, facts, SETTINGS, "run-1").apply()

    with fresh(server, found) as url:
        messages = killed(url, work, None, deliver=True)
    assert messages > 30
    with fresh(server, found) as url:
        before = rows(url)
        for kill_at in range(1, messages + 1, 4):
            killed(url, work, kill_at, deliver=kill_at % 8 == 1)
            wait_until(lambda: _alone(url), "the server has noticed")
            there = rows(url)
            archived = _archived(url)

            assert there.items() <= before.items()
            assert before.keys() - there.keys() == archived <= expected
            for group in {key[2] for key in expected if key[1] == "sender-key-memory"}:
                pair = {key for key in there if key[2].startswith(group) and "::242" not in key[2]}
                assert len(pair) in (0, 2)
            _begin_again(url)
            assert rows(url) == before


def _alone(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND state IS NOT NULL"
        ).fetchone() == (True,)


def _archived(url: str) -> set[tuple[str, str, str]]:
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass('baileys_janitor.archive')").fetchone() == (
            None,
        ):
            return set()
        return set(
            connection.execute(
                "SELECT session, key_type, key_id FROM baileys_janitor.archive"
            ).fetchall()
        )


def _begin_again(url: str) -> None:
    """Put back what a killed run has removed, and forget that it was there."""
    result = undo(url)
    assert result.outcome in ("Completed", "NothingToDo")
    execute_plainly(url, "DROP SCHEMA IF EXISTS baileys_janitor CASCADE")


def test_a_killed_run_is_recorded_and_the_next_goes_on(server: Server) -> None:
    found = company()

    def work(url: str) -> None:
        clean(url, limits=SMALL)

    with fresh(server, found) as url:
        messages = killed(url, work, None, deliver=True)
    with fresh(server, found) as url:
        killed(url, work, messages - 25, deliver=True)
        wait_until(lambda: _alone(url), "the server has noticed")
        first = len(_archived(url))
        assert 0 < first < 32

        assert clean(url).outcome == "Repeated"
        execute_plainly(url, "UPDATE baileys_janitor.runs SET seen = seen - interval '11 minutes'")
        result = clean(url, "run-2")

        assert first + result.removed == 32
        with psycopg.connect(url) as connection:
            outcome = connection.execute(
                "SELECT outcome, removed FROM baileys_janitor.runs WHERE run_id = 'run-1'"
            ).fetchone()
        assert outcome == ("Killed", first)
        assert undo(url, "run-1").restored == first


def test_killed_at_any_message_an_undo_loses_nothing(server: Server) -> None:
    found = company(old=2, days=20)

    def work(url: str) -> None:
        with Database(url, limits=SMALL) as database:
            Undoing(database, inspect(database, layout_of())).undo("run-1")

    with fresh(server, found) as url:
        before = rows(url)
        clean(url)
        messages = killed(url, work, None, deliver=True)
        assert rows(url) == before
        for kill_at in range(1, messages + 1, 4):
            execute_plainly(url, "DROP SCHEMA baileys_janitor CASCADE")
            clean(url)
            killed(url, work, kill_at, deliver=kill_at % 8 == 5)
            wait_until(lambda: _alone(url), "the server has noticed")
            there = rows(url)
            assert there.items() <= before.items()
            assert before.keys() - there.keys() == _archived(url)
            undo(url)
            assert rows(url) == before


def test_a_database_that_goes_away_ends_the_run_with_a_sentence() -> None:
    settings = ("synchronous_commit=on", "full_page_writes=on")
    with running(embedded(), *settings) as server:
        first_layout(server.url, company())
        before = len(rows(server.url))

        result = clean(server.url, limits=SMALL, pause=lambda _: server.stop(kill=True))

        assert (result.outcome, result.code) == ("Failed", "ConnectionLost")
        server.start(*settings)
        assert len(rows(server.url)) + len(_archived(server.url)) == before
        execute_plainly(
            server.url, "UPDATE baileys_janitor.runs SET seen = seen - interval '11 minutes'"
        )
        assert clean(server.url, "run-2").outcome == "Completed"


def test_of_what_never_comes_back_nothing_goes_whatever_its_age(url: str) -> None:
    """A rule of 30 days alone would remove three quarters of this table, and with it every session."""
    protected = ("pre-key", "app-state-sync-key", "lid-mapping")
    companies = []
    for number in range(10):
        each = company(str(number), seed=number, old=20)
        each.add("pre-key", map(str, range(31, 400)), 60 * DAY)
        companies.append(each)
    first_layout(url, *companies)
    before = {key for key in rows(url) if key[1] in protected}

    result = clean(url)

    assert result.removed == 10 * 80
    assert {key for key in rows(url) if key[1] in protected} == before


def test_an_undo_window_of_nothing_keeps_nothing(url: str) -> None:
    first_layout(url, company())

    result = clean(url, keeping=Keeping(undo_window=0))

    assert (result.removed, result.purged, result.archived) == (32, 32, False)
    assert _archived(url) == set()
