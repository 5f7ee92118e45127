"""The recovery key in the cluster: a Secret that is created for restores and deleted when they have ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.arguments.small_files import text_of
from baileys_janitor.cli.plugin.operations.operation_secrets import OperationSecrets
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl

_KEY: Final = "identity"
"""The key in the Secret that the Job reads."""
_IDENTITY: Final = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]{40,}$", re.MULTILINE)
_LARGEST: Final = 16 * 1024


def recovery_key(kubectl: Kubectl, key: str, request: str) -> OperationSecrets:
    """Return the Secrets with the recovery key of some restores; those of a restore still running are kept."""
    data = {_KEY: key}
    return OperationSecrets(
        kubectl, "recovery-key", data, request, "the recovery key", outlives=True
    )


def read_key(path: str) -> str:
    """Return the text of a file with an age identity, `-` for standard input; raise bad usage for anything else."""
    found = text_of(path, "--identity", _LARGEST)
    if not _IDENTITY.search(found):
        raise usage(
            f"--identity {printable(path)} holds no age identity: a line that begins with AGE-SECRET-KEY-1. "
            "`baileys-janitor backup keygen` makes one."
        )
    return found
