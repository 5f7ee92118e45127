"""The defaults for what a caller may ask of a run: when to end, and whom to tell."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.cleanup.plan import Plan


def go_on() -> None:
    """A `stop` that never names a reason to end."""


def tell_nobody(done: int, total: int) -> None:  # a `progress`
    """A `progress` that nobody watches."""


def show_nobody(plan: Plan) -> None:  # a `watch`
    """A `watch` for plans that nobody sees."""


def keep_no_names(names: list[str]) -> None:
    """A `restored` for names that nobody looks at again."""
