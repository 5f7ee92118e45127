"""The recovery checklist of a session that was lost, filled in from the data."""

from __future__ import annotations

from collections.abc import Sequence

from baileys_janitor.report.checks import NEEDS_WATCH, check
from baileys_janitor.report.model import (
    ATTENTION,
    GOOD,
    NO_CLEANUPS,
    NOT_KNOWN,
    CheckDocument,
    IncidentDocument,
    MomentDocument,
    RunDocument,
    SessionDocument,
    SourceKind,
    ThresholdsDocument,
)
from baileys_janitor.report.words import moment, number, seconds_of, several, span

_AUTOMATIC = frozenset({"Trigger", "Emergency"})
_TIMELINE_MOST = 20


def incident_of(
    session: SessionDocument,
    runs: Sequence[RunDocument],
    thresholds: ThresholdsDocument | None,
    source: SourceKind,
    now: float,
) -> IncidentDocument:
    """Return the checklist for one session; `runs` are newest first."""
    limits = thresholds
    return {
        "name": session["name"],
        "steps": _steps(session),
        "checks": [
            _credentials(session),
            _last_cleanup(session, runs, now),
            _counts_before(session, runs, limits),
            _errors(session),
            _trigger(runs, limits),
            _schedules(runs, source, now),
            _thresholds(session),
        ],
        "timeline": _timeline(session, runs),
    }


def _steps(session: SessionDocument) -> list[str]:
    copies = session["credentialsCopies"]
    broken = session["identity"] in {"Corrupt", "Absent"}
    steps = []
    if broken:
        steps.append(
            "Do not stop the process that uses the session: it may hold the only good copy of its credentials. Make "
            "it save them first."
        )
    steps.append("Find out in the bot's log what ended the session: its reason and its time.")
    if not broken:
        steps.append("Stop the process that uses this session.")
    steps.append("Copy the whole directory somewhere safe, with times: `cp -a`.")
    if broken and copies is not None and copies["count"]:
        steps.append(
            f"{several(copies['count'], 'kept copy', 'kept copies')} of creds.json can be put back, the newest of "
            f"{moment(copies['newest'])}: `baileys-janitor restore --list` shows them. Try that before pairing again."
        )
    clear = "clear the directory" if broken else "rotate it (`baileys-janitor rotate`)"
    steps.append(
        f"Only where WhatsApp has ended the session (logged out, `device_removed`): {clear}, start the process and "
        "pair again."
    )
    steps.append("Go through the checklist below, and note what you find.")
    return steps


def _credentials(session: SessionDocument) -> CheckDocument:
    question = "Are the credentials whole?"
    state = session["identity"]
    if state == "Paired":
        return check("credentials", question, GOOD, "creds.json is that of a paired account.")
    if state is None:
        return check("credentials", question, NOT_KNOWN, "They were not looked at.")
    words = {
        "Corrupt": "creds.json does not parse.",
        "Absent": "There is no creds.json.",
        "TooLarge": "creds.json is larger than 1 MiB, so it was not read.",
        "Unpaired": "creds.json is of no paired account: logged out, or not paired yet.",
    }
    return check("credentials", question, ATTENTION, words.get(state, f"creds.json is {state}."))


def _last_cleanup(
    session: SessionDocument, runs: Sequence[RunDocument], now: float
) -> CheckDocument:
    question = "When was the last cleanup?"
    runs = [run for run in runs if run["reason"] not in NO_CLEANUPS]
    last = runs[0]["time"] if runs else session["lastCleanup"]
    when = seconds_of(last)
    if when is None:
        return check("lastCleanup", question, NOT_KNOWN, "None is recorded.")
    text = f"{moment(last)}, {span(max(0.0, now - when))} ago"
    if runs:
        run = runs[0]
        text += f": {run['reason']}, {run['outcome']}, {several(run['removed'], 'file')} removed"
        text += ", put back since" if run["undone"] else ""
    return check("lastCleanup", question, GOOD, f"{text}.")


def _counts_before(
    session: SessionDocument, runs: Sequence[RunDocument], limits: ThresholdsDocument | None
) -> CheckDocument:
    question = "How many files were there before?"
    cleanups = [run for run in runs if run["reason"] not in NO_CLEANUPS]
    known = [run for run in cleanups if run["before"] is not None][:3]
    now = session["counted"]
    parts = [f"Now {number(now)} counted" if now is not None else "The count now is not known"]
    parts += [f"{number(run['before'] or 0)} before {moment(run['time'])}" for run in known]
    if not known:
        text = f"{parts[0]}. Counts from before are recorded by cleanups only, and none is there."
        return check("countsBefore", question, NOT_KNOWN, text)
    high = limits is not None and any((run["before"] or 0) >= limits["emergency"] for run in known)
    text = f"{'; '.join(parts)}."
    if high and limits is not None:
        text += f" The limit is {limits['emergency']}."
    return check("countsBefore", question, ATTENTION if high else GOOD, text)


