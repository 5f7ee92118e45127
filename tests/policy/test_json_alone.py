"""The reader of JSON in a process of its own, as in a Job: there nobody has imported `json`."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from baileys_janitor.policy.identity import read_identity
print(read_identity(bytes.fromhex(sys.argv[1])).state, "json" in sys.modules)
"""


@pytest.mark.parametrize(
    "text", [b'{"noiseKey":', b"", b"{", b'{"a" 1}', b"[1,", b'"\x01"', b"nul"]
)
def test_a_cut_creds_json_is_corrupt_where_json_was_never_imported(text: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, text.hex()], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["Corrupt", "False"]
