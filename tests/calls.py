"""Work, counted in function calls: the same on an idle machine and on a busy one."""

from __future__ import annotations

import sys
from types import FrameType, TracebackType


class Calls:
    """Counts the calls of Python and C functions in this thread while it is entered."""

    def __init__(self) -> None:
        self.count = 0

    def _note(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            self.count += 1

    def __enter__(self) -> Calls:
        sys.setprofile(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        sys.setprofile(None)
