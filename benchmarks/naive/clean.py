"""The naive rules, as in common scripts: list, stat, decide by name and age, unlink."""

import json
import re
import sys
import time
from pathlib import Path

DAY = 86_400
KIND = re.compile(
    r"(app-state-sync|lid-mapping|pre-key|session|sender-key-memory|sender-key|device-list|tctoken|creds)"
)
directory, apply = Path(sys.argv[1]), "--apply" in sys.argv
now = time.time()
json.loads((directory / "creds.json").read_text())
counts: dict[str, int] = {}
removed = 0
for path in directory.iterdir():
    if not path.is_file():
        continue
    age = now - path.stat().st_mtime
    found = KIND.match(path.name)
    kind = found[1] if found else "other"
    counts[kind] = counts.get(kind, 0) + 1
    limit = 14 * DAY if kind == "session" else 3 * DAY
    if kind in {"session", "sender-key", "sender-key-memory"} and age > limit:
        removed += 1
        if apply:
            path.unlink()
print(json.dumps({"counts": counts, "removed": removed}))
