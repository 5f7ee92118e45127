"""The machine's own clocks: for the Job, and for the operator beside it."""

from __future__ import annotations

from baileys_janitor.volume.scanning.activity import boot

__all__ = ["boot"]
