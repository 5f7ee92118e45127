"""The database driver is an optional extra: without it everything else works, and the error names the extra."""

from __future__ import annotations

from baileys_janitor import extras
from baileys_janitor.keystore.errors import DRIVER_MISSING, KeystoreProblem


def require_driver() -> None:
    """Load the driver. Raises KeystoreProblem where it is not installed."""
    try:
        import psycopg  # noqa: F401
    except ImportError as problem:
        raise KeystoreProblem(
            DRIVER_MISSING,
            extras.sentence("postgres"),
        ) from problem
