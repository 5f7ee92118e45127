"""The messages of the contenders' pods, on the same simulated directories."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.operator.directories import Volumes
from benchmarks.operator.run import Message

Object = dict[str, Any]


def naive_message(volumes: Volumes) -> Message:
    """Return the message of a pod that counts one claim and removes nothing."""

    def message(job: Object, when: float) -> bytes:
        pod = job["spec"]["template"]["spec"]
        claim = pod["volumes"][0]["persistentVolumeClaim"]["claimName"]
        counted = volumes[job["metadata"]["namespace"], claim].counted(when)
        return json.dumps({"total": counted}).encode()

    return message
