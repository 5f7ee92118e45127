"""Keys in PostgreSQL: the report, a cleanup, a writer beside it, and a dry run against a plain Node.js script.

python -m benchmarks.keystore write URL SECONDS     the writer, as a process of its own
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from rich.table import Table

from baileys_janitor.keystore.clean import Cleaning, Keeping
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database, Limits
from baileys_janitor.keystore.report import make_report
from baileys_janitor.policy.settings import DEFAULTS, MaxRemovals, Retention, Settings

if TYPE_CHECKING:
    from rich.console import Console

    from tests.keystore.server import Server

HERE: Final = Path(__file__).resolve().parent
COMMAND: Final = str(Path(sys.executable).parent / "baileys-janitor")
DAY: Final = 86_400
COMPANIES: Final = 200
WRITER_SECONDS: Final = 15.0

TABLES: Final = """
CREATE TABLE whatsapp_keys (
  company_id text NOT NULL, key_type text NOT NULL, key_id text NOT NULL, value jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz, PRIMARY KEY (company_id, key_type, key_id));
CREATE TABLE whatsapp_auth (company_id text PRIMARY KEY, creds jsonb NOT NULL);
"""
_CREDS: Final = {
    "me": {"id": "12015550100:7@s.whatsapp.net", "lid": "240000000000000:7@lid"},
    "account": {"details": ""},
    "nextPreKeyId": 813,
    "firstUnuploadedPreKeyId": 813,
    "registrationId": 1,
}
#: Type, how many a company, id, days since the last write by number, and the text in the value.
_KEYS: Final = (
    ("pre-key", 812, "n::text", "60 + mod(n, 30)", 3),
    ("app-state-sync-key", 2, "'AAAAAP' || n", "90", 3),
    ("app-state-sync-version", 5, "'collection' || n", "mod(n, 5)", 3),
    ("lid-mapping", 140, "'49301' || n", "n * 0.9", 1),
    ("device-list", 65, "'49301' || n", "mod(n, 20)", 2),
    ("session", 320, "'24100' || (1000000 + n) || '_1.0'", "mod(n, 66)", 45),
    (
        "sender-key",
        300,
        "'12036' || n || '@g.us::24100' || (1000000 + n) || '_1::0'",
        "mod(n, 66)",
        30,
    ),
    ("sender-key-memory", 60, "'12036' || n || '@g.us'", "mod(n, 25)", 5),
)
_OWN_KEYS: Final = (
    "sender-key",
    60,
    "'12036' || n || '@g.us::240000000000000_1::7'",
    "mod(n, 25)",
    30,
)
_FILL: Final = """
INSERT INTO whatsapp_keys (company_id, key_type, key_id, value, created_at, updated_at)
SELECT c::text, %s, {ident}, to_jsonb((SELECT string_agg(md5(c || %s || n || i), '') FROM generate_series(1, %s) AS i)),
       now() - interval '150 days', now() - make_interval(secs => ({days}) * 86400 + 3600 + n)
FROM generate_series(1, %s) AS c, generate_series(1, %s) AS n
"""


def fill(url: str, companies: int, share: float = 1.0) -> int:
    """Create the tables of the first layout and fill them; return the number of keys."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
        for key_type, number, ident, days, words in (*_KEYS, _OWN_KEYS):
            statement = _FILL.format(ident=ident, days=days)
            values = (key_type, key_type, words, companies, max(1, round(number * share)))
            connection.execute(statement.encode(), values)
        connection.execute(
            "INSERT INTO whatsapp_auth SELECT c::text, %s::jsonb FROM generate_series(1, %s) AS c",
            (json.dumps(_CREDS), companies),
        )
        connection.execute("VACUUM ANALYZE whatsapp_keys")
        (count,) = connection.execute("SELECT count(*) FROM whatsapp_keys").fetchone() or (0,)
    return int(count)


