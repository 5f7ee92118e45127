"""What the pages tell people to type is shell, and exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alerts.commands import Unknown, blocks, check, commands, targets, typed
from tests.chart import rendering
from tests.cli.sessions import company, environment, files_of
from tests.docs.pages import PAGES, ROOT, name_of

by_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
SOURCES = [
    *(ROOT / "operator").rglob("*.py"),
    *(ROOT / "sandbox").rglob("*.py"),
    *(ROOT / "tests").rglob("*.py"),
]


@by_page
def test_every_block_is_shell(page: Path) -> None:
    text = page.read_text()
    found = list(blocks(text))
    assert len(found) == len(re.findall(r"```sh\b", text)), "a block that is not read"
    for block in found:
        done = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True)
        assert (done.returncode, done.stderr) == (0, ""), block


@by_page
def test_every_command_exists(page: Path) -> None:
    for words in typed(page.read_text()):
        check(words)


@pytest.mark.parametrize("namespaces", [[], ["shop"]])
def test_every_command_of_the_charts_notes_exists(namespaces: list[str]) -> None:
    notes = notes_of(watchNamespaces=namespaces)
    steps = re.sub(r"<<EOF\n.*?^EOF$", "", notes, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in steps.splitlines() if re.match(r"(kubectl|helm) ", line)]
    assert len(lines) == 3
    for line in lines:
        for words in commands(line):
            check(words)


PYTHON = shlex.quote(sys.executable)
SPLIT_STRINGS = re.compile(r'"\s*\n\s*f?"')


def test_every_command_that_a_message_names_exists() -> None:
    named = 0
    for path in (ROOT / "operator").rglob("*.py"):
        text = re.sub(r"\{[^{}`]*\}", "X", SPLIT_STRINGS.sub("", path.read_text()))
        for words in typed(text):
            check(words)
            named += 1
    assert named > 20


def notes_of(**values: list[str]) -> str:
    """Render the chart's NOTES.txt, each line without its indent."""
    arguments = [f"--set={name}={{{','.join(value)}}}" for name, value in values.items() if value]
    helm = [rendering.helms()[0], "install", "janitor", str(rendering.CHART)]
    done = subprocess.run(
        [*helm, "-n", "baileys-janitor", "--dry-run=client", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"KUBECONFIG": os.devnull},
    )
    assert done.returncode == 0, done.stderr
    notes = done.stdout.split("NOTES:\n", 1)[1]
    return "\n".join(line.strip() for line in notes.splitlines())


@pytest.mark.parametrize("wrong", ["make toolz", ".venv/bin/nosuchprogram", "A=b make toolz"])
def test_a_command_that_does_not_exist_would_be_noticed(wrong: str) -> None:
    (words,) = commands(wrong)
    with pytest.raises(Unknown):
        check(words)


def test_every_target_that_a_message_names_exists() -> None:
    named = {
        target
        for path in SOURCES
        for target in re.findall(r"[`'\"\s]make ([a-z0-9-]+)[`']", path.read_text())
    }
    assert {"setup", "tools"} <= named
    assert named <= targets()


def test_every_target_that_is_no_file_is_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets() == set(phony.split())


