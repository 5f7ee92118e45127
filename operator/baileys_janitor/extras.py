"""The package's extras: libraries that only some commands need, and the command that installs a missing one.

The base package is for the command line on one server. This module imports only the standard library, and does not
load a library to find out whether it is installed. Every command loads this module, so imports for the message about
a missing extra are local.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, Final

PACKAGE: Final = "baileys-janitor"
MODULES: Final = {
    "operator": ("kopf", "kubernetes", "prometheus_client"),
    "notify": ("aiohttp", "apprise", "sentry_sdk", "tenacity"),
    "postgres": ("psycopg",),
    "backup": ("obstore", "pyrage"),
}
"""The modules that each extra installs, by import name."""
_INCLUDED: Final = {"operator": ("operator", "notify")}
"""Extras that include another one, as in pyproject.toml."""
_NEEDS: Final = {
    "operator": "The operator needs",
    "notify": "Notifications need",
    "postgres": "Databases need",
    "backup": "Backups need",
}


class ExtraMissing(Exception):  # noqa: N818 - what is wrong, not a kind of error
    """A command needs an extra that is not installed; the message is one sentence with the remedy."""


def require(extra: str) -> None:
    """Raise ExtraMissing if a library of the extra is not installed."""
    if not is_installed(extra):
        raise ExtraMissing(sentence(extra))


def is_installed(extra: str) -> bool:
    """Return whether every library of the extra, and of those that it includes, can be found."""
    return all(
        _found(module) for each in _INCLUDED.get(extra, (extra,)) for module in MODULES[each]
    )


def of_module(name: str | None) -> str | None:
    """Return the extra that installs a module; None for any other module."""
    top = (name or "").partition(".")[0]
    return next((extra for extra, modules in MODULES.items() if top in modules), None)


def sentence(extra: str) -> str:
    """Return a sentence with the missing extra and the command that installs it."""
    return f"{_NEEDS[extra]} the extra `{extra}`: {install_line(extra)}"


def install_line(extra: str) -> str:
    """Return the command that installs an extra the way this package was installed, keeping installed extras."""
    import shlex

    there = [each for each in MODULES if each != extra and is_installed(each)]
    editable, source = _source(sorted({*there, extra}))
    return " ".join(map(shlex.quote, (*_installer(), *editable, source)))


def _found(module: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ValueError:  # a module without a spec, or blocked in sys.modules
        return sys.modules.get(module) is not None


def _installer() -> tuple[str, ...]:
    """Return the program that manages this environment: pipx, uv or pip."""
    for receipt, program in (("pipx_metadata.json", "pipx"), ("uv-receipt.toml", "uv tool")):
        if os.path.exists(os.path.join(sys.prefix, receipt)):  # noqa: PTH110, PTH118 - cheap to load
            return (*program.split(), "install", "--force")
    if not _found("pip"):
        return "uv", "pip", "install", "--python", sys.executable
    return sys.executable, "-m", "pip", "install"


def _source(extras: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Return the option for an editable install, if it is one, and the installed requirement with extras."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    bracket = f"[{','.join(extras)}]"
    origin = _direct_url()
    url = str(origin.get("url", ""))
    parts = urlsplit(url)
    if parts.scheme == "file":
        editable = bool((origin.get("dir_info") or {}).get("editable"))
        return ("--editable",) if editable else (), url2pathname(parts.path) + bracket
    if not url or parts.password:
        return (), PACKAGE + bracket
    vcs = origin.get("vcs_info") or {}
    if vcs:
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    return (), f"{PACKAGE}{bracket} @ {url}"


def _direct_url() -> dict[str, Any]:
    """Return the package's origin as recorded by PEP 610; empty for an index."""
    import json
    from importlib import metadata

    try:
        found = json.loads(metadata.distribution(PACKAGE).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
