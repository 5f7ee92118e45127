"""Translates failures of kubectl into one sentence with the remedy."""

from __future__ import annotations

import re
from typing import Final

from baileys_janitor.api.names import KIND
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage

FORBIDDEN: Final = "Forbidden"
NOT_FOUND: Final = "NotFound"
NO_RESOURCE: Final = "NoResource"
"""The API server does not serve the resource: it is not installed, or an older release is."""
NO_SELECTOR: Final = "NoSelector"
"""The API server cannot select by the requested field."""
INVALID: Final = "Invalid"
FAILED: Final = "KubectlFailed"
_UNKNOWN_ACTION: Final = re.compile(r"spec\.action: Unsupported value: \"(\w+)\"")
_NO_NAMESPACE: Final = re.compile(r"namespaces \"[^\"]*\" not found")
_DENIED: Final = re.compile(
    r"(?:ValidatingAdmissionPolicy|admission webhook) ['\"]([^'\"]*)['\"].* denied (?:the )?request: (.*)",
    re.DOTALL,
)
_SAID_MOST: Final = 300
_INSTALL: Final = "https://kubernetes.io/docs/tasks/tools/"


class Expired(Exception):  # noqa: N818 - the API server's word
    """The continue token or the resource version of a watch has expired."""


class Request(Problem):
    """A request that the API server refused. `verb` and `resource` name the right that it requires."""

    def __init__(self, message: str, code: str, right: str) -> None:
        super().__init__(message, code=code)
        self.right = right


def refusal(said: str, verb: str, resource: str, kind: str, namespace: str | None) -> Exception:
    """Return the exception for a request, from kubectl's standard error."""
    if "(Expired)" in said or "(Gone)" in said:
        return Expired()
    where = f"in the namespace {printable(namespace)}" if namespace else "in all namespaces"
    right = f"{verb} on {resource} {where}"
    # The refusal of a Secret could quote its content.
    line = _line(said) if kind != "Secret" else "it does not say why here"
    listed = verb in {"list", "watch"}
    if "(Forbidden)" in said and "<" not in said[:200]:
        way = "" if namespace else ", or name a namespace with -n in which you have it"
        message = (
            f"kubectl may not {verb} {kind}s: ask for the verb {verb} on {resource} {where}{way}."
        )
        # A quota or an admission policy refuses in the same way, and names the reason.
        if verb != "get" and not listed and " cannot " not in said:
            message = f"The cluster refuses to {verb} this {kind}: {line}."
        return Request(message, FORBIDDEN, right)
    if "could not find the requested resource" in said or (listed and "(NotFound)" in said):
        message = (
            f"This cluster has no {kind} resource; check `kubectl config current-context`, or install the operator."
            if kind == KIND
            else f"This cluster has no {kind} resource: its operator is older than this command."
        )
        return Request(message, NO_RESOURCE, right)
    if listed and "field label not supported" in said:
        return Request(f"This cluster cannot choose {kind}s by a field.", NO_SELECTOR, right)
    if "(NotFound)" in said and _NO_NAMESPACE.search(said):
        return Request(f"There is no namespace {printable(namespace or '')}.", NOT_FOUND, right)
    if "(NotFound)" in said:
        return Request(f"There is no such {kind} {where}.", NOT_FOUND, right)
    if verb == "create" and kind != "Secret" and " is invalid:" in said:
        return Request(_invalid(said, kind), INVALID, right)
    return Problem(f"kubectl failed: {line or 'it did not say why'}.", code=FAILED)


def _invalid(said: str, kind: str) -> str:
    if unknown := _UNKNOWN_ACTION.search(said):
        return (
            f"This cluster's operator does not know the action {unknown[1]}: it is older than this command, or of "
            "another release."
        )
    # A single reason is on the same line; several are on lines of their own, each with an asterisk.
    why = said.rpartition(" is invalid:")[2].replace("\n* ", "; ")
    return f"The cluster refuses this {kind}: {_shown(why).lstrip('; ')}."


def no_credentials() -> Problem:
    """Return a problem for kubectl without credentials: its prompt for a user name is not shown."""
    return Problem(
        "kubectl has no credentials for this cluster and asks for a user name: log in, or check `kubectl config "
        "current-context`.",
        code=FAILED,
    )


def not_started(error: OSError) -> Problem:
    """Return a problem for a kubectl that cannot be started."""
    if isinstance(error, FileNotFoundError):
        return usage(f"kubectl is not on the PATH: install it, see {_INSTALL}.")
    return usage(f"kubectl cannot be started: {error.strerror}.")


def _line(said: str) -> str:
    """Return kubectl's last error as one short line: earlier lines repeat it or are logs."""
    if denied := _DENIED.search(said):
        # The text before it is long and would displace the reason.
        return f"{_shown(denied[2])} ({_shown(denied[1])})"
    lines = [line for line in said.splitlines() if line.strip()]
    chosen = [line for line in lines if line.startswith(("Error", "error", "Unable", "The "))]
    return _shown((chosen or lines or [""])[-1]).removeprefix("error: ")


def _shown(text: str) -> str:
    return printable(" ".join(text.split()))[:_SAID_MOST].strip().rstrip(".")
