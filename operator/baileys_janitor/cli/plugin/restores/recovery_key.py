"""The recovery key in the cluster: a Secret that is made for restores, and deleted when they have ended.

The operator has no right on Secrets, so whoever asks for a restore brings the key and takes it away again. The key goes
to kubectl's standard input; it is in no argument, no output and no message.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.api.bounded import mapping
from baileys_janitor.api.names import API_VERSION, OPERATION_KIND
from baileys_janitor.cli.arguments.small_files import text_of
from baileys_janitor.cli.kubectl.refusals import NOT_FOUND, Request
from baileys_janitor.cli.kubectl.resources import SECRETS
from baileys_janitor.cli.plugin.operations.asking import REQUEST_LABEL
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem, usage

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument

_KEY: Final = "identity"
"""The key of the Secret in which the Job looks for it."""
_IDENTITY: Final = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]{40,}$", re.MULTILINE)
_LARGEST: Final = 16 * 1024


class RecoveryKey:
    """The recovery key of some restores. Its text is nowhere shown."""

    def __init__(self, kubectl: Kubectl, key: str, request: str) -> None:
        self._kubectl = kubectl
        self._key = key
        self._request = request
        self._secrets: dict[str, str] = {}
        self._stored: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"RecoveryKey({len(self._secrets)} Secrets)"

    def name_in(self, namespace: str) -> str:
        """Return the name of the Secret of a namespace, which is made when it is first asked for."""
        name = f"baileys-recovery-key-{self._request}"
        if namespace not in self._secrets:
            # Known before it is there: it is deleted also when nobody has seen that it was made.
            self._secrets[namespace] = name
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {REQUEST_LABEL: self._request},
                },
                "type": "Opaque",
                "data": {_KEY: base64.b64encode(self._key.encode()).decode()},
            }
            self._stored[namespace] = self._kubectl.create(SECRETS, namespace, body)
        return name

    def give_to(self, operation: OperationDocument) -> None:
        """Let a Secret go with the first operation that it is for, should nobody be left to delete it."""
        stored = self._stored.pop(operation["namespace"], None)
        if stored is None:
            return
        owner = {
            "apiVersion": API_VERSION,
            "kind": OPERATION_KIND,
            "name": operation["name"],
            "uid": operation["uid"],
        }
        meta = {**mapping(stored.get("metadata")), "ownerReferences": [owner]}
        try:
            name = self._secrets[operation["namespace"]]
            self._kubectl.replace(
                SECRETS, operation["namespace"], name, {**stored, "metadata": meta}
            )
        except Problem:
            say(
                "The Secret with the recovery key is deleted when this command ends, but by nothing else: that takes "
                "the right to update Secrets."
            )

    def take_away(self, still_needed: Counter[str]) -> bool:
        """Delete the Secrets, except where restores go on; return whether none is left that should not be."""
        clean = True
        for namespace, name in self._secrets.items():
            delete = f"kubectl -n {namespace} delete secrets {name}"
            if still_needed[namespace]:
                say(
                    f"The Secret {name} with the recovery key stays, because a restore goes on. When it has ended: "
                    f"{delete}"
                )
                continue
            try:
                self._kubectl.delete(SECRETS, namespace, name)
            except Problem as problem:
                if isinstance(problem, Request) and problem.code == NOT_FOUND:
                    continue
                clean = False
                say(
                    f"Error: the Secret {name} with the recovery key could not be deleted. Do it now: {delete}"
                )
        return clean


def read_key(path: str) -> str:
    """Return the text of a file with an age identity, `-` for standard input; bad usage for anything else."""
    found = text_of(path, "--identity", _LARGEST)
    if not _IDENTITY.search(found):
        raise usage(
            f"--identity {printable(path)} holds no age identity: a line that begins with AGE-SECRET-KEY-1. "
            "`baileys-janitor backup keygen` makes one."
        )
    return found
