"""Settings for printing values: the same for every connection, so that the same row is the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from baileys_janitor.keystore.postgres.connect import Database

_PRINTING: Final = """
SELECT set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true),
       set_config('TimeZone', 'UTC', true), set_config('bytea_output', 'hex', true),
       set_config('extra_float_digits', '3', true), set_config('lc_monetary', 'C', true)
"""


def print_alike(database: Database) -> None:
    """Print values the same way for every connection, until the transaction ends."""
    database.row(_PRINTING)
