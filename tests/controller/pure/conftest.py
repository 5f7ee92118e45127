"""A loaded machine is no failure: what takes long here is the machine, since nothing waits."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("virtual-time", deadline=None)
settings.load_profile("virtual-time")
