"""Which files of an archived session may be restored into a directory, and how.

A whole old session breaks its ratchets, so each kind has its own rule: keys that are written once come back where they
are missing, sessions come back closed, and neither the tenant's own sender keys nor the memory of who has them come
back. The plan reads neither archives nor files: it takes two listings and two identities.

An archive is encrypted to a public key, so anybody may have made one, even with the right fingerprint, which is made of
public values. Its pairing, which includes secrets, is therefore compared wherever there is anything to compare it with.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.restore_codes import (
    ALREADY_THERE,
    ANOTHER_IDENTITY,
    ANOTHER_PAIRING,
    AS_ARCHIVED,
    CLOSED,
    COUNTERS_RAISED,
    CREDENTIALS,
    CREDENTIALS_INCOMPLETE,
    EMPTY_DIRECTORY,
    EMPTY_FILE,
    FINGERPRINT_DIFFERS,
    IDENTITY_UNKNOWN,
    LIBRARY_TOO_OLD,
    LID_FILES_LEFT,
    LONE_MEMORIES,
    MEMORY_FILE,
    NOT_AS_ARCHIVED,
    NOT_QUIESCED,
    NOTHING_RAN_SINCE,
    OWN_DEVICE_WAITS,
    OWN_LID_UNKNOWN,
    OWN_SENDER_KEY,
    RAISED,
    SAFE,
    UNKNOWN_FILE,
    WHOLE,
)
from baileys_janitor.policy.archives.restore_credentials import (
    APP_STATE_KEY_MISSING,
    CREDENTIALS_WHOLE,
    HIGHEST_START,
    NOT_WHOLE,
    PRE_KEY_IDS_EXHAUSTED,
    RAISE_BY,
    Candidate,
    Target,
    current_pairing,
    lacks_app_state_key,
    latest_record,
    make_restore_plan,
)
from baileys_janitor.policy.files.file_kinds import (
    APP_STATE_SYNC,
    CREDS,
    CREDS_NAME,
    KINDS,
    OTHER,
    PRE_KEY,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    SESSION,
    may_be_lid,
    sender_key_address,
    session_address,
)
from baileys_janitor.policy.files.identity import ABSENT, PAIRED, TOO_LARGE
from baileys_janitor.policy.files.own_groups import own_groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
    from baileys_janitor.policy.archives.pairing import Credentials
    from baileys_janitor.policy.archives.restore_credentials import Known
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity

# The id of the archive among the kept copies; their own ids are digits.
_ARCHIVE = "archive"
_NAME_MAX = 255
# The number of fingerprint digits in the record of a tenant's running times.
_LEAST_DIGITS = 8
# Written since 7.0.0-rc.7 and rc10. Up to rc.4 the library sends with any session, open or not, and then fails.
_BY_NEWER_LIBRARIES = ("tctoken-", "identity-key-")


@dataclass(frozen=True, slots=True)
class SessionTarget:
    """The directory that a session is restored into.

    `identity` is read from its creds.json; so is `credentials`, None unless a session can start with it. `kept` are its
    kept copies of creds.json, `known` other records of its identity. `same` are the names of files with the same
    content as in the archive; only the mode Whole needs them.
    """

    identity: Identity
    credentials: Credentials | None
    entries: Sequence[Entry]
    kept: Sequence[Candidate] = ()
    known: Sequence[Known] = ()
    same: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Put:
    """One file to restore, and how: AsArchived, Closed, or Raised.

    `own`: it is the directory's own creds.json, which gets other counters.
    """

    file: ArchivedFile
    how: str
    own: bool = False


@dataclass(slots=True)
class SessionPlan:
    """The result of planning a restore.

    `refused` is why nothing is done. Otherwise `memories`, which list the holders of an own sender key that is lost, go
    into the trash first, because the tenant's messages to those groups would be unreadable. Then `puts` go into the
    directory in this order, creds.json last, and `kept_back` counts the other files by reason and kind.
    `next_pre_key_id` is the new value of both counters, 0 where they stay. `fingerprint` is the archive's; `told` are
    codes of notes for the person who restores.
    """

    mode: str
    fingerprint: str = ""
    _: KW_ONLY
    refused: str | None = None
    memories: list[Entry] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    kept_back: dict[str, dict[str, int]] = field(default_factory=dict)
    next_pre_key_id: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def restored_by_kind(self) -> dict[str, int]:
        """Return the number of restored files by kind; kinds without any are left out."""
        counts: dict[str, int] = {}
        for each in [each for each in self.puts if not each.own]:
            counts[each.file.kind] = counts.get(each.file.kind, 0) + 1
        return {kind: counts[kind] for kind in KINDS if kind in counts}

    def keep_back(self, file: ArchivedFile, reason: str) -> None:
        """Count a file that is not restored."""
        by_kind = self.kept_back.setdefault(reason, {})
        by_kind[file.kind] = by_kind.get(file.kind, 0) + 1

    def refuse(self, code: str) -> None:
        """Refuse the whole restore with this code."""
        self.refused, self.next_pre_key_id = code, 0
        self.memories.clear()
        self.puts.clear()
        self.kept_back.clear()
        self.told.clear()

    def drop(self, reasons_against: dict[str, str]) -> None:
        """Remove files from `puts`; the argument maps each name to the reason."""
        for each in self.puts:
            if each.file.name in reasons_against:
                self.keep_back(each.file, reasons_against[each.file.name])
        self.puts = [each for each in self.puts if each.file.name not in reasons_against]


def make_session_plan(
    target: SessionTarget,
    source: ArchivedSession,
    now: float,
    mode: str = SAFE,
    expected: str = "",
    acknowledged: Collection[str] = (),
) -> SessionPlan:
    """Return the plan of a restore of `source` at `now` (Unix seconds).

    `expected` is the fingerprint that a person has written out, "" without one; `acknowledged` are codes.
    """
    plan = SessionPlan(mode, source.identity.fingerprint)
    plan.refused = _problem(target, source, now, expected) or _mode_problem(
        target, source, mode, acknowledged
    )
    if plan.refused is None and mode == WHOLE:
        _plan_whole(plan, target, source)
    elif plan.refused is None:
        _plan_credentials(plan, target, source, now, acknowledged)
        if mode == SAFE and plan.refused is None:
            _plan_files(plan, target, source)
        if plan.puts:
            _plan_memories(plan, target, source)
    plan.puts.sort(key=_order)
    return plan


def _problem(
    target: SessionTarget, source: ArchivedSession, now: float, expected: str
) -> str | None:
    """Return why this archive may not be restored into this directory at all."""
    if not _is_usable(source):
        return NOT_WHOLE
    if expected and expected != source.identity.fingerprint:
        return FINGERPRINT_DIFFERS
    state = target.identity.state
    if state == TOO_LARGE:
        return reasons.CREDENTIALS_TOO_LARGE
    if state == PAIRED:
        if target.identity.fingerprint != source.identity.fingerprint:
            return ANOTHER_IDENTITY
        if target.credentials is None:
            return CREDENTIALS_INCOMPLETE
        return _difference(target.credentials, source.credentials)
    beside = Target(state, target.entries, target.known)
    current = current_pairing(beside, target.kept, now)
    if current is not None:
        return _difference(current, source.credentials)
    if expected:
        return None
    record = latest_record(target.known, now)
    if record is None:
        return IDENTITY_UNKNOWN
    known = len(record[1]) >= _LEAST_DIGITS and source.identity.fingerprint.startswith(record[1])
    return None if known else ANOTHER_IDENTITY


def _is_usable(source: ArchivedSession) -> bool:
    return (
        source.identity.state == PAIRED
        and source.credentials.fingerprint == source.identity.fingerprint
        and any(each.name == CREDS_NAME for each in source.files)
    )


def _difference(known: Credentials, archived: Credentials) -> str | None:
    if known.same_pairing(archived):
        return None
    return ANOTHER_PAIRING if known.fingerprint == archived.fingerprint else ANOTHER_IDENTITY


def _mode_problem(
    target: SessionTarget, source: ArchivedSession, mode: str, acknowledged: Collection[str]
) -> str | None:
    if mode == CREDENTIALS and target.identity.state == PAIRED:
        return CREDENTIALS_WHOLE
    if mode != WHOLE:
        return None
    if not source.quiesced:
        return NOT_QUIESCED
    if NOTHING_RAN_SINCE not in acknowledged:
        return NOTHING_RAN_SINCE
    there = {each.name for each in target.entries if each.kind != OTHER}
    if target.identity.state != ABSENT:
        there.add(CREDS_NAME)
    return None if there <= target.same else NOT_AS_ARCHIVED


def _plan_credentials(
    plan: SessionPlan,
    target: SessionTarget,
    source: ArchivedSession,
    now: float,
    acknowledged: Collection[str],
) -> None:
    """Plan creds.json: it stays, gets other counters, or comes from the archive."""
    [file, *_] = [each for each in source.files if each.name == CREDS_NAME]
    kept = [each for each in target.kept if _is_of(each, source)]
    highest = _highest_id(target, source, kept)
    own = target.credentials
    if own is not None:
        counters = own.next_pre_key_id, own.first_unuploaded_pre_key_id
        if min(counters) <= highest:
            plan.next_pre_key_id = max(highest, *(each - 1 for each in counters)) + RAISE_BY
            plan.puts.append(Put(file, RAISED, own=True))
            plan.told.append(COUNTERS_RAISED)
        if plan.next_pre_key_id > HIGHEST_START:
            plan.refuse(PRE_KEY_IDS_EXHAUSTED)
        return
    beside = Target(target.identity.state, target.entries)
    archived = Candidate(_ARCHIVE, min(source.time, int(now)), source.credentials, highest)
    made = make_restore_plan(beside, [*kept, archived], now, _ARCHIVE, acknowledged)
    if made.refused is not None:
        plan.refuse(made.refused)
        return
    plan.next_pre_key_id = made.next_pre_key_id
    plan.puts.append(Put(file, RAISED))
    plan.told += made.told if plan.mode == CREDENTIALS else []


def _is_of(copy: Candidate, source: ArchivedSession) -> bool:
    return copy.credentials is not None and copy.credentials.same_pairing(source.credentials)


def _highest_id(target: SessionTarget, source: ArchivedSession, kept: Iterable[Candidate]) -> int:
    """Return the highest known pre-key id, without the counters of the target's creds.json."""
    known = [source.credentials, *(each.credentials for each in kept if each.credentials)]
    ids = [int(each.ident) for each in target.entries if each.kind == PRE_KEY]
    ids += [int(each.ident) for each in source.files if each.kind == PRE_KEY]
    ids += [each.next_pre_key_id - 1 for each in known]
    ids += [each.first_unuploaded_pre_key_id - 1 for each in known]
    return max(ids)


