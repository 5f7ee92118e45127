"""The pages that people read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
RUNBOOKS: Final = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES: Final = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *RUNBOOKS,
    ROOT / "charts" / "baileys-janitor" / "README.md",
]


def name_of(page: Path) -> str:
    """Name a page in a test's id."""
    return str(page.relative_to(ROOT))
