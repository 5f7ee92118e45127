"""The plan of a cleanup of one directory as a document: for a dry run, and for the start of a real run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from baileys_janitor.cli.scanning import credentials
from baileys_janitor.cli.scanning.directory import directory_document, outlook_of
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.json_output import CleanDocument, DirectoryDocument, FileDocument
from baileys_janitor.cli.terminal.masking import masked, printable
from baileys_janitor.policy import advice, reasons
from baileys_janitor.policy.cleanup.plan import Plan, make_plan
from baileys_janitor.policy.files.file_kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.scanning.look import Look
    from baileys_janitor.policy.cleanup.plan import Removal
    from baileys_janitor.policy.settings import Settings

_REASONS_NAMED_AT_MOST = 4


def plan_for(look: Look, settings: Settings, *, emergency: bool) -> Plan:
    """Return the plan for a scanned directory; refused beyond 200,000 files."""
    if look.entries is None:
        plan = Plan(outlook_of(look, settings).counted)
        plan.refused = reasons.TOO_MANY_FILES
        return plan
    return make_plan(look.entries, look.identity, settings, look.now, look.ages, emergency)


def planned_document(
    target: Target, look: Look, plan: Plan, settings: Settings, *, emergency: bool
) -> CleanDocument:
    """Return the document of a dry run."""
    removals = plan.removals
    found = directory_document(target, look, settings)
    return {
        **found,  # type: ignore[typeddict-item]  # `files` is optional, which mypy misses here
        "outcome": _outcome(plan),
        "applied": False,
        "run": None,
        "removed": len(removals),
        "removedByKind": by_kind(removal.entry.kind for removal in removals),
        "kept": look.census.total - len(removals),
        "left": plan.left,
        "reasons": {"removed": by_reason(removals), "kept": ordered(plan.kept)},
        "before": plan.before,
        "after": plan.after,
        "freedBytes": sum(removal.entry.size for removal in removals),
        "inTrash": 0,
        "purgedEarly": 0,
        "returned": 0,
        "duration": 0.0,
        "code": plan.refused,
        "message": _message(found, look, plan, settings, emergency=emergency),
    }


def file_documents(removals: Iterable[Removal], *, show_names: bool) -> list[FileDocument]:
    """Return the files of a plan, oldest unit first; masked unless `show_names`."""
    name = printable if show_names else masked
    return [
        {
            "name": name(removal.entry.name),
            "kind": removal.entry.kind,
            "reason": removal.reason,
            "lastWritten": rfc3339(removal.entry.mtime_ns // 10**9),
        }
        for removal in removals
    ]


def by_kind(kinds: Iterable[str]) -> dict[str, int]:
    """Return the number of files of each kind, zeros included."""
    numbers = Counter(kinds)
    return {kind: numbers[kind] for kind in KINDS}


def by_reason(removals: Iterable[Removal]) -> dict[str, int]:
    return ordered(Counter(removal.reason for removal in removals))


def ordered(numbers: dict[str, int]) -> dict[str, int]:
    """Sort numbers by kind, the largest first."""
    return dict(sorted(numbers.items(), key=lambda each: (-each[1], each[0])))


def _outcome(plan: Plan) -> str:
    if plan.refused is not None:
        return "Refused"
    return "DryRun" if plan.removals else "NothingToDo"


def why_refused(code: str, found: DirectoryDocument) -> str:
    """Return the reason why nothing is removed from a directory; for broken credentials the message of `scan`."""
    return credentials.sentence_of(found, code) or reasons.explain(code)


def _message(
    found: DirectoryDocument, look: Look, plan: Plan, settings: Settings, *, emergency: bool
) -> str | None:
    if plan.refused is not None:
        return why_refused(plan.refused, found)
    if emergency and plan.after >= settings.thresholds.critical and not plan.left:
        return _what_keeps_the_count_up(look, plan, settings)
    if plan.left:
        most = settings.max_removals
        return (
            f"{plan.left} more would go, but one run removes no more than --max-removals-files"
            f" ({most.files}) and --max-removals-percent ({most.percent:g}) allow: run it again, or raise"
            " the one that was reached."
        )
    return None


def _what_keeps_the_count_up(look: Look, plan: Plan, settings: Settings) -> str:
    named = ", ".join(
        f"{number} {code}"
        for code, number in list(ordered(plan.kept).items())[:_REASONS_NAMED_AT_MOST]
    )
    unreachable = advice.threshold_unreachable(outlook_of(look, settings), settings)
    way_out = f" {unreachable.message}" if unreachable is not None else ""
    gain = plan.before - plan.after
    start = f"An emergency lowers the count by {gain}" if gain else "An emergency gains nothing"
    return (
        f"{start}: {plan.after} stay counted, critical is {settings.thresholds.critical}. "
        f"What stays: {named}.{way_out}"
    )
