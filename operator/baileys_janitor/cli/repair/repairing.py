"""One repair from the command line: plan, action and second look, as documents without phone numbers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.cleanup.applying import sentence_of
from baileys_janitor.cli.cleanup.planning import file_documents, ordered
from baileys_janitor.cli.scanning import credentials
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.masking import masked_digits
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.guards import identity_problem
from baileys_janitor.policy.contact import codes
from baileys_janitor.policy.contact.find import contacts_of
from baileys_janitor.policy.contact.hashes import contact_hash
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.contacts.contact_files import all_mappings
from baileys_janitor.volume.contacts.contact_key import contact_key, read_contact_key
from baileys_janitor.volume.contacts.repair import Repairing
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.runs.move_to_trash import EXPLANATIONS
from baileys_janitor.volume.scanning.credentials import settled_identity
from baileys_janitor.volume.scanning.look_again import came_back

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.terminal.json_output import (
        AdviceDocument,
        ContactDocument,
        ContactsDocument,
        RepairDocument,
        RepairedContactDocument,
    )
    from baileys_janitor.cli.terminal.signals import Interrupt
    from baileys_janitor.policy.contact.find import Known
    from baileys_janitor.policy.contact.plan import RepairPlan
    from baileys_janitor.policy.contact.request import Request
    from baileys_janitor.policy.contact.users import Contact
    from baileys_janitor.volume.report.run_results import CleanResult

WRITTEN_RECENTLY_SECONDS: Final = 60.0


class Repair:
    """A repair of one directory, step by step. Each step raises a Problem if the volume fails."""

    def __init__(self, target: Target, request: Request, run: str, interrupt: Interrupt) -> None:
        self.target = target
        self.request = request
        self.run = run
        self.interrupt = interrupt
        self.hash: str | None = None
        self.plan: RepairPlan | None = None

    def dry_run(self) -> RepairDocument:
        """Return the files that would move. Writes nothing."""
        with opened(self.target) as directory:
            repairing = self._repairing(directory)
            result = repairing.dry_run()
            self.plan = repairing.plan
            self.hash = self._hash(directory)
        return self._document(result)

    def apply(self) -> RepairDocument:
        """Move the files and return the outcome."""
        with opened(self.target) as directory:
            repairing = self._repairing(directory)
            result = repairing.apply()
            self.plan = repairing.plan or self.plan
        return self._document(result)

    def look_again(self, document: RepairDocument) -> None:
        """Add to the document the files that exist again under the moved names."""
        if self.plan is None:
            return
        with opened(self.target) as directory:
            found = came_back(directory, self.run, self.plan.identity.owns)
        document["lookedAgain"] = {"old": found.old, "anew": found.anew}

    def _repairing(self, directory: int) -> Repairing:
        return Repairing(
            directory, self.request, self.run, now=time.time(), stop=self.interrupt.code
        )

    def _hash(self, directory: int) -> str | None:
        """Return the contact's hash if the directory already has a key."""
        contact = None if self.plan is None else self.plan.contact
        if contact is None:
            return None
        try:
            key = read_contact_key(directory)
        except VolumeProblem:
            return None
        user = contact.phone or f"{contact.lid}_1"
        return None if key is None else contact_hash(key, user)

    def _document(self, result: CleanResult) -> RepairDocument:
        plan = self.plan
        removals = plan.removals if plan is not None and result.removed else []
        kinds = result.removed_by_kind or [0] * len(KINDS)
        return {
            "path": self.target.shown,
            "company": self.target.company,
            "outcome": result.outcome,
            "applied": result.applied,
            "run": result.run if result.applied and result.removed else None,
            "contact": _contact(plan, self.hash),
            "group": bool(self.request.group),
            "authors": 0 if plan is None else plan.authors,
            "removed": result.removed,
            "removedByKind": dict(zip(KINDS, kinds, strict=True)),
            "left": result.left,
            "reasons": {
                "removed": ordered(result.removed_by_reason or {}),
                "kept": ordered(result.kept or {}),
            },
            "files": file_documents(removals, show_names=False),
            "notes": _notes(plan),
            "freedBytes": result.freed_bytes,
            "inTrash": result.in_trash,
            "purgedEarly": result.purged_early,
            "returned": result.returned,
            "lookedAgain": None,
            "duration": result.duration_ms / 1000,
            "code": result.code,
            "message": None if result.code is None else explain(result.code),
        }


def written_recently(plan: RepairPlan | None) -> int:
    """Return the number of files in a plan that were written within the last minute."""
    now = time.time()
    times = [each.entry.mtime_ns / 1e9 for each in plan.removals] if plan is not None else []
    return sum(0 <= now - each < WRITTEN_RECENTLY_SECONDS for each in times)


def explain(code: str) -> str:
    """Return one sentence about a code of a repair."""
    if code in credentials.FAULTS:
        return credentials.sentence(code)
    return codes.EXPLANATIONS.get(code) or EXPLANATIONS.get(code) or sentence_of(code)


def contacts_document(target: Target, *, make_key: bool) -> tuple[ContactsDocument, Problem | None]:
    """Return the contacts of a directory, and the reason if they have no hashes.

    With `make_key` a directory without a key for hashes gets one.
    """
    with opened(target) as directory:
        listing = read_listing(directory)
        if listing.entries is None:
            raise Problem(
                f"{target.shown}: {reasons.explain(reasons.TOO_MANY_FILES)}",
                code=reasons.TOO_MANY_FILES,
            )
        identity = settled_identity(directory)
        refused = identity_problem(identity)
        if refused is not None:
            raise Problem(f"{target.shown}: {explain(refused)}", code=refused)
        known = contacts_of(listing.entries, identity, all_mappings(directory, listing.entries))
        key, problem = None, None
        try:
            key = (
                contact_key(directory, now=time.time()) if make_key else read_contact_key(directory)
            )
        except VolumeProblem as trouble:
            problem = Problem(
                f"{target.shown}: the contacts have no hashes, because their key cannot be kept. {trouble}",
                code=trouble.code,
            )
    contacts = [_known(each, key) for each in known]
    return {"path": target.shown, "company": target.company, "contacts": contacts}, problem


def _known(known: Known, key: bytes | None) -> ContactDocument:
    return {
        "hash": None if key is None else known.hash(key),
        "number": _masked(known.contact),
        "phone": bool(known.contact.phone),
        "lid": bool(known.contact.lid),
        "devices": len(known.devices),
        "files": known.files,
        "lastWritten": rfc3339(known.newest_ns // 10**9),
    }


def _masked(contact: Contact) -> str:
    return masked_digits(contact.phone or contact.lid)


def _contact(plan: RepairPlan | None, digest: str | None) -> RepairedContactDocument | None:
    contact = None if plan is None else plan.contact
    if plan is None or contact is None:
        return None
    return {
        "hash": digest,
        "number": _masked(contact),
        "phone": bool(contact.phone),
        "lid": bool(contact.lid),
        "devices": plan.devices,
    }


def _notes(plan: RepairPlan | None) -> list[AdviceDocument]:
    return [{"type": code, "message": explain(code)} for code in (plan.notes if plan else ())]
