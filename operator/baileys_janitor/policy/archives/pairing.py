"""The pairing of a creds.json, and the facts that a restore of it needs.

A tenant that is paired again gets other keys, or keeps its keys and gets another device number and other signatures. So
a pairing is identified by everything that the phone and the server have agreed on: identity key, registration id,
`me.id` with its device, `account` and `advSecretKey`. `me.lid` is learned at a login, so a copy from before it lacks
it: two files of one pairing never name different LIDs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2s

from baileys_janitor.policy.files.identity import PAIRED, buffer_text, read_identity, user_of
from baileys_janitor.policy.files.strict_json import JsonError, parse

#: Bytes of a pairing's digest: 16 hex digits.
_DIGEST_BYTES = 8
# Enough to distinguish the pairings of one tenant in a file's name.
_TAGS = 1_000_000
_KEY_PAIRS = ("noiseKey", "signedIdentityKey")
_APP_STATE_KEY_ID_MAX = 64
_ID_MAX = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The content of a whole, paired creds.json without any key.

    `pairing` is a digest of the pairing, `fingerprint` that of the identity alone (as in `Identity`). `lid_user` is ""
    before the first login. `app_state_key_id` is "" where the phone has not shared a key yet.
    """

    pairing: str
    fingerprint: str
    lid_user: str
    next_pre_key_id: int
    first_unuploaded_pre_key_id: int
    signed_pre_key_id: int
    app_state_key_id: str = ""

    @property
    def tag(self) -> int:
        """A number of six digits that identifies the pairing in a file's name."""
        return int(self.pairing, 16) % _TAGS

    def same_pairing(self, other: Credentials) -> bool:
        """Return whether two files belong to one pairing."""
        lids = {each.lid_user for each in (self, other) if each.lid_user}
        return self.pairing == other.pairing and len(lids) < 2

    def is_older_than(self, other: Credentials) -> bool:
        """Return whether a file of the same pairing is older than another: counters only ever rise."""
        return (
            self.next_pre_key_id < other.next_pre_key_id
            or self.first_unuploaded_pre_key_id < other.first_unuploaded_pre_key_id
            or self.signed_pre_key_id < other.signed_pre_key_id
        )

    def __repr__(self) -> str:
        return f"Credentials(pairing={self.pairing!r}, next={self.next_pre_key_id})"


def read_credentials(data: bytes) -> Credentials | None:
    """Return the credentials in the bytes of a creds.json; None unless a session can start with them. Never raises."""
    identity = read_identity(data)
    following, unuploaded = identity.next_pre_key_id, identity.first_unuploaded_pre_key_id
    if identity.state != PAIRED or following is None or unuploaded is None:
        return None
    try:
        creds = parse(data.decode("utf-8", "replace"))
    except JsonError:  # pragma: no cover - it was read a moment ago
        return None
    if not isinstance(creds, dict) or not all(_is_key_pair(creds.get(key)) for key in _KEY_PAIRS):
        return None
    signed = _signed_pre_key_id(creds.get("signedPreKey"))
    account = _account(creds["account"])
    me, secret = creds["me"], creds.get("advSecretKey")
    if account is None or signed is None or _id(creds.get("registrationId")) is None:
        return None
    if not isinstance(secret, str) or not secret:
        return None
    return Credentials(
        pairing=_digest([identity.fingerprint, me["id"], account, secret]),
        fingerprint=identity.fingerprint,
        lid_user=user_of(me.get("lid")),
        next_pre_key_id=following,
        first_unuploaded_pre_key_id=unuploaded,
        signed_pre_key_id=signed,
        app_state_key_id=_app_state_key_id(creds.get("myAppStateKeyId")),
    )


def _digest(parts: object) -> str:
    text = json.dumps(parts, sort_keys=True)
    return blake2s(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _account(account: dict[str, object]) -> dict[str, object] | None:
    """Return the account with its bytes in one canonical form; the library writes several."""
    plain: dict[str, object] = {}
    for key, value in account.items():
        text = buffer_text(value) if isinstance(value, dict) else value
        if isinstance(text, (dict, list)):
            return None
        plain[key] = text
    return plain


def _is_key_pair(value: object) -> bool:
    return isinstance(value, dict) and all(
        buffer_text(value.get(part)) for part in ("private", "public")
    )


def _signed_pre_key_id(value: object) -> int | None:
    if not isinstance(value, dict) or not _is_key_pair(value.get("keyPair")):
        return None
    return _id(value.get("keyId")) if buffer_text(value.get("signature")) else None


def _id(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= _ID_MAX and value == int(value) else None


def _app_state_key_id(value: object) -> str:
    if not isinstance(value, str) or len(value) > _APP_STATE_KEY_ID_MAX:
        return ""
    return value
