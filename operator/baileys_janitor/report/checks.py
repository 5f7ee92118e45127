"""The checklists that people go through each week and month, answered from the data.

Nothing is guessed: a question that the data cannot answer is `NotKnown`, with the data that would be needed.
"""

from __future__ import annotations

from baileys_janitor.report.collect import Facts
from baileys_janitor.report.model import (
    ATTENTION,
    CLUSTER,
    GOOD,
    NOT_KNOWN,
    Answer,
    CheckDocument,
    ChecksDocument,
    ReportDocument,
    WatchDocument,
)
from baileys_janitor.report.words import ago, day, listed, number, rate, rfc3339, several, share

_STALE_SECONDS = 50 * 3600.0
"""Seconds after which a daily cleanup would have run twice."""
NEEDS_WATCH = "That needs `baileys-janitor watch`, or the operator in a cluster."


def checks_of(report: ReportDocument, facts: Facts) -> ChecksDocument:
    """Return all checklists with their answers."""
    return {
        "success": [
            _stay_below(report, facts),
            _none_lost(report, facts),
            _remove_enough(report),
            _none_by_hand(report, facts),
            _all_monitored(report, facts),
        ],
        "weekly": [
            _warnings(report),
            _trends(report, facts),
            _automation(report, facts),
            *([_copies(report, facts)] if facts.copies_known else []),
        ],
        "monthly": [_effective(report, facts), _thresholds(report), _many_files(report, facts)],
    }


def check(id_: str, question: str, answer: Answer, text: str) -> CheckDocument:
    """Return one item of a checklist."""
    return {"id": id_, "question": question, "answer": answer, "text": text}


def _critical(report: ReportDocument) -> str:
    limits = report["thresholds"]
    return str(limits["critical"]) if limits else "the critical limit"


def _stay_below(report: ReportDocument, facts: Facts) -> CheckDocument:
    summary, limit = report["summary"], _critical(report)
    question = f"Do counts stay below {limit}?"
    levels = summary["byLevel"]
    above = levels["Critical"] + levels["Emergency"]
    unknown = levels["Unknown"]
    if above:
        return check("countsBelowCritical", question, ATTENTION, f"{_sessions(above)} not, now.")
    if facts.above_before:
        text = (
            f"All that are known are below it now. Cleanups of the last {report['days']} days found "
            f"{listed(facts.above_before)} at or above it."
        )
        return check("countsBelowCritical", question, ATTENTION, text)
    if not summary["belowCritical"]:
        return check("countsBelowCritical", question, NOT_KNOWN, "No level is known.")
    text = f"{several(summary['belowCritical'], 'session')} below it now"
    text += f"; of {number(unknown)} the level is not known." if unknown else "."
    return check("countsBelowCritical", question, NOT_KNOWN if unknown else GOOD, text)