def settings() -> Settings:
    """Return the rules of a key store: 30 days for both."""
    ages = Retention(30 * DAY, 30 * DAY)
    return Settings(retention=ages, emergency_retention=ages, max_removals=MaxRemovals(60, 5_000))


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure everything on separate servers; `quick` takes a tenth of the companies."""
    from tests.keystore.server import embedded, running

    companies = COMPANIES // 10 if quick else COMPANIES
    found: dict[str, Any] = {}
    with running(embedded(), "shared_buffers=512MB", "autovacuum=on") as server:
        url = server.url
        found["keys"] = fill(url, companies)
        found["byAgeAlone"] = _by_age_alone(url)
        found["report"] = _report(url)
        alone = _write(url, WRITER_SECONDS / (3 if quick else 1))
        beside, cleaned = _clean_beside_writer(url)
        found["writer"] = {
            "alone": alone,
            "beside": beside,
            "p99": round(beside["p99Ms"] / alone["p99Ms"], 2),
        }
        found["clean"] = cleaned
        found["protectedGone"] = _missing_protected(url, companies)
        found["alone"] = _clean_alone(server, companies // 4)
        found["race"] = _race(server, 3 if quick else 15)
    return found


def _by_age_alone(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM whatsapp_keys WHERE updated_at < now() - interval '30 days'"
        ).fetchone()
    return int(row[0]) if row else 0


def _missing_protected(url: str, companies: int) -> int:
    kinds = {key_type: number for key_type, number, *_ in _KEYS[:5]}
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM whatsapp_keys WHERE key_type = ANY(%s)", (list(kinds),)
        ).fetchone()
    return sum(kinds.values()) * companies - (int(row[0]) if row else 0)


def _report(url: str) -> dict[str, Any]:
    times = []
    with Database(url, limits=Limits(statement_timeout=60)) as database:
        facts = inspect(database, layout_of())
        for _ in range(5):
            report = make_report(database, facts, DEFAULTS)
            times.append(report.duration_ms)
    return {
        "ms": statistics.median(times),
        "tableBytes": report.table.total_bytes,
        "types": {name: each.count for name, each in report.by_type.items()},
    }


def _clean_alone(server: Server, companies: int) -> dict[str, Any]:
    """Clean a separate database without other clients."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE alone")
    url = server.database("alone")
    fill(url, companies)
    return _clean(url)


def _clean(url: str) -> dict[str, Any]:
    with Database(url, limits=Limits(statement_timeout=60)) as database:
        facts = inspect(database, layout_of())
        result = Cleaning(database, facts, settings(), "bench-1", keeping=Keeping()).apply()
    assert result.outcome in ("Completed", "Capped"), (result.outcome, result.message)
    remover = result.remover_ms / 1000
    return {
        "removed": result.removed,
        "changed": result.changed,
        "seconds": round(result.duration_ms / 1000, 2),
        "removingSeconds": round(remover, 2),
        "rowsASecond": round(result.removed / max(0.001, result.delete_ms / 1000)),
        "rowsASecondWithPlanning": round(result.removed / max(0.001, remover)),
    }


def _clean_beside_writer(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Clean in a separate process like an operator's Job, while a writer is at work."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.keystore", "write", url, "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parent,
    )  # fmt: skip
    assert writer.stdout is not None
    writer.stdout.readline()  # wait until it has begun
    cleaned = _clean(url)
    out, _ = writer.communicate("\n")
    return json.loads(out), cleaned


