"""Through PgBouncer in transaction pooling, with its defaults: each transaction may meet another connection."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sandbox.tools import path_of
from tests.keystore.backups import Store, keep_in_first_layout, paired
from tests.keystore.data import FIRST_LAYOUT, company, first_layout, rows
from tests.keystore.server import Server, free_port, user, wait_until
from tests.keystore.test_clean import clean
from tests.keystore.test_transfer import put_in, take_out
from tests.keystore.test_undo import execute_plainly, undo
from tests.real import sessions


@pytest.fixture
def pooled(server: Server, url: str) -> Iterator[str]:
    """The same database through a pooler with two connections."""
    program = path_of("pgbouncer")
    if program is None:
        pytest.skip("needs PgBouncer: `make unit` unpacks Debian's")
    home = server.home / f"pool-{os.urandom(3).hex()}"
    home.mkdir()
    server.own(home)
    port = free_port()
    (home / "users").write_text('"postgres" ""\n')
    (home / "ini").write_text(
        f"[databases]\n* = host={server.home} port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = trust\nauth_file = {home}/users\npool_mode = transaction\n"
        "default_pool_size = 2\nserver_round_robin = 1\nunix_socket_dir =\n"
    )
    process = subprocess.Popen(
        [str(program), str(home / "ini")], stderr=subprocess.DEVNULL, **user()
    )
    found = make_conninfo(
        "", host="127.0.0.1", port=port, user="postgres", dbname=conninfo_to_dict(url)["dbname"]
    )

    def answers() -> bool:
        assert process.poll() is None
        try:
            psycopg.connect(found).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        wait_until(answers, "PgBouncer answers")
        yield found
    finally:
        process.terminate()
        process.wait(60)


def test_a_cleanup_and_its_undo_work_through_a_pooler(url: str, pooled: str) -> None:
    first_layout(url, company("1"), company("2", seed=2))
    before = rows(url)

    looked = clean(pooled, dry_run=True)
    result = clean(pooled)

    assert (looked.outcome, looked.removed) == ("DryRun", 64)
    assert (result.outcome, result.removed) == ("Completed", 64)
    assert clean(pooled).outcome == "Repeated"
    assert undo(pooled).restored == 64
    assert rows(url) == before


def test_a_session_is_carried_over_through_a_pooler(url: str, pooled: str, tmp_path: Path) -> None:
    session = sessions.unpack("healthy", tmp_path / "session")
    execute_plainly(url, FIRST_LAYOUT)

    put = put_in(pooled, session)
    taken = take_out(pooled, tmp_path / "back")

    assert put.keys == taken.keys == len(rows(url)) > 50


def test_a_session_is_backed_up_and_rehearsed_through_a_pooler(
    url: str, pooled: str, tmp_path: Path
) -> None:
    keep_in_first_layout(url, paired())
    store = Store(pooled, tmp_path / "there")

    assert store.back_up().outcome == "Completed"
    assert store.back_up().repositories[0].outcome == "Unchanged"
    assert store.drill().outcome == "Passed"
