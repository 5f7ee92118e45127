"""Reads single keys from a terminal, and restores its mode afterwards."""

from __future__ import annotations

import os
import select
import sys
import time
from types import TracebackType
from typing import Any, Self


class Keys:
    """Reads keys without Return inside the context; without a terminal on standard input, only waits."""

    def __enter__(self) -> Self:
        self._before: list[Any] | None = None
        try:
            import termios
            import tty

            self._file = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._file)
            tty.setcbreak(self._file)
        except (ImportError, OSError, ValueError):  # Windows, no terminal, or a closed one
            self._before = None
        except Exception as error:
            # termios.error is not an OSError.
            if type(error).__name__ != "error":
                raise
            self._before = None
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)

    def pressed(self, seconds: float) -> str | None:
        """Return the key that is pressed within `seconds`; None if there is none."""
        if self._before is None:
            time.sleep(seconds)
            return None
        if not select.select([self._file], [], [], seconds)[0]:
            return None
        return os.read(self._file, 16).decode("utf-8", "replace")[:1] or None
