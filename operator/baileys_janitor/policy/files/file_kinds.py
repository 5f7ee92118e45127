"""The kind of a session file, derived from its full name.

The library (`useMultiFileAuthState`) writes `<type>-<id>.json` with `/` as `__` and `:` as `-`. Types overlap as
prefixes (`sender-key-memory-` also starts with `sender-key-`), so the longest one is tried first. For the kinds that a
rule may remove, the id must have the form that the library itself writes; anything else is `other`, which is never
touched.

Libraries before 7 and their forks know no domains: a LID is a plain number there. The forks whaileys and
@adiwajshing/baileys put the device into the user and always write device 0, so that `session-1100-12.0.json` is device
12 of user 1100.
"""

from __future__ import annotations

CREDS = "creds"
APP_STATE_SYNC = "appStateSync"
LID_MAPPING = "lidMapping"
PRE_KEY = "preKey"
SESSION = "session"
SENDER_KEY = "senderKey"
SENDER_KEY_MEMORY = "senderKeyMemory"
DEVICE_LIST = "deviceList"
TC_TOKEN = "tcToken"  # noqa: S105  # the name of a kind of file
IDENTITY_KEY = "identityKey"
OTHER = "other"

#: Every kind. Results carry counts by position in this order, so it never changes.
KINDS: tuple[str, ...] = (
    CREDS,
    APP_STATE_SYNC,
    LID_MAPPING,
    PRE_KEY,
    SESSION,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    DEVICE_LIST,
    TC_TOKEN,
    IDENTITY_KEY,
    OTHER,
)

#: Known kinds that no rule removes. "protected" counts exactly these; `other` is not among them.
PROTECTED_KINDS = frozenset(
    (CREDS, APP_STATE_SYNC, LID_MAPPING, DEVICE_LIST, TC_TOKEN, IDENTITY_KEY)
)

#: The only kinds a rule may ever remove.
REMOVABLE_KINDS = frozenset((PRE_KEY, SESSION, SENDER_KEY, SENDER_KEY_MEMORY))

#: Kinds that belong to a pairing, so that a rotation moves them. LID mappings are valid for any pairing.
PAIRING_KINDS = frozenset(KINDS) - {LID_MAPPING, OTHER}

#: Kinds whose modification time is the tenant's traffic (every message rewrites them).
ACTIVITY_KINDS = frozenset((SESSION, SENDER_KEY))

CREDS_NAME = "creds.json"
_SUFFIX = ".json"
_SUFFIX_LENGTH = len(_SUFFIX)
_TEMPORARY_ENDINGS = (".tmp", ".temp", ".part", ".partial")
_BACKUP_WORDS = ("bak", "backup", "copy", "old", "orig", "save")
_SENDER_KEY_PREFIX = "sender-key-"
_MEMORY_PREFIX = "sender-key-memory-"
_GROUP_SERVERS = ("g.us", "broadcast")
# LIDs seen in the field have up to 15 digits, nearly all of them at least 14. E.164 also allows 15 digits in a phone
# number, but hardly any has more than 13, the country code included.
_LEAST_LID_DIGITS = 14

# Pre-key ids travel as three bytes, and the library counts from 1.
_MAX_PRE_KEY_ID = 0xFFFFFF

# By first letter, longest type first. The flag says whether the id must be checked in detail.
_TYPES: dict[str, tuple[tuple[str, str], ...]] = {
    "a": (("app-state-sync-version-", APP_STATE_SYNC), ("app-state-sync-key-", APP_STATE_SYNC)),
    "c": (("contacts-tc-token-", TC_TOKEN),),  # whaileys
    "d": (("device-list-", DEVICE_LIST),),
    "i": (("identity-key-", IDENTITY_KEY),),
    "l": (("lid-mapping-", LID_MAPPING),),
    "p": (("pre-key-", PRE_KEY),),
    "s": (
        (_MEMORY_PREFIX, SENDER_KEY_MEMORY),
        (_SENDER_KEY_PREFIX, SENDER_KEY),
        ("session-", SESSION),
    ),
    "t": (("tctoken-", TC_TOKEN),),
}