def _plan_files(plan: SessionPlan, target: SessionTarget, source: ArchivedSession) -> None:
    """Plan the files besides creds.json in the mode Safe."""
    rules = _Rules(target, source)
    for each in source.files:
        if each.name == CREDS_NAME:
            if not any(put.file is each and not put.own for put in plan.puts):
                plan.keep_back(each, ALREADY_THERE)
            continue
        reason = rules.reason_against(each)
        if reason is None:
            plan.puts.append(Put(each, CLOSED if each.kind == SESSION else AS_ARCHIVED))
        else:
            plan.keep_back(each, reason)
    plan.told += _told(plan, target, source, rules)


def _plan_memories(plan: SessionPlan, target: SessionTarget, source: ArchivedSession) -> None:
    """Plan to move memory files whose own sender key was lost: the restore brings back no own key for them."""
    identity = target.identity if target.identity.knows_lid else source.identity
    for each in own_groups(target.entries, identity).values():
        if each.broken and each.memory is not None:
            plan.memories.append(each.memory)
    if plan.memories:
        plan.told.append(LONE_MEMORIES)


class _Rules:
    """Which files the mode Safe restores."""

    def __init__(self, target: SessionTarget, source: ArchivedSession) -> None:
        self._identities = (target.identity, source.identity)
        self.lid_in_doubt = not any(each.knows_lid for each in self._identities)
        self._taken = {each.name for each in target.entries}
        names = {each.name for each in source.files} | self._taken
        self._asks_for_open_ones = any(each.startswith(_BY_NEWER_LIBRARIES) for each in names)

    def reason_against(self, file: ArchivedFile) -> str | None:
        """Return why a file is not restored; None if it is. Call it once for each name."""
        kind = file.kind
        if kind == OTHER or not _is_plain(file.name):
            return UNKNOWN_FILE
        if kind == SENDER_KEY_MEMORY:
            return MEMORY_FILE
        if file.size == 0:
            return EMPTY_FILE
        user = _user(file)
        if kind == SENDER_KEY and self.owns(user):
            return OWN_SENDER_KEY
        if kind == SESSION and not self._asks_for_open_ones:
            return LIBRARY_TOO_OLD
        if user and self.lid_in_doubt and may_be_lid(user):
            return OWN_LID_UNKNOWN
        if file.name in self._taken:
            return ALREADY_THERE
        self._taken.add(file.name)
        return None

    def owns(self, user: str) -> bool:
        """Return whether a user is the tenant's, by either identity."""
        return any(each.owns(user) for each in self._identities)