def _none_lost(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "Was no session lost (device_removed)?"
    if facts.paired_again:
        text = f"Paired again: {listed(facts.paired_again)}. Files do not show why."
        return check("noSessionLost", question, ATTENTION, text)
    days = report["days"]
    known = f"No other account is seen in {several(facts.identities, 'session')} with a record. "
    text = (
        (known if facts.identities else "")
        + f"Files do not show a logout: look for `device_removed` or `loggedOut` of the last {days} days in the "
        "logs of the bots."
    )
    return check("noSessionLost", question, NOT_KNOWN, text)


def _remove_enough(report: ReportDocument) -> CheckDocument:
    question = "Do cleanups remove 5 files and more?"
    totals, days = report["cleanups"]["totals"], report["days"]
    if not totals["runs"]:
        waiting = report["summary"]["reclaimable"]
        if not waiting:
            text = f"No cleanup is recorded in {days} days, and none would remove anything now."
            return check("cleanupsRemoveEnough", question, GOOD, text)
        text = f"No cleanup is recorded in {days} days; {several(waiting, 'file')} could go now."
        return check("cleanupsRemoveEnough", question, ATTENTION, text)
    enough, runs = totals["fiveOrMore"], totals["runs"]
    text = (
        f"{number(enough)} of {several(runs, 'cleanup')} did ({share(enough, runs)}); "
        f"{rate(totals['removed'] / runs)} files each, on average."
    )
    return check("cleanupsRemoveEnough", question, GOOD if 2 * enough >= runs else ATTENTION, text)


def _none_by_hand(report: ReportDocument, facts: Facts) -> CheckDocument:
    days, totals = report["days"], report["cleanups"]["totals"]
    question = f"Did it work without help for {days} days?"
    acts = [
        several(count, one)
        for count, one in (
            (totals["byHand"], "act that a person asked for"),
            (totals["undone"], "undo"),
        )
        if count
    ]
    if acts:
        return check("noManualActs", question, ATTENTION, f"{' and '.join(acts)}.")
    if totals["commandLine"]:
        text = (
            f"{several(totals['commandLine'], 'cleanup')} by `baileys-janitor clean`: the record does not "
            "distinguish people from cron."
        )
        return check("noManualActs", question, NOT_KNOWN, text)
    sessions = report["summary"]["sessions"]
    if not sessions or not facts.recorded:
        text = f"No record goes back {days} days, but none of a manual act is there."
        return check("noManualActs", question, NOT_KNOWN, text)
    if facts.recorded < sessions:
        text = (
            f"No manual act is recorded; the record of {number(sessions - facts.recorded)} of "
            f"{several(sessions, 'session')} is shorter than {days} days."
        )
        return check("noManualActs", question, NOT_KNOWN, text)
    return check("noManualActs", question, GOOD, "No manual act is recorded.")


def _all_monitored(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "Is every session monitored?"
    problems, sessions = len(report["problems"]), report["summary"]["sessions"]
    if problems:
        text = f"{several(problems, 'problem')} below; {several(sessions, 'session')} could be looked at."
        return check("allMonitored", question, ATTENTION, text)
    unknown = report["summary"]["byLevel"]["Unknown"] - facts.unpaired
    if report["source"] == CLUSTER:
        if unknown > 0:
            text = f"Of {several(unknown, 'tenant')} the level is not known: see the findings."
            return check("allMonitored", question, ATTENTION, text)
        text = f"All {number(sessions)} BaileysTenants have a level or are not paired yet."
        return check("allMonitored", question, GOOD, text)
    watch = report["watch"]
    if watch is None or watch["works"] is None:
        text = f"{several(sessions, 'session')} could be looked at now. {NEEDS_WATCH}"
        return check("allMonitored", question, NOT_KNOWN, text)
    if not watch["works"]:
        return check("allMonitored", question, ATTENTION, _no_watch(watch, facts))
    if facts.unmonitored:
        text = f"The watch does not know {listed(facts.unmonitored)}."
        return check("allMonitored", question, ATTENTION, text)
    text = f"The watch looks after all {number(sessions)}."
    return check("allMonitored", question, GOOD, text)


def _no_watch(watch: WatchDocument, facts: Facts) -> str:
    return f"No watch runs. One did until {ago(watch['saved'], facts.now)}: start it again."


def _warnings(report: ReportDocument) -> CheckDocument:
    question = "Which warnings and errors are there?"
    findings, problems = report["findings"], len(report["problems"])
    if not findings and not problems:
        return check("warnings", question, GOOD, "None.")
    named = [f"{each['type']} ({number(each['count'])})" for each in findings]
    if problems:
        named.insert(0, several(problems, "problem"))
    grave = problems or any(each["severity"] > 1 for each in findings)
    return check("warnings", question, ATTENTION if grave else GOOD, f"{listed(named, 8)}.")


def _trends(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "Where do the numbers of files go?"
    summary = report["summary"]
    growth = summary["growthPerDay"]
    if growth is None:
        text = f"Two cleanups of a session show its growth; none has two yet. {NEEDS_WATCH}"
        return check("trends", question, NOT_KNOWN, text)
    text = f"{rate(growth)} files a day in {several(facts.growth_known, 'session')} with a record"
    if not facts.reaching:
        text += "; none comes to its limit within a week."
        return check("trends", question, GOOD, text)
    names = [f"{name} ({day(rfc3339(when))})" for when, name in sorted(facts.reaching)]
    text += f". Within a week, without a cleanup, these reach their limit: {listed(names)}."
    if _is_automated(report, facts):
        return check("trends", question, GOOD, f"{text} Automatic cleanups run before.")
    return check("trends", question, ATTENTION, text)


def _is_automated(report: ReportDocument, facts: Facts) -> bool:
    """Return whether cleanups run automatically: a watch or operator works, or a recent cleanup was automatic."""
    watch = report["watch"]
    if report["source"] == CLUSTER or (watch is not None and watch["works"]):
        return True
    latest = facts.latest_automatic
    return latest is not None and facts.now - latest <= _STALE_SECONDS


def _automation(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "Does all automation run?"
    latest = facts.latest_automatic
    found = {each["type"] for each in report["findings"]}
    held = sorted(found & {"CleanupsHeld", "RequestWaiting", "Suspended"})
    if held:
        return check("automation", question, ATTENTION, f"{listed(held)}: see the findings.")
    if report["source"] == CLUSTER:
        unknown = report["summary"]["byLevel"]["Unknown"] - facts.unpaired
        if unknown > 0:
            text = f"Of {several(unknown, 'tenant')} no recent scan is known."
            return check("automation", question, ATTENTION, text)
        last = ago(rfc3339(latest), facts.now) if latest else "none yet"
        text = f"Scans are current; last automatic cleanup: {last}."
        return check("automation", question, GOOD, text)
    watch = report["watch"]
    if watch is not None and watch["works"] is False:
        return check("automation", question, ATTENTION, _no_watch(watch, facts))
    if watch is not None and watch["works"]:
        last = ago(rfc3339(latest), facts.now) if latest else "none is recorded"
        text = f"The watch works; last automatic cleanup: {last}."
        return check("automation", question, GOOD, text)
    if latest is None:
        lines = report["cleanups"]["totals"]["commandLine"]
        text = "No automatic cleanup is recorded. "
        text += f"{several(lines, 'cleanup')} came from the command line. " if lines else ""
        return check("automation", question, NOT_KNOWN, text + NEEDS_WATCH)
    last = ago(rfc3339(latest), facts.now)
    text = f"The last automatic cleanup ran {last}."
    if facts.now - latest > _STALE_SECONDS and report["summary"]["reclaimable"]:
        text += f" {several(report['summary']['reclaimable'], 'file')} could go since."
        return check("automation", question, ATTENTION, text)
    return check("automation", question, GOOD, text)


def _copies(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "Is a copy of each creds.json kept?"
    if facts.without_copies:
        way_out = (
            "`baileys-janitor keep` makes one, without stopping anything."
            if report["source"] == "Directories"
            else "status.credentialsCopies says why."
        )
        text = f"Not of {listed(facts.without_copies)}: {way_out}"
        return check("copies", question, ATTENTION, text)
    copies = report["summary"]["withCopies"] or 0
    text = f"Of all that are paired: {several(copies, 'session')}." if copies else "None is paired."
    return check("copies", question, GOOD, text)


def _effective(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "How effective were the cleanups?"
    totals = report["cleanups"]["totals"]
    if not totals["runs"]:
        return check("effective", question, NOT_KNOWN, "None is recorded in the period.")
    text = f"{several(totals['runs'], 'cleanup')} removed {several(totals['removed'], 'file')}."
    if facts.above_after:
        text += (
            f" After two in a row still at or above {_critical(report)}: {listed(facts.above_after)}. "
            "That is a sign that pairing anew would help, or higher limits."
        )
    if totals["failed"]:
        text += f" {several(totals['failed'], 'cleanup')} failed or was refused."
    bad = facts.above_after or totals["failed"]
    return check("effective", question, ATTENTION if bad else GOOD, text)


def _thresholds(report: ReportDocument) -> CheckDocument:
    question = "Do the thresholds fit?"
    for each in report["findings"]:
        if each["type"] == "ThresholdUnreachable":
            text = (
                f"Not for {listed(each['sessions'], 5, each['count'])}: what is in use alone reaches the trigger. "
                "The findings name limits that fit."
            )
            return check("thresholds", question, ATTENTION, text)
    if not report["summary"]["belowCritical"]:
        return check("thresholds", question, NOT_KNOWN, "No level is known.")
    return check(
        "thresholds", question, GOOD, "Nothing that is in use keeps a known session above them."
    )


def _many_files(report: ReportDocument, facts: Facts) -> CheckDocument:
    question = "Which sessions have many files?"
    if not facts.fullest:
        return check("manyFiles", question, GOOD, "None has any.")
    parts = [f"Most counted: {_named(facts.fullest)}."]
    if facts.many_mappings:
        parts.append(f"LID mappings: {_named(facts.many_mappings)}.")
    if facts.many_pre_keys:
        parts.append(f"Pre-keys: {_named(facts.many_pre_keys)}.")
    above = report["summary"]["byLevel"]["Critical"] + report["summary"]["byLevel"]["Emergency"]
    return check("manyFiles", question, ATTENTION if above else GOOD, " ".join(parts))


def _named(heap: list[tuple[int, str]]) -> str:
    return listed([f"{name} ({number(count)})" for count, name in sorted(heap, reverse=True)])


def _sessions(count: int) -> str:
    return f"{several(count, 'session')} {'does' if count == 1 else 'do'}"
