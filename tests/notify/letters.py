"""Every message as people get it, kept in `golden/`: `python -m tests.notify.letters` writes it anew, for review."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import cleanups, document, key_stores, render, summary
from baileys_janitor.notify.channels import sentry
from baileys_janitor.notify.cleanups import Done
from baileys_janitor.notify.delivery_state import BETTER, ENDED, LASTING, NEW, PASSED, WORSE
from baileys_janitor.notify.document import rfc3339
from baileys_janitor.notify.incidents import DIRECTORY, KEY_STORE, Place
from baileys_janitor.notify.key_stores import AGES
from baileys_janitor.notify.words import DAY
from baileys_janitor.policy.reasons import SAVE_CREDENTIALS
from tests.notify.messages import READER, change, incidents, resolved, status, storm
from tests.notify.world import HOUR, MINUTE, NOW

Object = dict[str, Any]
Letters = Iterator[tuple[str, Object]]

PLACE = Path(__file__).parent / "golden"
FLEET = Place()
STORE = Place("shop", "main", "main", kind=KEY_STORE)
NAMES = ("main", "other")

SAID = {
    "TenantWarning": "155 files are counted; Warning begins at 150, Critical at 170. 12 can be removed now.",
    "TenantCritical": "172 files are counted; Critical begins at 170, Emergency at 180. 12 can be removed now.",
    "TenantEmergency": "190 files are counted; Emergency begins at 180. 12 can be removed now. An emergency "
    "cleanup would lower the count by 25.",
    "ThresholdUnreachable": "181 of 190 counted files are in use or protected, so no cleanup gets below the trigger "
    "of 175; limits that fit: warning 200, critical 220, trigger 225, emergency 230, danger "
    "250.",
    "CredentialsCorrupt": "creds.json could not be read in 3 looks over 120 s and was not written meanwhile. "
    f"Nothing is removed. {SAVE_CREDENTIALS}",
    "CredentialsMissing": "There is no creds.json beside the session files, so nothing is removed. "
    f"{SAVE_CREDENTIALS}",
    "DiskPressure": "Only 40 MiB are free on the volume; a full disk truncates creds.json, and a tenant "
    "that restarts then must pair again. Enlarge the volume or make room.",
    "ScanStale": 'The PersistentVolumeClaim "acme" is not bound to a volume yet: see `kubectl describe pvc'
    " acme` in this namespace.",
    "SessionInactive": "No message was sent or received for 9 days: the tenant's process may be stopped or "
    "unlinked, and its files are left as they are.",
    "IdentityChanged": "The session was paired again: its identity changed from 3f9a to 81bc (one-way "
    "fingerprints). Older cleanups can no longer be undone.",
    "KeyStoreStalled": "The database does not answer at this address: check host and port, and that a network policy "
    "lets the Job through. The janitor tries again by itself.",
    "KeyStoreCleanupFailing": "",
    "BackupFailing": "moscow: The store cannot be reached: check host and port of its endpoint. The last backup holds "
    "the session as of 2026-11-18T06:00:00Z.",
    "BackupOverdue": "moscow: The last backup holds the session as of 2026-11-18T06:00:00Z. It should be made anew by "
    "now: see whether the janitor runs.",
    "DrillFailed": "moscow: The archive is damaged or cut off: what it holds does not match its checksums, so nothing "
    "of it is used. The last drill that passed was at 2026-11-01T04:10:00Z.",
    "DrillOverdue": "moscow: The last drill that passed was at 2026-09-01T04:10:00Z. The next one is overdue.",
    "CircuitBreakerOpen": "Many cleanups removed abnormally much in a short time, so automatic ones are held until "
    "2026-11-18T17:06:40Z; requested ones run.",
}
"""What the operator says in its conditions."""
OF_BACKUPS = {
    "BackupFailing": "BackedUp",
    "BackupOverdue": "BackedUp",
    "DrillFailed": "Restorable",
    "DrillOverdue": "Restorable",
}
REASONS = {"BackupFailing": "Unreachable", "BackupOverdue": "Overdue"}


def troubled(reason: str, **more: Any) -> Object:
    """The status of a tenant of whom this is told."""
    if reason.startswith("KeyStore"):
        return of_store(reason)
    level = reason.removeprefix("Tenant") if reason.startswith("Tenant") else "Healthy"
    level = "Emergency" if reason == "ThresholdUnreachable" else level
    known = status(level, {"Warning": 155, "Critical": 172, "Emergency": 190}.get(level, 110))
    kind = {"ScanStale": "Ready", **OF_BACKUPS}.get(reason, reason.removeprefix("Tenant"))
    holds = "False" if kind in {"Ready", *OF_BACKUPS.values()} else "True"
    why = "ClaimUnbound" if kind == "Ready" else REASONS.get(reason, reason)
    known["conditions"] = [
        {"type": kind, "status": holds, "reason": why, "message": SAID.get(reason, "")}
    ]
    failed = "Failed (MemberIo): removed 0 files."
    return known | {"lastCleanup": {"time": "2026-11-18T10:40:00Z", "message": failed}} | more


def of_store(reason: str) -> Object:
    """The status of a key store of which this is told."""
    failed = "Failed (Unreachable): removed 0 keys of 0 sessions."
    ready = {"type": "Ready", "status": "False", "reason": "Unreachable", "message": SAID[reason]}
    return {
        "keys": {
            "total": 340_800,
            "expired": 19,
            "bytes": 61_440_000,
            "ages": dict.fromkeys(AGES, 68_160),
        },
        "sessions": {"count": 200},
        "conditions": [ready],
        "lastRun": {"time": "2026-11-18T10:40:00Z", "message": failed},
    }


def place(reason: str) -> Object:
    """The fleet, where it is told of the fleet, and a key store where it is told of one."""
    if reason == "CircuitBreakerOpen":
        return {"place": FLEET}
    return {"place": STORE} if reason.startswith("KeyStore") else {}


def about(reason: str, what: str = NEW, *, known: Object | None = None, **more: Any) -> Object:
    """A message about one tenant."""
    known = {} if known is None else known
    statuses = {name: troubled(reason) | known for name in ("acme", STORE.name)}
    told = document.incidents(
        "all/chat",
        [change(reason=reason, what=what, **(place(reason) | more))],
        lambda asked: troubled(reason) if asked.fleet else statuses.get(asked.name),
        READER,
        NOW,
    )
    return render.finished(told, READER)


def new() -> Letters:
    """What begins, of one tenant."""
    for reason in INCIDENT_KINDS:
        yield reason, about(reason)


def several() -> Letters:
    """What begins, of several tenants."""
    for reason in INCIDENT_KINDS:
        if reason != "CircuitBreakerOpen":
            both = [change(name, reason) for name in ("acme", "beta")]
            if reason.startswith("KeyStore"):
                both = [
                    replace(c, place=replace(STORE, name=n, company=n))
                    for c, n in zip(both, NAMES, strict=True)
                ]
            yield (
                reason,
                incidents(*both, **dict.fromkeys((*NAMES, "acme", "beta"), troubled(reason))),
            )
    yield "a thousand", storm(1000)


def healthy(asked: Place) -> Object | None:
    """What is known when it is over."""
    return None if asked.fleet else status("Healthy", 110)


def over() -> Letters:
    """What ends."""
    for reason, kind in INCIDENT_KINDS.items():
        if kind.ends:
            ended = {"since": NOW - HOUR, "ended": NOW - 11 * MINUTE, **place(reason)}
            ends = change(reason=reason, what=ENDED, **ended)
            told = document.incidents("all/chat", [ends], healthy, READER, NOW)
            yield reason, render.finished(told, READER)
    passed = change(what=PASSED, since=NOW - HOUR, ended=NOW - 20 * MINUTE)
    yield "ended before it could be reported", incidents(passed, acme=status("Healthy", 110))
    several = (change(n, what=ENDED, ended=NOW - 11 * MINUTE) for n in ("acme", "beta"))
    yield "of several", incidents(*several, acme=status("Healthy", 110), beta=status("Healthy", 99))


def turns() -> Letters:
    """How it goes on, and what there is to say besides."""
    warning = INCIDENT_KINDS["TenantWarning"]
    lasting = {"since": NOW - 5 * HOUR, "told_at": NOW - 4 * HOUR}
    yield "worse", about("TenantEmergency", WORSE, was=warning)
    yield "lasting", about("TenantEmergency", LASTING, **lasting)
    yield "better", about("TenantWarning", BETTER, was=INCIDENT_KINDS["TenantEmergency"])
    yield "comes and goes", about("TenantEmergency", times=4)
    upcoming = {"nextCleanupTime": "2026-11-18T11:30:00Z"}
    yield "with a cleanup to come", about("TenantCritical", known=upcoming)
    yield "with a cleanup under way", about("TenantEmergency", known={"run": {"reason": "Trigger"}})
    cooled = {"emergencyCooldownUntil": "2026-11-18T22:40:00Z"}
    yield "after a cleanup that did not suffice", about("TenantEmergency", known=cooled)
    for reason in ("Suspended", "DryRun", "Observe", "CleanupsHeld"):
        held = troubled("TenantEmergency")["conditions"]
        held = [*held, {"type": "Ready", "status": "True", "reason": reason}]
        yield reason, about("TenantEmergency", known={"conditions": held})
    vain = (
        "190 files are counted. An emergency cleanup would gain nothing: there are 178 protected."
    )
    said = [{"type": "Emergency", "status": "True", "message": vain}]
    yield "in vain", about("TenantEmergency", known={"conditions": said})
    mixed = (
        change(),
        change("beta", "TenantWarning", WORSE),
        change("coma", "ScanStale"),
        change("dora", what=ENDED, ended=NOW - 11 * MINUTE),
    )
    known = {"acme": troubled("TenantEmergency"), "beta": troubled("TenantWarning")}
    known |= {"coma": troubled("ScanStale"), "dora": status("Healthy", 99)}
    yield "of all sorts", incidents(*mixed, **known)


def done(
    name: str = "acme", removed: int = 38, outcome: str = "Completed", ago: float = 60
) -> Done:
    """A cleanup that is over."""
    entry = {
        "run": f"{name}-{ago}",
        "time": rfc3339(NOW - ago),
        "reason": "Emergency" if ago < HOUR else "Daily",
        "outcome": outcome,
        "removed": removed,
        "before": removed + 152,
        "after": 152,
        "freedBytes": 1300 * removed,
    }
    found = Done.of(Place("shop", name, f"c-{name}"), entry)
    assert found is not None
    return found


def cleaned() -> Letters:
    """Cleanups."""
    some = [done(f"tenant-{n}", 10 + n, ago=60 * n) for n in range(1, 9)]
    failed = done("beta", 0, "Failed")
    for name, told in (
        ("one", [done()]),
        ("failed", [failed]),
        ("refused", [done(removed=0, outcome="Refused")]),
        ("a dry run", [done(outcome="DryRun")]),
        ("killed", [done(outcome="Killed")]),
        ("many", [*some, failed]),
        ("several failed", [failed, done("delta", 0, "Failed"), *some]),
        ("too large", [done(removed=1204), *some]),
        ("several too large", [done(removed=1204), done("beta", 2400), *some]),
    ):
        message = cleanups.message("all/chat", told, 1000, READER, NOW)
        yield name, render.finished(message, READER)


def store_run(outcome: str = "Completed", removed: int = 19, **more: Any) -> Object:
    """The status of a key store after a cleanup."""
    last = {
        "run": f"r-{outcome}-{removed}",
        "time": rfc3339(NOW - 60),
        "reason": "Daily",
        "outcome": outcome,
        "removed": removed,
        "before": 1476,
        "after": 1476 - removed,
        "byType": {"session": removed - 7, "senderKey": 5, "senderKeyMemory": 2},
        "sessions": 31,
        "rowBytes": 12_288,
        "returnedBytes": 0,
        "duration": "148ms",
    }
    counts = zip(AGES, (310, 402, 251, 240, 254), strict=True)
    keys = {
        "total": 1457,
        "ages": dict(counts),
        "oldest": rfc3339(NOW - 400 * DAY),
        "newest": rfc3339(NOW - 90),
    }
    table = {"bytes": 1_310_720, "indexBytes": 524_288, "totalBytes": 1_835_008}
    return {"lastRun": last | more, "keys": keys, "table": table}


def stores() -> Letters:
    """Reports of key stores."""
    large = {"warnings": ["1204 keys at once, more than spec.warnAbove (1000)."]}
    refused = {"message": "Refused (Replica): removed 0 keys of 0 sessions."}
    for name, known in (
        ("one", store_run()),
        ("a dry run", store_run("DryRun", after=None)),
        ("too large", store_run(removed=1204, **large)),
        ("refused", store_run("Refused", 0, byType={}, rowBytes=0, **refused)),
        (
            "failed",
            store_run(
                "Failed", 0, byType={}, rowBytes=0, message="Failed (TimedOut): removed 0 keys."
            ),
        ),
    ):
        done = Done.of(STORE, known["lastRun"])
        assert done is not None
        yield (
            name,
            render.finished(key_stores.message("all/chat", done, known, READER, NOW), READER),
        )


def daily() -> Letters:
    """Daily summaries."""
    whole = summary.Day(NOW - DAY)
    for number in range(12):
        level = "Emergency" if number == 11 else "Warning" if number > 8 else "Healthy"
        history = [
            {
                "time": rfc3339(NOW - HOUR),
                "outcome": "Completed",
                "removed": 10,
                "freedBytes": 20_480,
            }
        ]
        known = status(level, 70 + 10 * number, history=history, growthPerDay=number / 2)
        spot = Place("shop", f"tenant-{number:02}", f"c-{number}")
        whole.add(spot, known, history, [10, 20, 30, 5, 0])
    beside = summary.Day(NOW - DAY)
    beside.add(Place("shop", "acme", "c-acme"), status("Healthy", 70), [])
    run = store_run()
    beside.add_store(STORE, run, [run["lastRun"]])
    beside.add_store(replace(STORE, name="other"), of_store("KeyStoreStalled"), [])
    archived = summary.Day(NOW - DAY)
    for number in range(3):
        archived.add(Place("web1", f"session-{number}", kind=DIRECTORY), backed_up(number), [])
    for name, day in (
        ("backups", archived),
        ("twelve tenants", whole),
        ("no tenants", summary.Day(NOW - DAY)),
        ("two key stores", beside),
    ):
        yield name, render.finished(summary.message("all/chat", day, NOW, READER, NOW), READER)


def backed_up(number: int) -> Object:
    """The status of a session with backups; of the third one the last backup failed."""
    repositories = [
        {
            "name": name,
            "time": rfc3339(NOW - HOUR),
            "archiveTime": rfc3339(NOW - (number + 1) * 10 * HOUR),
            "archives": 60,
            "oldestTime": "2026-01-31T10:00:00Z",
            "files": 906,
            "bytes": 89_000,
        }
        for name in ("moscow", "eu")
    ]
    holds = "False" if number == 2 else "True"
    conditions = [
        {
            "type": "BackedUp",
            "status": holds,
            "reason": "UpToDate" if holds == "True" else "Failing",
        },
        {"type": "Restorable", "status": "True", "reason": "DrillPassed"},
    ]
    return status("Healthy", 70) | {
        "backup": {"repositories": repositories},
        "conditions": conditions,
    }


def channels() -> Iterator[tuple[str, str]]:
    """The same messages as each channel has them."""
    for name, message in (("an emergency", about("TenantEmergency")), ("its end", resolved())):
        yield f"{name}, webhook", json.dumps(message, indent=2)
        yield f"{name}, Telegram", render.html(message, READER)
        events = list(sentry.events(message, READER))
        yield f"{name}, Sentry", json.dumps(events, indent=2)
    yield "a claim that is not bound, Telegram", render.html(about("ScanStale"), READER)
    yield (
        "several large removals, Telegram",
        render.html(dict(cleaned())["several too large"], READER),
    )
    large = dict(cleaned())["too large"]
    yield "a large removal, webhook", json.dumps(large, indent=2)
    yield "a large removal, Telegram", render.html(large, READER)
    yield "a summary, webhook", json.dumps(dict(daily())["twelve tenants"], indent=2)
    report = dict(stores())["too large"]
    yield "a key store, webhook", json.dumps(report, indent=2)
    yield "a key store, Telegram", render.html(report, READER)
    yield "a key store, Sentry", json.dumps(list(sentry.events(report, READER)), indent=2)


def pages() -> Iterator[tuple[str, str]]:
    """Yield every page by its name."""
    letters = {
        "new": new,
        "several": several,
        "over": over,
        "turns": turns,
        "cleanups": cleaned,
        "key_stores": stores,
        "summary": daily,
    }
    for name, found in letters.items():
        yield name, _page((title, message["text"]) for title, message in found())
    yield "channels", _page(channels())


def _page(found: Iterator[tuple[str, str]]) -> str:
    return "".join(f"----- {title}\n{body}\n\n" for title, body in found)


if __name__ == "__main__":
    for page, written in pages():
        (PLACE / f"{page}.txt").write_text(written, encoding="utf-8")
