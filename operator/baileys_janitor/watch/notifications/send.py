"""Sends one message to one channel, and ends: a process of its own, so that no HTTP library stays in the watch.

The request comes on standard input, and the answer goes to standard output, both JSON. Secrets are read as the
operator does: from files of the secrets' directory, else from the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from zoneinfo import ZoneInfo

from baileys_janitor import extras
from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.notify import render
from baileys_janitor.notify.words import Reader

Object = dict[str, Any]
SENT, FAILED = "sent", "failed"


async def send(request: Object) -> Object:
    """Send a message; return the result."""
    from baileys_janitor.notify.channels.factory import opened
    from baileys_janitor.notify.channels.http import Undelivered
    from baileys_janitor.notify.secrets import NoSecret

    config = Notifications.model_validate(request["notifications"])
    reader = Reader(ZoneInfo(config.time_zone), config.runbook_base_url)
    channel = opened(config, os.environ, reader)[request["channel"]]
    try:
        await channel.send(render.finished(request["document"], reader))
    except Undelivered as problem:
        return {
            "outcome": FAILED,
            "why": problem.why,
            "retryAfter": problem.retry_after,
            "lasting": problem.lasting,
        }
    except NoSecret as problem:
        return {"outcome": FAILED, "why": str(problem), "lasting": True}
    except Exception as error:  # noqa: BLE001 - whatever a channel's library raises
        # Its text may contain an address, which is a secret.
        return {"outcome": FAILED, "why": f"unforeseen ({type(error).__name__})", "lasting": True}
    finally:
        await channel.close()
    return {"outcome": SENT}


def main() -> int:
    """Carry out the request on standard input."""
    request = json.load(sys.stdin)
    try:
        extras.require("notify")
    except extras.ExtraMissing as problem:
        answer: Object = {"outcome": FAILED, "why": str(problem), "lasting": True}
    else:
        answer = asyncio.run(send(request))
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