def _errors(session: SessionDocument) -> CheckDocument:
    question = "What do the logs say?"
    last = session["lastActivity"]
    around = f" around {moment(last)}, its last traffic" if last else ""
    text = (
        f"The janitor reads no logs. Look in the bot's log{around}, for `device_removed`, `loggedOut`, `Bad MAC`, "
        "`conflict` and errors of the disk."
    )
    found = [each["type"] for each in session["findings"] if each["severity"] > 1]
    if found:
        return check("errors", question, ATTENTION, f"Found now: {', '.join(found)}. {text}")
    return check("errors", question, NOT_KNOWN, text)


def _trigger(runs: Sequence[RunDocument], limits: ThresholdsDocument | None) -> CheckDocument:
    question = "Did the trigger work?"
    fired = [run for run in runs if run["reason"] in _AUTOMATIC]
    if fired:
        run = fired[0]
        text = (
            f"Yes: {run['reason']} at {moment(run['time'])}, "
            f"{several(run['removed'], 'file')} removed."
        )
        return check("trigger", question, GOOD, text)
    if limits is None:
        return check("trigger", question, NOT_KNOWN, "No Trigger or Emergency cleanup is recorded.")
    missed = [run for run in runs if (run["before"] or 0) >= limits["trigger"]]
    if missed:
        text = (
            f"No Trigger or Emergency cleanup is recorded, although {several(len(missed), 'cleanup')} found "
            f"{limits['trigger']} files or more."
        )
        return check("trigger", question, ATTENTION, text)
    text = (
        f"No Trigger or Emergency cleanup is recorded, nor a count of {limits['trigger']} or more."
    )
    return check("trigger", question, NOT_KNOWN, text)


def _schedules(runs: Sequence[RunDocument], source: SourceKind, now: float) -> CheckDocument:
    question = "Did the schedules run?"
    daily = [run for run in runs if run["reason"] == "Daily"]
    if daily:
        when = seconds_of(daily[0]["time"])
        late = when is not None and now - when > 2.5 * 86_400
        text = f"The last Daily cleanup is of {moment(daily[0]['time'])}."
        text += " One that finds nothing to remove leaves no record." if late else ""
        return check("schedules", question, NOT_KNOWN if late else GOOD, text)
    lines = sum(run["reason"] == "CommandLine" for run in runs)
    text = "No Daily cleanup is recorded. "
    if lines:
        text += f"{several(lines, 'cleanup')} came from the command line (a person or cron). "
    text += "" if source == "Cluster" else NEEDS_WATCH
    return check("schedules", question, NOT_KNOWN, text.strip())


def _thresholds(session: SessionDocument) -> CheckDocument:
    question = "Should the thresholds change?"
    for each in session["findings"]:
        if each["type"] == "ThresholdUnreachable":
            return check("thresholds", question, ATTENTION, f"Yes: {each['message']}")
    counted, limit = session["counted"], session["limit"]
    if counted is None or limit is None:
        return check("thresholds", question, NOT_KNOWN, "The count is not known.")
    text = f"{number(counted)} counted, the limit is {number(limit)}"
    if counted >= limit:
        could = session["reclaimable"] or 0
        text += f"; a cleanup would remove {several(could, 'file')} now, higher limits none."
        return check("thresholds", question, ATTENTION if could else NOT_KNOWN, text)
    return check("thresholds", question, GOOD, f"The files give no reason: {text}.")


def run_kind(reason: str) -> str:
    """Return the name of a run with this reason."""
    return reason if reason in NO_CLEANUPS else f"{reason} cleanup"


def _timeline(session: SessionDocument, runs: Sequence[RunDocument]) -> list[MomentDocument]:
    moments: list[MomentDocument] = []
    for run in runs[:_TIMELINE_MOST]:
        if run["time"] is None:
            continue
        counts = ""
        if run["before"] is not None and run["after"] is not None:
            counts = f", {number(run['before'])} to {number(run['after'])} counted"
        undone = ", put back later" if run["undone"] else ""
        what = run_kind(run["reason"])
        text = (
            f"{what}: {run['outcome']}, {several(run['removed'], 'file')} removed{counts}{undone}"
        )
        moments.append({"time": run["time"], "text": text})
    copies = session["credentialsCopies"]
    seen = [
        (session["lastActivity"], "Last traffic: a session or sender key was written"),
        (session["lastLook"], "Looked at"),
        (copies["newest"] if copies else None, "Newest kept copy of creds.json"),
    ]
    moments += [{"time": time, "text": text} for time, text in seen if time is not None]
    return sorted(moments, key=lambda one: one["time"], reverse=True)
