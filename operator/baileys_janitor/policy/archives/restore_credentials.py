"""Which creds.json may be restored into a session directory, and with which counters.

Restoring a whole old session breaks its ratchets; creds.json alone, with both pre-key counters raised above every id
that was ever used, breaks nothing. The plan reads neither files nor archives: the caller passes the content of the
candidates (kept copies, or the creds.json of an archive).

A copy belongs to a pairing, and an older pairing is never offered: the server has forgotten its device, and its keys
under another device's sessions would look like a stolen identity.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from baileys_janitor.policy import reasons
from baileys_janitor.policy.clocks import is_ahead
from baileys_janitor.policy.files.file_kinds import APP_STATE_SYNC, PRE_KEY
from baileys_janitor.policy.files.identity import PAIRED, TOO_LARGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from baileys_janitor.policy.archives.pairing import Credentials
    from baileys_janitor.policy.files.file_entry import Entry

    #: When a fingerprint was last known to be the tenant's (Unix seconds), and its first digits.
    Known = tuple[int, str]

#: Both counters are raised by this much above every known id: more than the library uploads at once (812).
RAISE_BY = 1000
#: Ids travel as three bytes. The uploads of the years after a restore need room.
MOST_PRE_KEY_ID = 0xFFFFFF
_ROOM_FOR_UPLOADS = 100_000
HIGHEST_START = MOST_PRE_KEY_ID - _ROOM_FOR_UPLOADS

# The library saves its counters shortly before or after the keys, and a file server's clock may differ.
_CLOCK_SLACK_SECONDS = 600
_NS = 10**9
_APP_STATE_KEY = "app-state-sync-key-"

# Why a candidate is not offered.
NOT_WHOLE = "NotWhole"
OLDER_PAIRING = "OlderPairing"
PRE_KEY_IDS_EXHAUSTED = "PreKeyIdsExhausted"
# Codes that must be acknowledged first.
SIGNED_PRE_KEY_ROTATED = "SignedPreKeyRotated"
PRE_KEYS_REWRITTEN = "PreKeysRewritten"
ACKNOWLEDGEMENTS = (SIGNED_PRE_KEY_ROTATED, PRE_KEYS_REWRITTEN)
# Why nothing is restored at all.
CREDENTIALS_WHOLE = "CredentialsWhole"
NO_COPY = "NoCopy"
NO_USABLE_COPY = "NoUsableCopy"
COPY_UNKNOWN = "CopyUnknown"
COPY_AMBIGUOUS = "CopyAmbiguous"
# Notes for the person who restores.
APP_STATE_KEY_MISSING = "AppStateKeyMissing"
NOTHING_BESIDE = "NothingBeside"

EXPLANATIONS: dict[str, str] = {
    NOT_WHOLE: "It is damaged, or is not what its name says.",
    OLDER_PAIRING: "It belongs to an earlier pairing, which the server has forgotten: it is never put back.",
    PRE_KEY_IDS_EXHAUSTED: (
        "Pre-key ids end at 16,777,215, and ids close to that are in use, so the counters cannot be raised."
    ),
    SIGNED_PRE_KEY_ROTATED: (
        "A newer copy has another signed pre-key, so the server hands out one that this copy does not hold: first"
        " messages of new contacts would fail until the application rotates it again. To restore it all the same, add"
        f" --acknowledge {SIGNED_PRE_KEY_ROTATED}."
    ),
    PRE_KEYS_REWRITTEN: (
        "Pre-keys with ids below its counters were written after it was kept, as they are after a new pairing. If the"
        " tenant was not paired again since (files were copied without their times, say), add"
        f" --acknowledge {PRE_KEYS_REWRITTEN}."
    ),
    CREDENTIALS_WHOLE: (
        "creds.json can be read and is paired, so nothing is restored: what is in it is newer than any copy."
    ),
    NO_COPY: (
        "There is no kept copy of creds.json here. As long as the process runs, make it save again; else restore it"
        " from an archive (--from URL), if there is one; pairing again comes last."
    ),
    NO_USABLE_COPY: "No kept copy of creds.json can be put back here.",
    COPY_UNKNOWN: "--copy: no kept copy begins so.",
    COPY_AMBIGUOUS: "--copy: several kept copies begin so; give more digits.",
    APP_STATE_KEY_MISSING: (
        "The app-state key that this creds.json names is not in the directory: chats are not archived, muted or marked"
        " from here until the phone shares a key again."
    ),
    NOTHING_BESIDE: (
        "There are no session files beside it. If somebody logged this session out, do not restore it. If the files are"
        " lost: contacts heal by retries, and messages from the company's own phone are lost until this session has"
        " sent its first message, so send one."
    ),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One creds.json that could be restored.

    `ident` identifies it (for a copy the digits in its name), `time` is when it was certainly whole (Unix seconds).
    `credentials` is None where it is damaged. `highest_pre_key` is the highest pre-key id beside it (an archive holds
    pre-keys, a copy none).
    """

    ident: str
    time: int
    credentials: Credentials | None
    highest_pre_key: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """The directory that creds.json is restored into.

    `state` is its identity's; `entries` its files; `known` the records of its identity besides the candidates.
    """

    state: str
    entries: Sequence[Entry]
    known: Sequence[Known] = ()


