"""What kubectl shows of tenants, kept for review in `described/`.

`UPDATE_DESCRIBED=1 pytest tests/controller/live/test_describe.py` writes it anew.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from sandbox.tools import kubectl_path
from tests.controller.live.world import World

PLACE = Path(__file__).parent / "described"
UPDATE = "UPDATE_DESCRIBED"

_DIFFERENT_EACH_TIME = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\b20\d{6}-\d{6}-[0-9a-f]{6}\b", "RUN"),
    (r"(?<=It took )\S+(?=\.$)", "DURATION"),
    (r"(?i)(duration|free ?(?:bytes|inodes)|creds ?token|running): +\S+", r"\1: DIFFERS"),
    (r"\d+ looks over \d+ s", "N looks over N s"),
    # Whether there is a growth yet, a slow machine may see otherwise.
    (r"(?i)^  (growth ?per ?day: .*|forecast:(\n    .*)+)\n", ""),
    (
        r"^(  (?:Normal|Warning)) +(\S+) +\S+(?: \(x\d+ over [^)]*\))? +",
        r"\1  \2  AGE  ",
    ),
    (r"^  Type +Reason +Age +From +Message\n[ -]+\n", ""),
)


async def kubectl(world: World, *words: str) -> str:
    """What kubectl prints."""
    process = await asyncio.create_subprocess_exec(
        str(kubectl_path()),
        f"--kubeconfig={world.cluster.kubeconfig}",
        f"--namespace={world.namespace}",
        *words,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


def masked(text: str) -> str:
    """A text from its spec on, without what is different each time."""
    told = text[text.lower().index("\nspec:\n") + 1 :]
    for pattern, word in _DIFFERENT_EACH_TIME:
        told = re.sub(pattern, word, told, flags=re.MULTILINE)
    return told.rstrip() + "\n"


def compare(name: str, told: str) -> None:
    """Compare with what is kept, or keep it."""
    kept = PLACE / name
    if os.environ.get(UPDATE):
        PLACE.mkdir(exist_ok=True)
        kept.write_text(told)
    assert told == kept.read_text(), f"after a deliberate change: {UPDATE}=1"
