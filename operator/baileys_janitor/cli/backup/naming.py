"""What a session directory is called among archives: its name, or its path beneath the root that was given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from baileys_janitor.backup.names import tenant_of

if TYPE_CHECKING:
    from baileys_janitor.cli.targets import Target


def directory_of(target: Target) -> str:
    """Return the path beneath the root, or the directory's own name where it was given itself."""
    if target.path != ".":
        return target.path
    return os.path.basename(os.path.abspath(target.root))  # noqa: PTH100, PTH119 - links stay unresolved


def tenant_of_target(target: Target) -> str:
    """Return the tenant's part of the names of its archives."""
    return tenant_of(directory_of(target))