@dataclass(slots=True)
class RestorePlan:
    """The result of planning a restore.

    `refused` is why nothing is done, None where `chosen` is restored with both counters at `next_pre_key_id`.
    `verdicts` has for each candidate why it may not be used, or the code to acknowledge first; a candidate without
    one is usable. `told` are codes of notes for the person who restores.
    """

    _: KW_ONLY
    refused: str | None = None
    chosen: Candidate | None = None
    next_pre_key_id: int = 0
    verdicts: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def make_restore_plan(
    target: Target,
    candidates: Sequence[Candidate],
    now: float,
    wanted: str = "",
    acknowledged: Collection[str] = (),
) -> RestorePlan:
    """Return the plan; `wanted` is the start of the candidate's ident, "" for the newest usable one."""
    plan = RestorePlan()
    plan.verdicts = _verdicts(target, candidates, now)
    plan.refused = _refused_outright(target, candidates)
    if plan.refused is not None:
        return plan
    found = _chosen(candidates, plan.verdicts, now, wanted, acknowledged)
    if isinstance(found, str):
        plan.refused = found
        return plan
    plan.chosen = found
    plan.next_pre_key_id = raised(target.entries, found)
    plan.told = _told(target, found)
    return plan


def raised(entries: Iterable[Entry], candidate: Candidate) -> int:
    """Return the new value of both counters: above every id that is, or may have been, in use."""
    credentials = candidate.credentials
    counters = (
        (0, 0)
        if credentials is None
        else (credentials.next_pre_key_id - 1, credentials.first_unuploaded_pre_key_id - 1)
    )
    return max(_highest(entries), candidate.highest_pre_key, *counters) + RAISE_BY


def _highest(entries: Iterable[Entry]) -> int:
    return max((int(each.ident) for each in entries if each.kind == PRE_KEY), default=0)


def _refused_outright(target: Target, candidates: Sequence[Candidate]) -> str | None:
    if target.state == PAIRED:
        return CREDENTIALS_WHOLE
    if target.state == TOO_LARGE:
        return reasons.CREDENTIALS_TOO_LARGE
    return None if candidates else NO_COPY


def _verdicts(target: Target, candidates: Sequence[Candidate], now: float) -> dict[str, str]:
    current = current_pairing(target, candidates, now)
    signed = _latest_signed_pre_key(candidates, current)
    verdicts = {}
    for each in candidates:
        code = _verdict(target, each, current, signed)
        if code is not None:
            verdicts[each.ident] = code
    return verdicts