def _write(url: str, seconds: float) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.keystore", "write", url, str(seconds)],
        capture_output=True, text=True, check=True, cwd=HERE.parent,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def write(url: str, seconds: float) -> None:
    """Rewrite random sessions, 200 a second; if `seconds` is 0, until a line of input arrives. Print latencies."""
    import select

    drawn = random.Random(1)
    times = []
    statement = (
        "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value) VALUES (%s, 'session', %s, '\"x\"')"
        " ON CONFLICT (company_id, key_type, key_id) DO UPDATE SET value = excluded.value, updated_at = now()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        print("begun", flush=True)
        end = time.monotonic() + (seconds or 1e9)
        while time.monotonic() < end:
            contact = f"24100{1000000 + drawn.randint(1, 320)}_1.0"
            begun = time.perf_counter()
            connection.execute(statement, (str(drawn.randint(1, COMPANIES)), contact))
            times.append(time.perf_counter() - begun)
            if seconds == 0:
                if select.select([sys.stdin], [], [], 0.005)[0]:
                    break
            else:
                time.sleep(0.005)
    times.sort()
    print(
        json.dumps(
            {
                "writes": len(times),
                "p50Ms": round(times[len(times) // 2] * 1000, 2),
                "p99Ms": round(times[int(len(times) * 0.99)] * 1000, 2),
                "maxMs": round(times[-1] * 1000, 1),
            }
        ),
        flush=True,
    )


def _race(server: Server, rounds: int) -> dict[str, Any]:
    """Run a dry run over 1,476 keys in turn with a plain Node.js script; return medians of whole processes."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE small")
    url = server.database("small")
    keys = fill(url, 1, 0.838)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "url")
        file.write_text(url)
        node = json.dumps(
            {"host": str(server.home), "port": server.port, "user": "postgres", "database": "small"}
        )
        contenders = {"janitor": [COMMAND, "keystore", "clean", "--url-file", str(file), "--json"]}
        if shutil.which("node") and (HERE.parent / "tests/baileys/node_modules/pg").is_dir():
            contenders["node"] = ["node", str(HERE / "naive/keys.mjs"), node]
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds + 1):
            for name, command in contenders.items():
                begun = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, env=os.environ)
                times[name].append((time.perf_counter() - begun) * 1000)
    medians = {name: round(statistics.median(each[1:]), 1) for name, each in times.items()}
    found: dict[str, Any] = {"keys": keys, "ms": medians}
    if "node" in medians:
        found["ratio"] = round(medians["janitor"] / medians["node"], 2)
    return found


def lines(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the results as rows: name, limit, measured value."""
    cleaned, writer, race = found["clean"], found["writer"], found["race"]
    alone = found["alone"]
    rows = [
        (f"report over {found['keys']:,} keys", "1,000 ms", f"{found['report']['ms']:,} ms"),
        ("of these a rule by age alone would delete", "-", f"{found['byAgeAlone']:,}"),
        ("a cleanup removes", "-", f"{cleaned['removed']:,}"),
        ("of kinds that never come back", "0", f"{found['protectedGone']:,}"),
        (
            "rows removed a second, by the statements that do it",
            "20,000",
            f"{alone['rowsASecond']:,}",
        ),
        ("the same beside a writer", "-", f"{cleaned['rowsASecond']:,}"),
        (
            "the same with look and plan, beside a writer",
            "-",
            f"{cleaned['rowsASecondWithPlanning']:,}",
        ),
        ("whole cleanup, pauses included", "-", f"{cleaned['seconds']} s"),
        ("p99 of a writer beside it, to that of one alone", "2", f"{writer['p99']}"),
        ("longest write beside it", "1,000 ms", f"{writer['beside']['maxMs']} ms"),
    ]
    if "ratio" in race:
        names = f"dry run of {race['keys']:,} keys, process to plain Node.js script"
        rows.append(
            (names, "1", f"{race['ratio']} ({race['ms']['janitor']} ms to {race['ms']['node']} ms)")
        )
    return rows


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the results."""
    table = Table(title="Keys in PostgreSQL", title_justify="left", box=None, pad_edge=False)
    for heading in ("MEASURE", "TARGET", "MEASURED"):
        table.add_column(heading, justify="left" if heading == "MEASURE" else "right")
    for row in lines(found):
        table.add_row(*row)
    console.print(table, "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", where, limit]:
            write(where, float(limit))
        case _:
            print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
