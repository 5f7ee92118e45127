"""Reads BaileysTenants through `kubectl`, page by page: contexts, logins and rights are the user's own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from baileys_janitor.api.names import API_VERSION, GROUP, KIND, PLURAL
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage

_RESOURCE: Final = f"/apis/{API_VERSION}"
_PAGE: Final = 500
"""Tenants in one answer: at most some megabytes."""
_TIMEOUT_SECONDS: Final = 60
_EXPIRED_MOST: Final = 3
"""Times that a listing begins anew because it took too long for the API server to remember where it was."""
_SAID_MOST: Final = 300


class Expired(Exception):  # noqa: N818 - the API server's word
    """The API server does not remember the listing any more."""


def tenants(namespace: str | None, context: str | None) -> Iterator[dict[str, Any]]:
    """Yield every BaileysTenant, of one namespace or of all; raise a Problem in one sentence.

    Each at most once, also where a listing had to begin anew.
    """
    seen: set[tuple[str, str]] = set()
    for _ in range(_EXPIRED_MOST):
        try:
            for tenant in _listing(namespace, context):
                meta = tenant.get("metadata")
                meta = meta if isinstance(meta, dict) else {}
                key = str(meta.get("namespace")), str(meta.get("name"))
                if key not in seen:
                    seen.add(key)
                    yield tenant
            return
        except Expired:
            continue
    raise Problem("The API server forgot the list of tenants while it was read; try again.")


def _listing(namespace: str | None, context: str | None) -> Iterator[dict[str, Any]]:
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    more = ""
    while True:
        page = _get(f"{_RESOURCE}{scope}/baileystenants?limit={_PAGE}{more}", context)
        items, meta = page.get("items"), page.get("metadata")
        if not isinstance(items, list):
            raise Problem("kubectl printed something that is no list of BaileysTenants.")
        yield from (item for item in items if isinstance(item, dict))
        token = meta.get("continue") if isinstance(meta, dict) else None
        if not isinstance(token, str) or not token:
            return
        more = f"&continue={quote(token, safe='')}"


def _get(path: str, context: str | None) -> dict[str, Any]:
    command = ["kubectl", *([f"--context={context}"] if context else []), "get", "--raw", path]
    try:
        done = subprocess.run(
            command,
            stdin=None,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise usage(
            "--cluster reads through kubectl, which is not on the PATH; install it, or name session directories."
        ) from None
    except OSError as error:
        raise usage(f"kubectl cannot be started: {error.strerror}.") from None
    except subprocess.TimeoutExpired:
        raise Problem(
            f"kubectl did not answer within {_TIMEOUT_SECONDS} seconds; check the context and the network."
        ) from None
    if done.returncode != 0:
        raise _refusal(done.stderr.decode("utf-8", "replace"))
    try:
        page = json.loads(done.stdout)
    except (ValueError, RecursionError):
        page = None
    if not isinstance(page, dict):
        raise Problem(
            "kubectl printed something that is no JSON; try `kubectl get --raw /version`."
        )
    return page


def _refusal(said: str) -> Exception:
    """Return what a failure of kubectl means, in one sentence with the way out."""
    if "(Expired)" in said or "(Gone)" in said:
        return Expired()
    if "(Forbidden)" in said:
        return Problem(
            f"kubectl may not list {KIND}s: ask for the verb list on {PLURAL}.{GROUP}, or "
            "name a namespace with -n in which you have it.",
            code="Forbidden",
        )
    if "(NotFound)" in said or "could not find the requested resource" in said:
        return Problem(
            "This cluster has no BaileysTenant resource; check `kubectl config current-context`, or install the "
            "operator.",
            code="NotFound",
        )
    line = printable(" ".join(said.split()))[:_SAID_MOST].strip().rstrip(".")
    return Problem(f"kubectl failed: {line or 'it did not say why'}.", code="KubectlFailed")
