"""Guards: predicates that keep a file whatever the rules decide, independent of the rules.

A plan is made through them, and the code that removes files calls them again right before each removal, with the file's
current state. Each returns a reason code, or None when it has no objection.
"""

from __future__ import annotations

from baileys_janitor.policy import reasons
from baileys_janitor.policy.ages.ages import (
    CLOCK_TOLERANCE_SECONDS,
    EARLIEST_SECONDS,
    file_time,
    nanoseconds,
    usable_clock,
)
from baileys_janitor.policy.ages.stretches import SILENCE_SECONDS
from baileys_janitor.policy.files.file_entry import MAX_ENTRIES, listed
from baileys_janitor.policy.files.file_kinds import (
    PRE_KEY,
    PROTECTED_KINDS,
    REMOVABLE_KINDS,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    SESSION,
    classify,
    is_temporary,
    may_be_lid,
)
from baileys_janitor.policy.files.identity import ABSENT, CORRUPT, PAIRED, TOO_LARGE
from baileys_janitor.policy.files.own_groups import own_groups
from baileys_janitor.policy.files.pre_keys import PreKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from baileys_janitor.policy.ages.ages import Ages
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.policy.files.own_groups import OwnGroup
    from baileys_janitor.policy.settings import Retention, Settings

_NS = 10**9

#: A file written within this time is fresh: the process may be using it this moment.
FRESH_NS = 15 * 60 * _NS


class Context:
    """The guards' input besides the file: the time, the tenant, and its other files.

    `ages`: decides which times are old, based on the memory of the tenant's traffic. `limits`: the shortest ages and
    fewest pre-keys that this run may use. `pre_key_floor`: the lowest pre-key id that these keep; None when this run
    may remove no pre-key.
    """

    __slots__ = (
        "_entries",
        "_pre_keys",
        "ages",
        "groups",
        "identity",
        "now_ns",
        "pre_key_floor",
        "sender_key_limit",
        "session_limit",
    )

    def __init__(
        self,
        entries: list[Entry],
        identity: Identity,
        limits: Retention,
        now: float,
        ages: Ages,
    ) -> None:
        self.now_ns = nanoseconds(now)
        self.identity = identity
        self.ages = ages
        self.session_limit = limits.session_max_age
        self.sender_key_limit = limits.sender_key_max_age
        self.groups = own_groups(entries, identity)
        self._entries = entries
        self._pre_keys: PreKeys | None = None
        keep = limits.pre_keys
        self.pre_key_floor = None if keep is None else self.pre_keys.newest(keep)

    @property
    def pre_keys(self) -> PreKeys:
        """The classification of the directory's pre-keys."""
        if self._pre_keys is None:
            self._pre_keys = PreKeys(self._entries, self.identity)
        return self._pre_keys

    @property
    def by_calendar(self) -> bool:
        """Whether every age is the calendar's."""
        return all(
            self.ages.is_calendar(each) for each in (self.session_limit, self.sender_key_limit)
        )

    def old(self, entry: Entry, limit: float) -> bool:
        """Return whether a file was not used for `limit` seconds of the tenant's running time."""
        return self.ages.old(file_time(entry, self.ages.now), limit)

    def old_pair(self, group: OwnGroup, limit: float) -> bool:
        """Return whether all of a pair's files are old, and all keys that may belong to it."""
        newest = group.newest_ns // _NS
        if newest > self.ages.now + CLOCK_TOLERANCE_SECONDS:
            return False
        # A time before 2015 is not trusted; such a file is judged by its own change time.
        if newest >= EARLIEST_SECONDS and not self.ages.old(newest, limit):
            return False
        return all(self.old(each, limit) for each in group.files)

    def why_young(self, entry: Entry, limit: float) -> str:
        """Return the reason why a file that is not old yet stays."""
        time = file_time(entry, self.ages.now)
        if time is None:
            return reasons.TIME_UNKNOWN
        if not self.ages.old_by_calendar(time, limit):
            return reasons.IN_USE
        silent = self.ages.held_by_silence(time, limit)
        return reasons.SILENCE_NOT_COUNTED if silent else reasons.AGE_COUNTS_ANEW

    def pre_key_age_ns(self, mtime_ns: int) -> int:
        """Return the age of a pre-key, counted from the tenant's last wake-up at the earliest."""
        since = self.ages.since
        start_ns = self.now_ns if since is None else since * _NS
        return self.now_ns - max(mtime_ns, start_ns)


def refusal(identity: Identity, total: int, now: float) -> str | None:
    """Return why nothing may be removed from a directory of `total` files, None when it may."""
    if total > MAX_ENTRIES:
        return reasons.TOO_MANY_FILES
    return identity_problem(identity) if usable_clock(now) else reasons.CLOCK_UNUSABLE