# The shape of a name is the name with every digit replaced by "0". A directory has thousands of names but only a few
# dozen shapes, and all names of one shape are of one kind, except for leading zeros and the few exceptions in `_shape`.
_TO_SHAPE = bytes.maketrans(b"123456789", b"000000000")
# By shape: the kind, the start of the id, and the places of a "0" that would be a leading zero the kind does not allow.
_shapes: dict[bytes, tuple[str, int, tuple[int, ...]] | None] = {}
_SHAPES_MAX = 4_096
_SURE_PRE_KEY_DIGITS = 7  # none of them exceeds _MAX_PRE_KEY_ID


def classify(name: str) -> tuple[str, str]:
    """Return the kind of a file and the id in its name; `("other", "")` for anything unusual.

    `name` is a plain file name; undecodable bytes arrive as surrogates and make it `other`.
    """
    if not name.isascii():
        return OTHER, ""
    shape = name.encode().translate(_TO_SHAPE)
    try:
        known = _shapes[shape]
    except KeyError:
        known = _shape(shape)
        if len(_shapes) < _SHAPES_MAX:
            _shapes[shape] = known
    if known is None:
        return _classify(name)
    kind, start, numbers = known
    for place in numbers:
        if name[place] == "0":
            return _classify(name)
    return kind, name[start:-_SUFFIX_LENGTH]


def classify_all(names: list[str]) -> list[tuple[str, str]]:
    """Return the result of `classify` for each name, faster: the shapes of all names are computed at once."""
    text = "\n".join(names)
    if not text.isascii() or text.count("\n") >= len(names):
        return [*map(classify, names)]
    found = []
    for name, shape in zip(names, text.encode().translate(_TO_SHAPE).split(b"\n"), strict=True):
        known = _shapes.get(shape)
        if known is None:
            found.append(classify(name))
            continue
        kind, start, numbers = known
        for place in numbers:
            if name[place] == "0":
                found.append(_classify(name))
                break
        else:
            found.append((kind, name[start:-_SUFFIX_LENGTH]))
    return found


def _shape(shape: bytes) -> tuple[str, int, tuple[int, ...]] | None:
    """Return the properties common to all names of a shape, None where each name must be read by itself.

    Those are unusual names, and names in which a digit's value matters: the fork's device 0, large pre-key ids.
    """
    name = shape.decode().replace("0", "1")
    kind, ident = _classify(name)
    if kind in (OTHER, CREDS) or (kind == PRE_KEY and len(ident) > _SURE_PRE_KEY_DIGITS):
        return None
    start = len(name) - _SUFFIX_LENGTH - len(ident)
    if kind not in REMOVABLE_KINDS:
        return kind, start, ()
    if kind == PRE_KEY:  # counted from 1
        return kind, start, (start,)
    begins = [
        place
        for place in range(start, len(name) - 1)
        if name[place] == "1" == name[place + 1] and name[place - 1] != "1"
    ]
    return kind, start, tuple(begins)


def _classify(name: str) -> tuple[str, str]:
    if name == CREDS_NAME:
        return CREDS, ""
    if name.endswith(_SUFFIX) and name.isascii():
        for prefix, kind in _TYPES.get(name[0], ()):
            if name.startswith(prefix):
                ident = name[len(prefix) : -len(_SUFFIX)]
                # The first type that fits decides: a bad memory id is not a sender key's group.
                return (kind, ident) if _well_formed(kind, ident) else (OTHER, "")
    return OTHER, ""


def is_temporary(name: str) -> bool:
    """Return whether the name is one that an atomic write gives its file until it is renamed.

    `creds.json.tmp`, `session-1100.0.json.tmp-1712` and `creds.json.3948234`, each optionally with a dot before it.
    Backups (`creds.json.bak`, `creds.json.20260101`) are not temporary.
    """
    plain = name[1:] if name.startswith(".") else name
    if plain.endswith(_TEMPORARY_ENDINGS):
        return True
    known, dot, rest = plain.rpartition(_SUFFIX)
    if not dot or not rest or classify(known + _SUFFIX)[0] == OTHER:
        return False
    rest = rest[1:] if rest[0] in ".-_~" else rest
    return rest.startswith("tmp") or _is_random(rest)


