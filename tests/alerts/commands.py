"""The commands that a page tells people to type, and whether each exists."""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from baileys_janitor.api import names
from baileys_janitor.cli.help.documented import further
from baileys_janitor.cli.main import application
from baileys_janitor.cli.plugin.main import application as plugin
from sandbox.tools import kubectl_path
from tests.chart.rendering import ROOT, helms

BLOCK = re.compile(r"^([ ]*)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"<<'EOF'\n.*?^EOF$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`((?:kubectl|helm|baileys-janitor|curl|make) [^`]+)`")
ENDS = set(";&|()\n")
ORDINARY = frozenset(
    {
        *(
            "age",
            "awk",
            "chmod",
            "cp",
            "curl",
            "date",
            "df",
            "du",
            "eval",
            "journalctl",
            "ln",
            "mkdir",
            "npm",
            "pg_dump",
            "tar",
            "pipx",
            "printf",
            "psql",
            "read",
            "pm2",
            "sudo",
            "systemctl",
            "uv",
            "find",
            "grep",
            "ls",
            "openssl",
            "pip",
            "rm",
            "sed",
            "sha256sum",
        ),
        *("sort", "tail", "true", "uniq", "wc"),
    }
)
"""What every shell on a page may call beside the tools that are asked."""
ASSIGNMENT = re.compile(r"[A-Z_]+=")
KINDS = {
    *(
        "configmap",
        "cm",
        "crd",
        "deployment",
        "events",
        "job",
        "jobs",
        "lease",
        "namespace",
        "namespaces",
        "node",
    ),
    *("networkpolicies", "pod", "pods", "pvc", "secrets"),
    *(names.PLURAL, names.SINGULAR, names.SHORT_NAME),
    *(names.OPERATION_PLURAL, names.OPERATION_SINGULAR, names.OPERATION_SHORT_NAME, names.CATEGORY),
    *(names.STORE_PLURAL, names.STORE_SINGULAR, names.STORE_SHORT_NAME),
    *(names.SET_PLURAL, names.SET_SINGULAR, names.SET_SHORT_NAME),
}
"""Kinds that a cluster with the janitor has, as kubectl takes them."""

SUBCOMMANDS = {"secret", "generic", "docker-registry", "configmap", "restart"}

Words = tuple[str, ...]


def blocks(page: str) -> Iterator[str]:
    """The shell blocks of a Markdown page, each without the indent of its list."""
    return (textwrap.dedent(found[2]) for found in BLOCK.finditer(page))


def typed(page: str) -> Iterator[Words]:
    """Every command of a page: in its shell blocks and in its text."""
    for block in blocks(page):
        yield from commands(block)
    for span in SPAN.findall(BLOCK.sub("", page)):
        yield from commands(" ".join(span.split()))


def commands(text: str) -> Iterator[Words]:
    """The simple commands of a shell text, those within others first; heredocs and redirections are left out."""
    text = re.sub(r"\\\n\s*", " ", HEREDOC.sub("", text))
    for inner in re.findall(r"\$\(([^()]+)\)", text):
        yield from commands(inner)
    text = re.sub(r"\$\([^()]+\)", "0", text)
    text = re.sub(r"[0-9]?>(/dev/null|&[0-9])", "", text)
    text = re.sub(r"(^|\s)#\s.*$", "", text, flags=re.MULTILINE)
    # One by one: a line break ends a command, unless it stands in quotes.
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if set(word) <= ENDS:
            if words:
                yield tuple(words)
            words = []
        else:
            words.append(word)


class Unknown(Exception):  # noqa: N818 - what a shell would say
    """A command, verb, flag or kind that is not there."""


def check(words: Words) -> None:
    """Raise Unknown if a command does not exist."""
    name, *arguments = words
    if ASSIGNMENT.match(name):
        if arguments:
            check(tuple(arguments))
    elif name == "make":
        _make(arguments)
    elif name.startswith(".venv/bin/"):
        if not (ROOT / name).exists():
            raise Unknown(name)
    elif name == "kubectl":
        _kubectl(arguments)
    elif name == "helm":
        _flags(name, arguments[0], arguments[1:], _help(helms()[0], arguments[0]))
    elif name == "sh":
        assert arguments[0] == "-c"
        for inner in commands(arguments[1]):
            check(inner)
    elif name == "baileys-janitor":
        _ours(application, name, arguments)
    elif name not in ORDINARY:
        raise Unknown(name)


def targets() -> set[str]:
    """The targets of the Makefile that a person may name."""
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))


def _make(arguments: list[str]) -> None:
    for word in arguments:
        if "=" not in word and word not in targets():
            raise Unknown(f"make {word}")


def _ours(group: click.Group, program: str, arguments: list[str]) -> None:
    verb, *rest = arguments
    if arguments == ["--version"]:
        return
    command = group.get_command(click.Context(group), verb)
    while rest and (below := further(command, rest[0])) is not None:
        verb, *rest = rest
        command = below
    if command is None or isinstance(command, click.Group):
        raise Unknown(f"{program} {verb}")
    known = {each for parameter in command.params for each in parameter.opts}
    for word in rest:
        if word.startswith("-") and word.partition("=")[0] not in {*known, "-"}:
            raise Unknown(f"{program} {verb} {word}")


def _kubectl(arguments: list[str]) -> None:
    within: list[str] = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    if within:
        check(tuple(within))
        arguments = arguments[: arguments.index("--")]
    if arguments[0] in ("-n", "--namespace"):
        arguments = arguments[2:]
    verb, *rest = arguments
    if verb == "baileys":
        if rest:  # without a command it is the plugin's name
            _ours(plugin, "kubectl baileys", rest)
        return
    binary = kubectl_path()
    assert binary is not None
    command = verb
    if verb in ("create", "rollout"):
        command += "".join(f" {word}" for word in rest[:2] if word in SUBCOMMANDS)
    _flags("kubectl", verb, rest, _help(str(binary), command) + _help(str(binary), "options"))
    if not rest:
        return  # a mention, not a command
    if "--raw" in rest:
        return
    if verb in ("get", "describe", "annotate", "patch", "scale", "delete", "wait", "logs", "exec"):
        named = next((word for word in rest if not word.startswith("-")), None)
        if named is not None and not (
            "-l" in rest and verb == "logs"
        ):  # else a mention of an option
            _kinds(verb, named)


def _kinds(verb: str, word: str) -> None:
    if verb in ("logs", "exec") and "/" not in word:
        return  # a pod's name
    for kind in word.split("/")[0].split(","):
        if kind not in KINDS:
            raise Unknown(f"kubectl {verb} {kind}")


def _flags(tool: str, verb: str, words: Iterable[str], known: str) -> None:
    flags = set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", known))
    for word in words:
        if re.match(r"--?[a-zA-Z]", word) and word.split("=")[0] not in flags:
            raise Unknown(f"{tool} {verb} {word}")


@functools.cache
def _help(binary: str, verb: str) -> str:
    words = verb.split()
    arguments = [binary, verb] if verb == "options" else [binary, *words, "--help"]
    nowhere = os.environ | {"KUBECONFIG": str(Path("/dev/null"))}
    done = subprocess.run(arguments, capture_output=True, text=True, env=nowhere, check=False)
    # kubectl prints its own help for a verb that it does not know, helm fails.
    if done.returncode or not re.search(rf"\b{re.escape(words[-1])}\b", done.stdout):
        raise Unknown(f"{Path(binary).name} {verb}")
    return done.stdout