def shortest(settings: Settings, emergency: bool) -> Retention:
    """Return the shortest limits that a run may use."""
    normal = settings.applied_retention()
    if not emergency:
        return normal
    extra = settings.applied_emergency_retention()
    kept = [each.pre_keys for each in (normal, extra) if each.pre_keys is not None]
    return type(normal)(
        min(normal.session_max_age, extra.session_max_age),
        min(normal.sender_key_max_age, extra.sender_key_max_age),
        min(kept, default=None),
    )


def protect(entry: Entry, context: Context) -> str | None:
    """Return the first guard's reason to keep a file, None when a rule may remove it."""
    reason = guard_kind(entry) or guard_identity(context) or guard_fresh(entry, context)
    if reason is not None:
        return reason
    for guard in _GUARDS[entry.kind]:
        reason = guard(entry, context)
        if reason is not None:
            return reason
    return guard_name(entry)


def perhaps_old(entries: Iterable[Entry], context: Context) -> list[Entry]:
    """Return the files that a run within the context's limits may remove, and few others, judged by their times alone.

    Pairs are included whole, since a broken one is removed at any age.
    """
    listing = listed(entries)
    found = list(listing.of(SENDER_KEY_MEMORY))
    if context.pre_key_floor is not None:
        found += listing.of(PRE_KEY)
    latest_ns = _latest_ns(context, context.session_limit)
    found += [entry for entry in listing.of(SESSION) if entry.mtime_ns < latest_ns]
    latest_ns = _latest_ns(context, context.sender_key_limit)
    owns = context.identity.owns
    for entry in listing.of(SENDER_KEY):
        if entry.mtime_ns < latest_ns or owns(entry.ident.rpartition("--")[0].rpartition("--")[2]):
            found.append(entry)
    return found


def _latest_ns(context: Context, limit: float) -> int:
    """Return a time before which all old files were written."""
    cutoff = context.ages.cutoff(limit)
    # A time before 2015 is not trusted, and such a file may be old by its change time.
    return max(EARLIEST_SECONDS if cutoff is None else cutoff + 1, EARLIEST_SECONDS) * _NS


def sift(entries: Iterable[Entry], context: Context) -> tuple[list[Entry], dict[str, list[Entry]]]:
    """Return the files that may be removed, and the others by the reason for which they stay.

    The result equals `protect` of each file, but a check that holds for all files of a kind runs once.
    """
    allowed: list[Entry] = []
    kept: dict[str, list[Entry]] = {}
    for kind, files in listed(entries).by_kind.items():
        shared = _shared_reason(kind, files, context)
        if shared is not None:
            kept.setdefault(shared, []).extend(files)
            continue
        for entry in files:
            reason = protect(entry, context)
            if reason is None:
                allowed.append(entry)
            else:
                kept.setdefault(reason, []).append(entry)
    return allowed, kept


def _shared_reason(kind: str, files: list[Entry], context: Context) -> str | None:
    """Return why all files of a kind stay, None where each must be checked.

    For pre-keys that this run may not remove, the reason depends on times alone, and each reason covers one span of
    times: a reason that holds for the oldest and for the newest holds for all between them.
    """
    if kind in PROTECTED_KINDS:
        return reasons.PROTECTED_KIND
    if kind != PRE_KEY or context.pre_key_floor is not None:
        return None
    oldest = protect(min(files, key=_written), context)
    return oldest if oldest == protect(max(files, key=_written), context) else None


def _written(entry: Entry) -> int:
    return entry.mtime_ns


def guard_kind(entry: Entry) -> str | None:
    """Kinds that a session cannot do without are never removed, nor are unknown files."""
    if entry.kind in REMOVABLE_KINDS:
        return None
    if entry.kind in PROTECTED_KINDS:
        return reasons.PROTECTED_KIND
    return reasons.TEMPORARY_FILE if is_temporary(entry.name) else reasons.UNKNOWN_FILE


def guard_name(entry: Entry) -> str | None:
    """The entry's kind and id must match its name: the name is what gets removed."""
    return None if classify(entry.name) == (entry.kind, entry.ident) else reasons.UNKNOWN_FILE


def guard_identity(context: Context) -> str | None:
    """Without a paired identity, the tenant's own files cannot be distinguished."""
    return identity_problem(context.identity)


def identity_problem(identity: Identity) -> str | None:
    """Return why the tenant's own files cannot be distinguished, None when creds.json is paired."""
    if identity.state == PAIRED:
        return None
    if identity.state == CORRUPT:
        return reasons.CREDENTIALS_CORRUPT
    if identity.state == TOO_LARGE:
        return reasons.CREDENTIALS_TOO_LARGE
    return reasons.CREDENTIALS_ABSENT if identity.state == ABSENT else reasons.NOT_PAIRED


