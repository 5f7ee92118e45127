"""The bill of materials of the image, as CycloneDX: the packages in requirements/runtime.txt, with hashes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import Any, Final

from baileys_janitor import __version__
from release.reproducible import ROOT, rfc3339

TOOL: Final = ROOT / ".tools" / "release"
"""Where `make` installs cyclonedx-py, which only this module needs."""
_NAMESPACE: Final = uuid.UUID("6f2b8c1e-3d0a-5b7c-9a55-2a6e4d1f0c11")
Object = dict[str, Any]


class NoTool(Exception):  # noqa: N818 - what is the matter
    """cyclonedx-py is not there, or fails."""


def bill(seconds: int) -> bytes:
    """Return the bill; `seconds` is the release's time (Unix seconds).

    Raises:
        NoTool: cyclonedx-py is not there, or fails.
    """
    if not TOOL.is_dir():
        raise NoTool("cyclonedx-py is needed: `make release` puts it into .tools")
    wanted = ["requirements", "requirements/runtime.txt", "--pyproject", "pyproject.toml"]
    wanted += [
        "--mc-type",
        "application",
        "--output-reproducible",
        "--spec-version",
        "1.6",
        "--output-format",
        "JSON",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *wanted],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(TOOL)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoTool(done.stderr.strip())
    found: Object = json.loads(done.stdout)
    found["metadata"]["timestamp"] = rfc3339(seconds)
    own = found["metadata"]["component"]
    own["version"] = __version__
    own["purl"] = f"pkg:generic/baileys-janitor@{__version__}"
    # The download location depends on the user's configuration.
    for component in found["components"]:
        component.pop("externalReferences", None)
    found["serialNumber"] = uuid.uuid5(_NAMESPACE, json.dumps(found, sort_keys=True)).urn
    return (json.dumps(found, indent=2, sort_keys=True) + "\n").encode()
