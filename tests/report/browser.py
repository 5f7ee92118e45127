"""A headless browser on this machine, driven over a pipe: what a page asks for, says and looks like."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 60
_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
Object = dict[str, Any]


def find() -> str | None:
    """The browser that `make` unpacked, else one on the PATH."""
    unpacked = ROOT / ".tools" / "browser" / "chromium"
    if os.access(unpacked, os.X_OK):
        return str(unpacked)
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One browser with one page, which `open` fills; its messages and requests are kept."""

    def __init__(self, program: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        read_by_it, self._out = os.pipe()
        self._in, written_by_it = os.pipe()

        def plumb() -> None:
            # The browser reads commands from 3 and writes answers to 4.
            first, second = os.dup(read_by_it), os.dup(written_by_it)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--hide-scrollbars",
                "--font-render-hinting=none",
                f"--user-data-dir={self._home.name}",
                "--remote-debugging-pipe",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=plumb,
            close_fds=False,
            env={**os.environ, "HOME": self._home.name},
        )
        os.close(read_by_it)
        os.close(written_by_it)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[Object] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._home.cleanup()

    def call(self, method: str, **parameters: Any) -> Object:
        """Ask for one thing and return its answer."""
        self._number += 1
        message: Object = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                result: Object = found["result"]
                return result
            self.events.append(found)

    def open(self, page: Path, width: int, scheme: str, height: int = 900) -> None:
        """Show a file in a window of that width, in the light or the dark scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not self.happened("Page.loadEventFired"):
            self.events.append(self._message())

    def happened(self, method: str) -> list[Object]:
        """The events of one kind since the page was opened."""
        return [each["params"] for each in self.events if each.get("method") == method]

    def evaluate(self, expression: str) -> Any:
        """What an expression is in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def picture(self, to: Path, size: tuple[int, int] | None = None, scale: float = 1.0) -> None:
        """Save what the page looks like as a PNG: all of it, or its beginning with this width and height."""
        asked: Object = {"format": "png", "captureBeyondViewport": True}
        if size is not None:
            asked["clip"] = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": scale}
        answer = self.call("Page.captureScreenshot", **asked)
        to.write_bytes(base64.b64decode(answer["data"]))

    def _message(self) -> Object:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._in, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("the browser does not answer")
            self._buffer += part
        first, _, self._buffer = self._buffer.partition(b"\0")
        message: Object = json.loads(first)
        return message
