"""Default callbacks of a run: when to end, and progress."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.cleanup.plan import Plan


def go_on() -> None:
    """A `stop` that never ends a run."""


def tell_nobody(done: int, total: int) -> None:  # a `progress`
    """A `progress` that does nothing."""


def show_nobody(plan: Plan) -> None:  # a `watch`
    """A `watch` that ignores plans."""


def keep_no_names(names: list[str]) -> None:
    """A `restored` that ignores names."""
