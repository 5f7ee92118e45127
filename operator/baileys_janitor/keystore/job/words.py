"""Sentences that name command line options, reworded for people who use a resource."""

from __future__ import annotations

from typing import Final

_INSTEAD: Final = (
    ("do without (--no-memory, with --bucket-days)",
     "do without (spec.memory: None and spec.undo: None, with spec.backup.retention.bucketDays)"),
    ("set --encoding JsonTextTwice", "set spec.credentials.encoding: JsonTextTwice"),
    ("(--preset, --table, --column)", "(spec.keys)"),
    ("(--preset, --creds-table, --creds-row)", "(spec.keys, spec.credentials)"),
    ("`baileys-janitor keystore scan` shows", "status.sessions.worst shows"),
)  # fmt: skip


def in_a_cluster(sentence: str) -> str:
    """Return a sentence with the resource's fields in place of options."""
    for option, field in _INSTEAD:
        sentence = sentence.replace(option, field)
    return sentence