def guard_fresh(entry: Entry, context: Context) -> str | None:
    """A file written within 15 minutes or in the future stays; a server's clock may run a little ahead."""
    age_ns = context.now_ns - entry.mtime_ns
    if age_ns > FRESH_NS:
        return None
    return reasons.FRESH if age_ns >= -CLOCK_TOLERANCE_SECONDS * _NS else reasons.FUTURE_TIME


def guard_own_device(entry: Entry, context: Context) -> str | None:
    """Sessions with the tenant's own devices stay: they never recover."""
    user = entry.ident.rpartition(".")[0]
    if context.identity.owns(user):
        return reasons.OWN_DEVICE
    return guard_unknown_lid(user, context)


def guard_unknown_lid(user: str, context: Context) -> str | None:
    """While the tenant's own LID is unknown, any LID could be its own."""
    in_doubt = context.identity.lid_in_doubt and may_be_lid(user)
    return reasons.OWN_LID_UNKNOWN if in_doubt else None


def guard_sender_key(entry: Entry, context: Context) -> str | None:
    """A group member's key is judged by its own age, the tenant's own together with its memory file."""
    group, _, user = entry.ident.rpartition("--")[0].rpartition("--")
    if context.identity.owns(user):
        return guard_own_pair(entry, context.groups.get(group), context)
    return (
        guard_unknown_lid(user, context)
        or guard_stopped(entry, context)
        or guard_age(entry, context, context.sender_key_limit)
    )


def guard_memory(entry: Entry, context: Context) -> str | None:
    """A memory file is removed with the own keys of its group, or alone when there are none."""
    return guard_own_pair(entry, context.groups.get(entry.ident), context)


def guard_own_pair(entry: Entry, group: OwnGroup | None, context: Context) -> str | None:
    """Own sender key and memory file are removed together, so the younger of them decides for both.

    A memory file whose key is gone is removed at any age, even for a stopped tenant: the next message there would be
    unreadable.
    """
    if group is None:
        return reasons.OWN_KEY_IN_USE  # it did not exist when the plan was made
    newest_ns = max(group.newest_ns, entry.mtime_ns)
    if group.broken:
        return reasons.OWN_KEY_IN_USE if context.now_ns - newest_ns <= FRESH_NS else None
    if context.ages.stopped:
        return reasons.STOPPED
    limit = context.sender_key_limit
    if context.old(entry, limit):
        return None if context.old_pair(group, limit) else reasons.OWN_KEY_IN_USE
    why = context.why_young(entry, limit)
    return reasons.OWN_KEY_IN_USE if why == reasons.IN_USE else why


def guard_stopped(entry: Entry, context: Context) -> str | None:  # noqa: ARG001  # as its fellows
    """A stopped tenant's files stay: they are old only because of the stop."""
    return reasons.STOPPED if context.ages.stopped else None


def guard_silent(entry: Entry, context: Context) -> str | None:  # noqa: ARG001  # as its fellows
    """A silent tenant keeps its pre-keys: messages that strangers sent meanwhile need them."""
    return reasons.STOPPED if context.ages.silent else None


def guard_pre_key_time(entry: Entry, context: Context) -> str | None:  # noqa: ARG001  # as its fellows
    """A pre-key without a trusted time stays: its time shows which keys were uploaded together."""
    return reasons.TIME_UNKNOWN if entry.mtime_ns < EARLIEST_SECONDS * _NS else None


def guard_session_age(entry: Entry, context: Context) -> str | None:
    """A session used within the limit stays."""
    return guard_age(entry, context, context.session_limit)


def guard_age(entry: Entry, context: Context, limit: float) -> str | None:
    """A file that is not old under the shortest limit of this run stays, silences and copies considered."""
    return None if context.old(entry, limit) else context.why_young(entry, limit)


def guard_pre_key(entry: Entry, context: Context) -> str | None:
    """Pre-keys follow the rules of both libraries; all stay for a day after the tenant woke.

    First messages that strangers sent during the stop arrive then, and each needs its pre-key.
    """
    since = context.ages.since
    if since is None or (
        entry.mtime_ns < since * _NS and context.ages.now - since <= SILENCE_SECONDS
    ):
        return reasons.JUST_WOKE
    if context.pre_key_floor is None:
        return context.pre_keys.doubt or reasons.PRE_KEYS_WITHOUT_GAIN
    age_ns = context.pre_key_age_ns(entry.mtime_ns)
    return context.pre_keys.protects(int(entry.ident), age_ns, context.pre_key_floor)


_GUARDS: dict[str, tuple[Callable[[Entry, Context], str | None], ...]] = {
    SESSION: (guard_own_device, guard_stopped, guard_session_age),
    SENDER_KEY: (guard_sender_key,),
    SENDER_KEY_MEMORY: (guard_memory,),
    PRE_KEY: (guard_silent, guard_pre_key_time, guard_pre_key),
}