def _user(file: ArchivedFile) -> str:
    """Return the user in the name of a session or a sender key; "" for other files."""
    if file.kind == SESSION:
        with_device = session_address(file.ident)
        return with_device[0] if with_device else ""
    if file.kind == SENDER_KEY:
        author = sender_key_address(file.ident)
        return author[1] if author else ""
    return ""


def _is_plain(name: str) -> bool:
    """Return whether a name is a single path component, whatever its kind."""
    return "/" not in name and "\0" not in name and len(name) <= _NAME_MAX and name[0] != "."


def _told(
    plan: SessionPlan, target: SessionTarget, source: ArchivedSession, rules: _Rules
) -> list[str]:
    told = []
    new_credentials = target.credentials is None
    coming = {each.file.name for each in plan.puts}
    if not any(each.kind != OTHER for each in target.entries):
        told.append(EMPTY_DIRECTORY)
    own_device = any(each.how == CLOSED and rules.owns(_user(each.file)) for each in plan.puts)
    if new_credentials or own_device:
        told.append(OWN_DEVICE_WAITS)
    names = {each.name for each in target.entries if each.kind == APP_STATE_SYNC} | coming
    if new_credentials and lacks_app_state_key(source.credentials, names):
        told.append(APP_STATE_KEY_MISSING)
    if OWN_LID_UNKNOWN in plan.kept_back:
        told.append(LID_FILES_LEFT)
    return told


def _plan_whole(plan: SessionPlan, target: SessionTarget, source: ArchivedSession) -> None:
    """Plan the mode Whole: every file that the library writes, unchanged."""
    taken = {each.name for each in target.entries}
    for each in source.files:
        if each.kind == OTHER or not _is_plain(each.name):
            plan.keep_back(each, UNKNOWN_FILE)
        elif each.size == 0:
            plan.keep_back(each, EMPTY_FILE)
        elif each.name in taken:
            plan.keep_back(each, ALREADY_THERE)
        else:
            taken.add(each.name)
            plan.puts.append(Put(each, AS_ARCHIVED))


def _order(put: Put) -> int:
    """Order keys before files that refer to them, creds.json last: after a kill no process has half a session."""
    kind = put.file.kind
    return (SENDER_KEY_MEMORY, CREDS).index(kind) + 1 if kind in (SENDER_KEY_MEMORY, CREDS) else 0