def _verdict(
    target: Target, candidate: Candidate, current: Credentials | None, signed: int
) -> str | None:
    credentials = candidate.credentials
    if credentials is None:
        return NOT_WHOLE
    if current is None or not credentials.same_pairing(current):
        return OLDER_PAIRING
    if raised(target.entries, candidate) > HIGHEST_START:
        return PRE_KEY_IDS_EXHAUSTED
    if _rewritten(target.entries, candidate, credentials):
        return PRE_KEYS_REWRITTEN
    return SIGNED_PRE_KEY_ROTATED if credentials.signed_pre_key_id != signed else None


def current_pairing(
    target: Target, candidates: Iterable[Candidate], now: float
) -> Credentials | None:
    """Return whole credentials of the tenant's current pairing; None when no candidate has them.

    The latest evidence counts: the newest whole candidate, or a later record of the identity.
    """
    whole = sorted(
        (
            each
            for each in candidates
            if each.credentials is not None and not is_ahead(each.time, now)
        ),
        key=lambda each: each.time,
    )
    record = latest_record(target.known, now)
    if record is not None and whole and record[0] > whole[-1].time:
        whole = [
            each
            for each in whole
            if each.credentials and each.credentials.fingerprint.startswith(record[1])
        ]
    return whole[-1].credentials if whole else None


def latest_record(known: Iterable[Known], now: float) -> Known | None:
    """Return the latest record of the tenant's identity, None without one; of several with one time, the last named."""
    records = [each for each in known if each[1] and not is_ahead(each[0], now)]
    return max(reversed(records), key=lambda each: each[0], default=None)


def lacks_app_state_key(credentials: Credentials, names: Collection[str]) -> bool:
    """Return whether the credentials' app-state key has no file among these names."""
    ident = credentials.app_state_key_id.replace("/", "__").replace(":", "-")
    return bool(ident) and f"{_APP_STATE_KEY}{ident}.json" not in names


def _latest_signed_pre_key(candidates: Iterable[Candidate], current: Credentials | None) -> int:
    """Return the id of the signed pre-key that the server has: ids only rise."""
    return max(
        (
            each.credentials.signed_pre_key_id
            for each in candidates
            if each.credentials is not None
            and current is not None
            and each.credentials.same_pairing(current)
        ),
        default=0,
    )


def _rewritten(entries: Iterable[Entry], candidate: Candidate, credentials: Credentials) -> bool:
    """Return whether an id was used again after a candidate was kept: within a pairing ids only rise."""
    after = (candidate.time + _CLOCK_SLACK_SECONDS) * _NS
    return any(
        each.mtime_ns > after
        for each in entries
        if each.kind == PRE_KEY and int(each.ident) < credentials.next_pre_key_id
    )


def _chosen(
    candidates: Sequence[Candidate],
    verdicts: dict[str, str],
    now: float,
    wanted: str,
    acknowledged: Collection[str],
) -> Candidate | str:
    """Return the candidate to restore, or the code for why there is none."""
    named = [each for each in candidates if each.ident.startswith(wanted)]
    if wanted and len(named) != 1:
        return COPY_AMBIGUOUS if named else COPY_UNKNOWN
    accepted = set(ACKNOWLEDGEMENTS).intersection(acknowledged)
    usable = [each for each in named if verdicts.get(each.ident) in (None, *accepted)]
    if usable:
        # Prefer a candidate that needs no acknowledgement, then the newest.
        return max(
            usable,
            key=lambda each: (each.ident not in verdicts, not is_ahead(each.time, now), each.time),
        )
    codes = [verdicts[each.ident] for each in named]
    for code in ACKNOWLEDGEMENTS:
        if code in codes:
            return code
    return codes[0] if wanted or len(set(codes)) == 1 else NO_USABLE_COPY


def _told(target: Target, candidate: Candidate) -> list[str]:
    told = []
    names = {each.name for each in target.entries if each.kind == APP_STATE_SYNC}
    if candidate.credentials is not None and lacks_app_state_key(candidate.credentials, names):
        told.append(APP_STATE_KEY_MISSING)
    if not any(each.ident for each in target.entries):
        told.append(NOTHING_BESIDE)
    return told
