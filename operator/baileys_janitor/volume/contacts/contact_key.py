"""The key of a session directory's hashes of contacts: `.janitor~key`, 32 random bytes in hexadecimal digits.

A report names a contact by a hash made with this key: it does not reveal the number and is the same in every
report. The key is made once, under the lock, and never leaves the volume. Deleting it only changes the hashes.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.contact.hashes import KEY_BYTES
from baileys_janitor.volume.errors import problem_of
from baileys_janitor.volume.files.state_files import owners_of, read_state, remove, write_new
from baileys_janitor.volume.files.state_names import KEY
from baileys_janitor.volume.runs.callbacks import go_on
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.volume.files.state_files import Owners

_DIGITS = 2 * KEY_BYTES
_HEX = frozenset(b"0123456789abcdef")


def read_contact_key(directory: int, owners: Owners | None = None) -> bytes | None:
    """Return the key of an open session directory, None without a usable one.

    Writes nothing. Raises VolumeProblem: JanitorRefused for anything but a file of ours.
    """
    data = read_state(directory, KEY, owners or owners_of(directory), _DIGITS + 1)
    if data is None:
        return None
    digits = data.removesuffix(b"\n")
    if len(digits) != _DIGITS or not _HEX.issuperset(digits):
        return None  # cut by a kill, or forged
    return bytes.fromhex(digits.decode("ascii"))


def contact_key(directory: int, *, now: float, stop: Callable[[], str | None] = go_on) -> bytes:
    """Return the key of an open session directory, and make it if there is none.

    Making it takes the lock and recovers killed runs, as every writing run does. Raises VolumeProblem.
    """
    found = read_contact_key(directory)
    if found is not None:
        return found
    with ExclusiveAccess(
        directory, now=now, undo_window=None, holder="baileys-janitor key", stop=stop
    ) as access:
        try:
            return _make(directory, access.owners)
        except OSError as error:
            raise problem_of(error) from error


def _make(directory: int, owners: Owners) -> bytes:
    """Make the key. The lock is held, so an invalid key file was left by a killed process."""
    found = read_contact_key(directory, owners)
    if found is not None:
        return found
    key = os.urandom(KEY_BYTES)
    remove(directory, KEY)
    write_new(directory, KEY, f"{key.hex()}\n".encode("ascii"), owners)
    os.fsync(directory)
    return key