def cron() -> list[str]:
    """The lines of the page's cron table, without comments."""
    (block,) = re.findall(r"```cron\n(.*?)```", (ROOT / "docs/cli.md").read_text(), re.DOTALL)
    return [line for line in block.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("worst", ["healthy", "emergency"])
def test_crons_lines_work_with_crons_environment(tmp_path: Path, worst: str) -> None:
    root, programs = tmp_path / "sessions", tmp_path / "bin"
    calm, worse = company(root, "1", "critical"), company(root, "2", worst)
    broken = company(root, "3", "corrupt")
    programs.mkdir()
    script = programs / "baileys-janitor"
    script.write_text(f'#!/bin/sh\nexec {PYTHON} -m baileys_janitor "$@"\n')
    script.chmod(0o755)
    variables = dict(line.split("=", 1) for line in cron() if re.match(r"[A-Z_]+=", line))
    assert "/usr/local/bin" in variables["PATH"].split(":"), "where pip puts it"
    variables["PATH"] = variables["PATH"].replace("/usr/local/bin", str(programs))
    variables["BAILEYS_SESSIONS_PATH"] = str(root)
    nightly, often = (line.split(None, 6) for line in cron() if not re.match(r"[A-Z_]+=", line))
    assert nightly[5] == often[5] == "whatsapp"
    before = {path: files_of(path) for path in (calm, worse, broken)}

    def run(line: list[str]) -> subprocess.CompletedProcess[str]:
        assert "%" not in line[6], "cron ends a command there"
        return subprocess.run(
            ["/bin/sh", "-c", line[6]], env=variables, capture_output=True, text=True
        )

    done = run(often)
    assert "company_3: creds.json could not be read" in done.stderr
    assert files_of(calm) == before[calm], "no Emergency"
    assert files_of(broken) == before[broken]
    assert (files_of(worse) != before[worse]) == (worst == "emergency")
    assert ("moved to the trash" in done.stdout) == (worst == "emergency")
    run(nightly)
    assert files_of(calm) != before[calm]


def typed_on(text: str) -> list[str]:
    """The lines of a page that call the command line, without comments."""
    return [
        line.split("#")[0].strip()
        for block in blocks(text)
        for line in block.splitlines()
        if line.startswith("baileys-janitor")
    ]


def test_the_readme_shows_the_beginning_of_the_quick_start() -> None:
    text = (ROOT / "README.md").read_text()
    section = text.split("## Without Kubernetes\n")[1].split("\n## ")[0]
    lines = typed_on(section)
    assert len(lines) == 5
    assert lines == typed_on((ROOT / "docs" / "quick-start-server.md").read_text())[:5]


def test_the_quick_starts_commands_do_what_they_say(tmp_path: Path) -> None:
    lines = typed_on((ROOT / "docs" / "quick-start-server.md").read_text())
    named = ["scan", "clean", "clean", "undo", "watch", "repair", "restore", "report"]
    named += ["backup", "backup", "drill", "restore"]
    assert [line.split()[1] for line in lines] == named
    session = company(tmp_path / "sessions", "1001", "old")
    before = files_of(session)
    contact = next(name for name in sorted(before) if name.startswith(b"session-"))
    left: dict[str, int] = {}
    store = tmp_path / "store"
    store.mkdir()
    for line in lines:
        words = line.replace("/srv/sessions", shlex.quote(str(tmp_path / "sessions")))
        words = words.replace("s3://bucket/server-1", shlex.quote(str(store)))
        if "age1..." in words:
            words = words.replace("age1...", key_in(tmp_path / "backup.key"))
        command = words.replace("baileys-janitor", f"{PYTHON} -m baileys_janitor", 1)
        if " watch " in command:  # as under cron: it would go on for ever
            command += f" --once --state {shlex.quote(str(tmp_path / 'state.json'))}"
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment(),
            input=re.sub(rb"\D.*", b"", contact.removeprefix(b"session-")) + b"\n",
            capture_output=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, (line, done.stderr)
        left[f"{len(left)} {line.split()[1]}"] = len(before - files_of(session))
    assert list(left.values())[:2] == [0, 0]
    assert left["2 clean"] > 0
    assert left["3 undo"] == 0
    assert left["4 watch"] > 0, "an emergency is cleaned at once"
    assert left["5 repair"] == left["4 watch"], "a dry run"
    assert (tmp_path / "report.html").stat().st_size > 1000
    assert len([*store.rglob("*.tar.gz.age")]) == 1


def key_in(path: Path) -> str:
    """The public key in the file that keygen has written."""
    [public] = re.findall(r"age1\w+", path.read_text())
    return str(public)