def _is_random(text: str) -> bool:
    """Return whether a text looks like a random suffix of a temporary name; dates and words for a backup do not."""
    if text.startswith(_BACKUP_WORDS) or (text.startswith("20") and len(text) <= 14):
        return False
    drawn = text.isascii() and text.isalnum() and 4 <= len(text) <= 40
    return drawn and any(map(str.isdigit, text))


def is_number(text: str) -> bool:
    """Return whether a text is a number as the library prints it: no sign, no leading zero, at most 20 digits."""
    return (
        text.isdigit() and text.isascii() and len(text) <= 20 and (text[0] != "0" or len(text) == 1)
    )


def session_address(ident: str) -> tuple[str, int] | None:
    """Parse `1100_1.12` and a fork's `1100_1-12.0` to `("1100_1", 12)`: user with domain, and device."""
    user, dot, device = ident.rpartition(".")
    return _address(user, device) if dot else None


def sender_key_address(ident: str) -> tuple[str, str, int] | None:
    """Parse `G@g.us--1100_1--12` and a fork's `G@g.us--1100_1-12--0` to `("G@g.us", "1100_1", 12)`."""
    parts = ident.rsplit("--", 2)
    if len(parts) != 3 or not is_group(parts[0]):
        return None
    address = _address(parts[1], parts[2])
    return None if address is None else (parts[0], *address)


def sender_key_group(name: str) -> str | None:
    """Return the group of a sender key's file, read from any name of that type.

    None for every other file, and for a name without a group. A file that `classify` calls `other` may still be the key
    of a group, in a spelling that only its writer knows.
    """
    if not name.startswith(_SENDER_KEY_PREFIX) or not name.endswith(_SUFFIX):
        return None
    if name.startswith(_MEMORY_PREFIX):
        return None
    ident = name[len(_SENDER_KEY_PREFIX) : -len(_SUFFIX)]
    for server in _GROUP_SERVERS:
        local, at, _ = ident.partition(f"@{server}")
        if at and is_group(local + at):
            return local + at
    return None


def base_user(user: str) -> str:
    """Return the user without domain and device: `1100_1`, `1100_129` and `1100_1-12` are `1100`."""
    return user.partition("_")[0].partition("-")[0]


def may_be_lid(user: str) -> bool:
    """Return whether a user part of a name may be a LID.

    Baileys 7 marks LIDs with a domain. Older versions and forks do not: there a number counts as a LID from
    `_LEAST_LID_DIGITS` digits on, since hardly any phone number has that many.
    """
    return "_" in user or len(base_user(user)) >= _LEAST_LID_DIGITS


def is_group(text: str) -> bool:
    """Return whether a text is a group, a broadcast list or `status@broadcast`, as file names spell its JID."""
    local, at, server = text.partition("@")
    if not at or server not in _GROUP_SERVERS:
        return False
    if local == "status":
        return server == "broadcast"
    # Groups created before 2020 are called <creator>-<time>.
    return all(is_number(part) for part in local.split("-", 1))


def _address(user: str, device: str) -> tuple[str, int] | None:
    """Return user with domain, and device, from the two parts of a name."""
    name, dash, inside = user.partition("-")
    if not _is_user(name) or not _is_device(device):
        return None
    if not dash:
        return name, int(device)
    return (name, int(inside)) if device == "0" and _is_device(inside) else None


def _is_user(text: str) -> bool:
    user, underscore, domain = text.partition("_")
    return is_number(user) and (not underscore or (is_number(domain) and len(domain) <= 3))


def _is_device(text: str) -> bool:
    return is_number(text) and len(text) <= 5


def _well_formed(kind: str, ident: str) -> bool:
    if kind == SESSION:
        return session_address(ident) is not None
    if kind == SENDER_KEY:
        return sender_key_address(ident) is not None
    if kind == SENDER_KEY_MEMORY:
        return is_group(ident)
    if kind == PRE_KEY:
        return is_number(ident) and 0 < int(ident) <= _MAX_PRE_KEY_ID
    # Other kinds are never removed, whatever the id: later libraries may spell it differently.
    return ident != "" and ident.isprintable() and " " not in ident
