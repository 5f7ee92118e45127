"""Advice for a tenant's operator beyond the level: sentences with numbers.

Each function returns an `Advice`, or None when there is nothing to report.
"""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.ages.ages import nanoseconds
from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import (
    IDENTITY_KEY,
    LID_MAPPING,
    OTHER,
    PRE_KEY,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    SESSION,
    TC_TOKEN,
    is_temporary,
)
from baileys_janitor.policy.files.pre_keys import MAX_UPLOAD_SPAN
from baileys_janitor.policy.levels import counted, counted_of
from baileys_janitor.policy.reasons import SILENCE_NOT_COUNTED
from baileys_janitor.policy.settings import TOTAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from baileys_janitor.policy.cleanup.estimate import Outlook
    from baileys_janitor.policy.counts import Census
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.settings import Settings, Thresholds

ROTATION_RECOMMENDED = "RotationRecommended"
THRESHOLD_UNREACHABLE = "ThresholdUnreachable"
SESSION_INACTIVE = "SessionInactive"
DISK_PRESSURE = "DiskPressure"
TEMPORARY_FILES = "TemporaryFiles"

_DAY = 86_400

#: A tenant without traffic for longer than this is reported; WhatsApp unlinks after 14 days without
#: the phone, so a week leaves time to act.
INACTIVE_AFTER = 7 * _DAY
#: Below these a write may fail, and a failed write truncates creds.json.
LEAST_FREE_BYTES = 64 * 1024 * 1024
LEAST_FREE_INODES = 1_000

#: This many cleanups in a row that each removed fewer files than `FEW_REMOVED` and left the count at critical or above
#: show that a session needs a new pairing.
SIGN_CLEANUPS = 3
FEW_REMOVED = 5

# The files of a paired directory without any contact: creds.json, two app-state keys and five collections. Each contact
# adds two LID mappings and a device list.
_PROTECTED_AT_PAIRING = 8
_PROTECTED_A_SESSION = 3
_MAPPINGS_A_SESSION = 2
# Pre-keys that the library creates at once for a new pairing, since 7.0.0-rc.6.
_PRE_KEYS_AT_PAIRING = 812

#: From this number on pre-keys are reported even where they do not count: they use inodes, and each scan lists them.
MANY_PRE_KEYS = 5_000

# Suggested limits leave this room between the files that must stay and the trigger: the larger of the two.
_ROOM_FILES = 25
_ROOM_SHARE = 5
_ROUND_TO = 5


