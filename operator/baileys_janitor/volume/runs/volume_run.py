"""The base of runs in an open session directory: their callbacks, the time they take, and the identity they read."""

from __future__ import annotations

import time

from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody
from baileys_janitor.volume.scanning.credentials import settled_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.files.identity import Identity


class VolumeRun:
    """A run at `now` (Unix seconds) in the session directory with the file descriptor `directory`.

    `stop` returns a code when the run is to end; `progress` gets the files done and planned; `pause` waits for some
    seconds.
    """

    def __init__(
        self,
        directory: int,
        *,
        now: float,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.directory = directory
        self.now = now
        self.stop = stop
        self.progress = progress
        self.pause = pause
        self._started = time.monotonic()

    def _identity(self) -> Identity:
        """Return the tenant's identity, once two reads of creds.json agree. Raises VolumeProblem."""
        return settled_identity(self.directory, self.pause)

    def _elapsed_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def _tick(self) -> None:
        """Raise VolumeProblem with the code of `stop` if the run is to end."""
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)
