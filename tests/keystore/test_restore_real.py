"""The real library goes on with rows that were restored: after everybody went on talking, and rows were lost."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.keystore.backups import Store
from tests.keystore.data import FIRST_LAYOUT, rows
from tests.keystore.restores import lose, restore
from tests.keystore.test_transfer import put_in
from tests.keystore.test_undo import execute, execute_plainly
from tests.real import judging, sessions

COMPANY = "962302"
ACCIDENTS = ("all lost", "half lost", "creds lost", "half lost but creds", "nothing lost")
#: What a disaster leaves.
LIKELY = ("all lost",)


def lose_by(accident: str, url: str) -> None:
    """An accident to the rows of a session."""
    keys = sorted(rows(url))
    if accident.startswith("half"):
        for session, key_type, ident in random.Random(1).sample(keys, len(keys) // 2):
            execute(
                url,
                "DELETE FROM whatsapp_keys WHERE company_id = %s AND key_type = %s AND key_id = %s",
                *(session, key_type, ident),
            )
    if accident == "all lost":
        execute_plainly(url, "DELETE FROM whatsapp_keys")
    if accident in ("all lost", "half lost", "creds lost"):
        execute_plainly(url, "DELETE FROM whatsapp_auth")


def connection_of(url: str) -> dict[str, Any]:
    known = conninfo_to_dict(url)
    return {
        "host": known["host"],
        "port": int(str(known["port"])),
        "user": "postgres",
        "database": known["dbname"],
    }


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("accident", ACCIDENTS if sessions.ALL_CHECKS else LIKELY)
@pytest.mark.parametrize(
    "scenario", ["restored", "emergency"] if sessions.ALL_CHECKS else ["healthy"]
)
def test_the_real_library_goes_on_with_what_was_restored(
    url: str, tmp_path: Path, scenario: str, accident: str
) -> None:
    session, peers = tmp_path / "session", tmp_path / "peers"
    if scenario in sessions.scenarios():
        sessions.unpack(scenario, session, peers=peers)
    else:
        sessions.write(scenario, session, peers)
    execute_plainly(url, FIRST_LAYOUT)
    put_in(url, session)
    store = Store(url, tmp_path / "store", now=time.time())
    assert store.back_up(COMPANY).outcome == "Completed"
    amounts = {"messages": 1, "groups": 1, "patches": 1, "preKeys": judging.UPLOADED}
    assert sessions.talk(session, peers, **amounts)["passed"]
    lose(store, COMPANY)
    put_in(url, session)
    lose_by(accident, url)

    done = restore(store, COMPANY)

    report = sessions.judge(
        session,
        peers,
        contacts=judging.NEW_CONTACTS if sessions.ALL_CHECKS else 12,
        database={"connection": connection_of(url), "company": COMPANY},
    )
    assert done.code is None
    assert judging.broken(report) == []
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT creds->>'nextPreKeyId' FROM whatsapp_auth").fetchone()
    assert found is not None
