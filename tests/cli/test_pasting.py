"""Every command that is printed does in a shell what its sentence says, whatever a directory is called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.sessions import Done, company, environment, files_of

NAMES = [
    b"plain",
    b"with space",
    b"it's",
    b'"quoted"',
    b"two\nlines",
    b"-dash",
    b"--apply",
    b"$HOME",
    b"`id`",
    b"*",
    b"~",
    b"#hash",
    b"back\\slash",
    b"not-\xff\xfe-utf8",
    "Größe".encode(),
    "right\u202eleft".encode(),
    b"end\n",
]


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """A directory for PATH that holds `baileys-janitor`."""
    directory = tmp_path / "the bin"
    directory.mkdir()
    script = directory / "baileys-janitor"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m baileys_janitor "$@"\n')
    script.chmod(0o755)
    return directory


def shell(line: str, directory: Path, bin_directory: Path, **variables: str) -> Done:
    """Paste a line into bash, in a directory."""
    path = f"{bin_directory}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        cwd=directory,
        env=environment(PATH=path, **variables),
        timeout=60,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def hints(text: str) -> list[str]:
    """Every command line in what was printed."""
    return re.findall(
        r"((?:env -u \w+ )?baileys-janitor (?:clean|undo|scan) .*|rm -r .*)$", text, re.M
    )


@pytest.mark.parametrize(
    ("name", "encoding"),
    [*((name, "utf-8") for name in NAMES), ("Größe".encode(), "ascii")],
    ids=repr,
)
def test_what_is_printed_about_a_directory_works_when_pasted(
    tmp_path: Path, bin_directory: Path, name: bytes, encoding: str
) -> None:
    home = tmp_path / "here"
    home.mkdir()
    session = home / os.fsdecode(name)
    company(tmp_path, "1", "old").rename(session)
    before = files_of(session)

    def run(line: str) -> Done:
        return shell(line, home, bin_directory, PYTHONIOENCODING=encoding, NAME=os.fsdecode(name))

    dry = run('baileys-janitor clean -- "$NAME"')
    (apply,) = hints(dry.out)
    applied = run(apply)
    assert (applied.code, applied.err) == (0, "")
    assert len(files_of(session)) < len(before)
    (undo,) = hints(applied.out)
    undone = run(undo)
    assert (undone.code, undone.err) == (0, "")
    assert files_of(session) == before


@pytest.mark.parametrize("name", [b"-dash", b"it's two\nlines", b"$HOME \xff"], ids=repr)
@pytest.mark.parametrize("output", ["table", "json"])
def test_the_command_that_removes_an_old_directory_works(
    tmp_path: Path, bin_directory: Path, name: bytes, output: str
) -> None:
    session = company(tmp_path, "1", "old").rename(tmp_path / os.fsdecode(name))
    (session / ".janitor").mkdir()
    line = f'baileys-janitor scan -o {output} -- "$NAME"'
    done = shell(line, tmp_path, bin_directory, NAME=os.fsdecode(name))
    text = done.out
    if output == "json":
        [found] = json.loads(text)["directories"]
        (remove,) = found["findings"][0]["commands"]
    else:
        (remove,) = hints(text)
    assert shell(remove, tmp_path, bin_directory).code == 0
    assert not (session / ".janitor").exists()


def test_a_run_of_several_paths_is_put_back_by_what_is_printed(
    tmp_path: Path, bin_directory: Path
) -> None:
    root = tmp_path / "a root"
    sessions = [company(root, "1", "old"), company(root, "2", "old")]
    others = ("first auth", "second auth")
    sessions += [company(tmp_path, name, "old").rename(tmp_path / name) for name in others]
    before = [files_of(session) for session in sessions]
    line = "baileys-janitor clean --apply 'a root' 'first auth' 'second auth'"
    done = shell(line, tmp_path, bin_directory)
    (undo,) = hints(done.out)
    assert shell(undo, tmp_path, bin_directory).code == 0
    assert [files_of(session) for session in sessions] == before


def test_nested_directories_of_odd_names_are_put_back_by_what_is_printed(
    tmp_path: Path, bin_directory: Path
) -> None:
    root = tmp_path / "-root"
    meant = [company(root / "a b", "1", "old"), company(root / "a b" / "-c", "2", "old")]
    meant[1] = meant[1].rename(meant[1].parent / "it's\n2")
    other = company(root / "x", "3", "old")
    before = [files_of(session) for session in (*meant, other)]
    line = "baileys-janitor clean --pattern 'a b/**' -- -root"
    (apply,) = hints(shell(line, tmp_path, bin_directory).out)
    (undo,) = hints(shell(apply, tmp_path, bin_directory).out)
    after = [files_of(session) for session in (*meant, other)]
    assert [some < all_of for some, all_of in zip(after, before, strict=True)] == [
        True,
        True,
        False,
    ]
    assert shell(undo, tmp_path, bin_directory).code == 0
    assert [files_of(session) for session in (*meant, other)] == before


def test_the_command_that_applies_is_none_that_stays_a_dry_run(
    tmp_path: Path, bin_directory: Path, old: Path
) -> None:
    dry = shell(f"baileys-janitor clean --apply {old}", tmp_path, bin_directory, DRY_RUN="true")
    (apply,) = hints(dry.out)
    before = files_of(old)
    assert shell(apply, tmp_path, bin_directory, DRY_RUN="true").code == 0
    assert len(files_of(old)) < len(before)


def test_the_command_that_applies_names_a_mode_that_holds_it_back(
    tmp_path: Path, bin_directory: Path, old: Path
) -> None:
    (tmp_path / "janitor.yaml").write_text("mode: DryRun\n")
    line = f"baileys-janitor clean --config janitor.yaml {old}"
    done = shell(line, tmp_path, bin_directory)
    assert "set mode: Enforce in the configuration file, then baileys-janitor clean" in done.out


def test_the_list_of_runs_is_offered_for_this_directory(
    tmp_path: Path, bin_directory: Path, old: Path
) -> None:
    shell(f"baileys-janitor clean --apply {old}", tmp_path, bin_directory)
    done = shell(f"baileys-janitor undo {old} nonsense", tmp_path, bin_directory)
    assert done.code == 1
    (listing,) = hints(done.err)
    listed = shell(listing, tmp_path, bin_directory)
    assert listed.code == 0
    assert "CommandLine" in listed.out
