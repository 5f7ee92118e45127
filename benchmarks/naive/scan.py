"""scan.mjs in Python: list, stat each file, sums by kind. No program in Python can take less time than this."""

import json
import os
import re
import sys

KIND = re.compile(
    r"(app-state-sync|lid-mapping|pre-key|session|sender-key-memory|sender-key|device-list|tctoken|identity-key|creds)"
)
by_kind: dict[str, list[int]] = {}
directories = 0
with os.scandir(sys.argv[1]) as names:
    for directory in names:
        if not directory.is_dir(follow_symlinks=False):
            continue
        directories += 1
        with os.scandir(directory) as files:
            for file in files:
                if not file.is_file(follow_symlinks=False):
                    continue
                found = KIND.match(file.name)
                total = by_kind.setdefault(found[1] if found else "other", [0, 0])
                total[0] += 1
                total[1] += file.stat(follow_symlinks=False).st_size
print(json.dumps({"directories": directories, "byKind": by_kind}))
