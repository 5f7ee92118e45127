"""Sentences for the codes of a restore of rows instead of files."""

from __future__ import annotations

from typing import Final

from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.restore_codes import (
    ALREADY_THERE,
    ANOTHER_IDENTITY,
    ANOTHER_PAIRING,
    COUNTERS_RAISED,
    CREDENTIALS_INCOMPLETE,
    EMPTY_DIRECTORY,
    EXPLANATIONS,
    KEPT_BACK,
    LIBRARY_TOO_OLD,
    LONE_MEMORIES,
    NOT_AS_ARCHIVED,
    OWN_LID_UNKNOWN,
    SAFE,
)
from baileys_janitor.policy.archives.restore_credentials import (
    APP_STATE_KEY_MISSING,
    CREDENTIALS_WHOLE,
    NOT_WHOLE,
    NOTHING_BESIDE,
    PRE_KEYS_REWRITTEN,
)

# For rows instead of files; no copies of creds are kept.
_SENTENCES: Final = {
    ALREADY_THERE: "The table has a row of that key, which is never replaced.",
    LIBRARY_TOO_OLD: (
        "No row shows that Baileys 7.0.0-rc.7 or newer was used, and an older version cannot send with a closed"
        " session. Without this row the library makes a new session."
    ),
    ANOTHER_IDENTITY: (
        "The archive is of another identity than this session's rows, so nothing is put back: choose an archive of"
        " this session."
    ),
    ANOTHER_PAIRING: (
        "The archive is not of the pairing that the creds have: it is from before the session was paired again, or is"
        " forged. Choose another archive."
    ),
    CREDENTIALS_INCOMPLETE: (
        "The creds are paired but lack keys that a session cannot start without. If no process can use them, set their"
        " column to NULL or remove the row, and restore again."
    ),
    NOT_AS_ARCHIVED: (
        "The table holds rows of the session that are not those of the archive, so a process has used it since, or it"
        f" is another one: remove them first, or restore with --mode {SAFE}."
    ),
    LONE_MEMORIES: (
        "The session's own sender keys of some groups are lost while memory rows still list the members that have"
        " them, so its messages there would be unreadable. A restore moves these memory rows into the janitor's"
        " archive: the keys are then sent again."
    ),
    EMPTY_DIRECTORY: (
        "The table holds no rows of the session. If somebody logged it out, or unlinked it on the phone, do not restore"
        " it: the server has deleted it, and only a new pairing helps."
    ),
    APP_STATE_KEY_MISSING: (
        "The app-state key that the creds name is not in the table: chats are not archived, muted or marked from here"
        " until the phone shares a key again."
    ),
    OWN_LID_UNKNOWN: (
        "Under a LID while neither creds contain the session's own LID: it could be its own."
    ),
    PRE_KEYS_REWRITTEN: (
        "Pre-keys with ids below the archive's counters were written after it was made, as they are after a new"
        " pairing. If the session was not paired again since (rows were copied, say), add"
        f" --acknowledge {PRE_KEYS_REWRITTEN}."
    ),
    NOT_WHOLE: (
        "The archive holds no whole creds of a paired account, or with --mode Whole not every row in a known form, so"
        " nothing of it can be put back."
    ),
    CREDENTIALS_WHOLE: (
        f"The creds can be read and are paired, so they stay. To bring other rows back: --mode {SAFE}."
    ),
    reasons.CREDENTIALS_TOO_LARGE: (
        "The creds are too large to be read, so the account is unknown. Check the process that writes them."
    ),
    COUNTERS_RAISED: (
        "The archive knows of pre-keys that the creds would hand out again, so their counters are raised above them."
    ),
    NOTHING_BESIDE: (
        "There are no keys beside the creds. If somebody logged this session out, do not restore it. If the rows are"
        " lost: contacts heal by retries, and messages from the company's own phone are lost until this session has"
        " sent its first message, so send one."
    ),
}


def sentence_of(code: str) -> str:
    """Return one sentence about a code of the plan, in the words of rows."""
    for sentences in (_SENTENCES, KEPT_BACK, EXPLANATIONS):
        if code in sentences:
            return sentences[code].replace("creds.json", "creds")
    return reasons.explain(code).replace("creds.json", "creds")