@dataclass(frozen=True, slots=True)
class Advice:
    """A condition's reason code, one sentence with numbers, and the numbers by name.

    `rotates`: a rotation of the session would help.
    """

    reason: str
    message: str
    numbers: dict[str, int]
    rotates: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The counted files that a cleanup left, and the number of files that it removed."""

    after: int
    removed: int


def fitting_thresholds(floor: int, thresholds: Thresholds) -> Thresholds:
    """Return limits with the same distances, moved up until `floor` leaves room below the trigger."""
    room = max(_ROOM_FILES, -(-floor // _ROOM_SHARE))
    trigger = -(-(floor + room) // _ROUND_TO) * _ROUND_TO
    up = max(0, trigger - thresholds.trigger)
    return type(thresholds)(
        thresholds.warning + up,
        thresholds.critical + up,
        thresholds.trigger + up,
        thresholds.emergency + up,
        thresholds.danger + up,
        thresholds.count,
    )


def threshold_unreachable(outlook: Outlook, settings: Settings) -> Advice | None:
    """Advise when the files that no rule may remove, sessions in use included, reach the trigger."""
    limits = settings.thresholds
    if outlook.refused is not None or outlook.floor < limits.trigger:
        return None
    fit = fitting_thresholds(outlook.floor, limits)
    return Advice(
        THRESHOLD_UNREACHABLE,
        f"{outlook.floor} of {outlook.counted} counted files are in use or protected, so no cleanup"
        f" gets below the trigger of {limits.trigger}; limits that fit: warning {fit.warning},"
        f" critical {fit.critical}, trigger {fit.trigger}, emergency {fit.emergency},"
        f" danger {fit.danger}.",
        {
            "floor": outlook.floor,
            "counted": outlook.counted,
            "trigger": limits.trigger,
            "suggestedTrigger": fit.trigger,
        },
    )


def rotation_recommended(
    census: Census, outlook: Outlook, settings: Settings, cleanups: Sequence[Cleaned] = ()
) -> Advice | None:
    """Advise a new pairing when the files that no cleanup may remove keep the count too high.

    Too high is the emergency limit, or `critical` where each of the last `cleanups` (newest first) left it there and
    removed next to nothing. A new pairing drops files that accumulated and may not be removed: device lists, tokens,
    old pre-keys; in an empty directory also mappings and unknown files, which a rotation keeps. It does not help a
    tenant whose sessions are in use. Thousands of pre-keys are reported even where they do not count.
    """
    if outlook.refused is not None:
        return None
    return _protected_piled_up(census, outlook, settings, cleanups) or _pre_keys_piled_up(
        census, outlook, settings
    )


def _protected_piled_up(
    census: Census, outlook: Outlook, settings: Settings, cleanups: Sequence[Cleaned]
) -> Advice | None:
    limits, stays = settings.thresholds, outlook.floor
    again = "" if stays >= limits.emergency else _again_and_again(cleanups, limits)
    if stays < limits.critical or (stays < limits.emergency and not again):
        return None
    limit = limits.critical if again else limits.emergency
    found = f"{again}{stays} counted files cannot be removed by any cleanup, at or above the limit of {limit};"
    mappings, unknown = census.count(LID_MAPPING), census.count(OTHER)
    anew = _counted_anew(census, stays, settings, in_place=True)
    if anew < limits.critical:
        goes = census.protected - mappings
        kept = f", with the {mappings} LID mappings that a rotation keeps" if mappings else ""
        return Advice(
            ROTATION_RECOMMENDED,
            f"{found} {goes} protected files go only with a new pairing: rotate the session, which would begin at about"
            f" {anew}{kept}.",
            {"stays": stays, "protected": goes, "anew": anew},
            rotates=True,
        )
    anew = _counted_anew(census, stays, settings)
    if anew >= limits.critical:
        return None
    besides = f" and {unknown} unknown ones" if unknown else ""
    return Advice(
        ROTATION_RECOMMENDED,
        f"{found} {census.protected} protected files{besides} go only when the"
        f" tenant is paired again in an empty directory, which would begin at about {anew}.",
        {"stays": stays, "protected": census.protected, "anew": anew},
    )


def _again_and_again(cleanups: Sequence[Cleaned], limits: Thresholds) -> str:
    """Describe the last cleanups; "" where there were too few or where they helped."""
    last = cleanups[:SIGN_CLEANUPS]
    if len(last) < SIGN_CLEANUPS:
        return ""
    if any(each.after < limits.critical or each.removed >= FEW_REMOVED for each in last):
        return ""
    least, most = min(each.after for each in last), max(each.after for each in last)
    left = f"{least}" if least == most else f"{least} to {most}"
    return (
        f"The last {SIGN_CLEANUPS} cleanups removed fewer than {FEW_REMOVED} files each and left {left};"
        " "
    )


def _pre_keys_piled_up(census: Census, outlook: Outlook, settings: Settings) -> Advice | None:
    """Advise on pre-keys that no rule may remove: thousands of them, or most of a total that is too high."""
    pre_keys, anew = census.pre_keys, _pre_keys_anew(census, settings)
    every_file = settings.thresholds.count == TOTAL
    too_high = outlook.floor >= settings.thresholds.emergency
    mostly = 2 * (pre_keys - anew) >= outlook.floor
    if pre_keys < MANY_PRE_KEYS and not (every_file and too_high and mostly):
        return None
    grow = census.new_pre_keys
    a_day = round(grow / 7) if grow is not None else 0
    growth = f", about {a_day} more each day" if a_day else ""
    first = (
        "set thresholds.count to Pressure, which leaves those above the allowance out"
        if every_file
        else "leave them, since those above the allowance do not count and only take space and inodes"
    )
    return Advice(
        ROTATION_RECOMMENDED,
        f"{pre_keys} pre-keys are there{growth}, and none may go: WhatsApp's server may still hand out"
        " any that was uploaded, and a new contact's first message fails without its pre-key. Baileys"
        f" removes only those that were used. Two ways out: {first}; or rotate the session and pair the"
        f" tenant again, which begins with about {anew}.",
        {"preKeys": pre_keys, "aDay": a_day, "anew": anew},
        rotates=True,
    )


def _counted_anew(census: Census, floor: int, settings: Settings, *, in_place: bool = False) -> int:
    """Estimate the counted files some days after a new pairing with the present traffic.

    `in_place`: include the LID mappings and the unknown files that a rotation keeps.
    """
    removed = counted(census, settings) - floor
    sessions = census.count(SESSION)
    live = sessions + census.count(SENDER_KEY) + census.count(SENDER_KEY_MEMORY) - removed
    protected = _PROTECTED_AT_PAIRING + _PROTECTED_A_SESSION * sessions
    if in_place:
        protected += max(0, census.count(LID_MAPPING) - _MAPPINGS_A_SESSION * sessions)
    protected = min(census.protected, protected)
    pre_keys = _pre_keys_anew(census, settings)
    unknown = census.count(OTHER) if in_place else 0
    total = max(0, live) + protected + pre_keys + unknown
    return counted_of(total, pre_keys, protected, settings)


def _pre_keys_anew(census: Census, settings: Settings) -> int:
    """Return the number of pre-keys after a new pairing: 812 if the directory shows the library that uploads 812."""
    # Few pre-keys may be left in such a directory; but tokens and identity keys came with later versions.
    later = census.count(TC_TOKEN) + census.count(IDENTITY_KEY) > 0
    if later or census.upload_span >= MAX_UPLOAD_SPAN:
        return _PRE_KEYS_AT_PAIRING
    return min(census.count(PRE_KEY), settings.allowances.pre_keys)


def silence_not_counted(outlook: Outlook, settings: Settings) -> Advice | None:
    """Advise when files that are old by the calendar keep the count at the trigger, and for how long."""
    files = outlook.kept.get(SILENCE_NOT_COUNTED, 0)
    if not files or outlook.held_days is None or outlook.counted < settings.thresholds.trigger:
        return None
    days = outlook.held_days
    more = f"{days} more days" if days != 1 else "one more day"
    them = "files are" if files != 1 else "file is"
    return Advice(
        SILENCE_NOT_COUNTED,
        f"{files} {them} older than the limits by the calendar and stay, because silences of more than"
        f" a day count a day at most; the first go after traffic on {more}.",
        {"files": files, "days": days},
    )


def session_inactive(
    newest_activity: float | None, now: float, inactive_after: float = INACTIVE_AFTER
) -> Advice | None:
    """Advise when no session or sender key was written for longer than `inactive_after` seconds."""
    if newest_activity is None or now - newest_activity <= inactive_after:
        return None
    days = int((now - newest_activity) // _DAY)
    quiet = f"{days} days" if days != 1 else "1 day"
    if not days:
        quiet = f"{int((now - newest_activity) // 3600)} hours"
    return Advice(
        SESSION_INACTIVE,
        f"No message was sent or received for {quiet}: the tenant's process may be stopped or"
        " unlinked, and its files are left as they are.",
        {"days": days},
    )


def temporary_files(entries: Iterable[Entry], now: float) -> Advice | None:
    """Advise on temporary files of interrupted writes: older than a day, so no process still writes them."""
    horizon_ns = nanoseconds(now - _DAY)
    left = [
        entry
        for entry in listed(entries).of(OTHER)
        if entry.mtime_ns < horizon_ns and is_temporary(entry.name)
    ]
    if not left:
        return None
    files = "1 temporary file is" if len(left) == 1 else f"{len(left)} temporary files are"
    size = sum([entry.size for entry in left])
    return Advice(
        TEMPORARY_FILES,
        f"{files} left over from writes that were cut off, more than a day old, {size} bytes. The"
        " library never opens them, they count as files, and no rule removes them: delete them by"
        " hand.",
        {"files": len(left), "bytes": size},
    )


def disk_pressure(
    free_bytes: int | None,
    free_inodes: int | None,
    volume_bytes: int | None = None,
    least_bytes: int = LEAST_FREE_BYTES,
    least_inodes: int = LEAST_FREE_INODES,
) -> Advice | None:
    """Return advice for a volume that is nearly full.

    None stands for an unknown number (some file systems do not report one). On a small volume a tenth of it is the
    limit: 44 MiB free of 48 MiB are plenty.
    """
    if volume_bytes is not None:
        least_bytes = min(least_bytes, volume_bytes // 10)
    short = []
    numbers: dict[str, int] = {}
    if free_bytes is not None and free_bytes < least_bytes:
        short.append(f"{free_bytes // (1024 * 1024)} MiB")
        numbers["freeBytes"] = free_bytes
    if free_inodes is not None and free_inodes < least_inodes:
        short.append(f"{free_inodes} inodes")
        numbers["freeInodes"] = free_inodes
    if not short:
        return None
    return Advice(
        DISK_PRESSURE,
        f"Only {' and '.join(short)} are free on the volume; a full disk truncates creds.json, and"
        " a tenant that restarts then must pair again. Enlarge the volume or make room.",
        numbers,
    )
