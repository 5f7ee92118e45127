"""A picture of the demo's table for the README: `python -m sandbox.demo --once --picture docs/demo.svg`."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

LEVELS = {
    "Healthy": "green",
    "Warning": "yellow",
    "Critical": "dark_orange",
    "Emergency": "bold red",
}
WIDTH = 104


class Picture:
    """Collects the output at a prompt, and writes it as SVG."""

    def __init__(self) -> None:
        self._console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)

    def prompt(self, command: str, printed: str) -> None:
        """Add a command and its output."""
        text = Text(f"$ {command}\n", style="bold")
        body = Text(printed.rstrip() + "\n", style="not bold")
        for level, style in LEVELS.items():
            body.highlight_regex(rf"\b{level}\b", style)
        body.highlight_regex(r"\bFalse\b", "red")
        self._console.print(text + body, soft_wrap=False)

    def save(self, file: Path) -> None:
        """Write the picture; viewers need not fetch any fonts."""
        drawn = self._console.export_svg(title="make demo")
        drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)
        file.write_text(drawn.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas"), "utf-8")
