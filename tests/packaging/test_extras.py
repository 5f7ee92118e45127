"""The extras: what brings which library, and what a command says whose library is missing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from baileys_janitor import extras

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = {
    name: [Requirement(each) for each in wanted]
    for name, wanted in PROJECT["optional-dependencies"].items()
}
EVERY_MODULE = [module for modules in extras.MODULES.values() for module in modules]


def brought(extra: str) -> set[str]:
    """The distributions that an extra itself names."""
    return {canonicalize_name(each.name) for each in OPTIONAL[extra] if each.name != extras.PACKAGE}


def test_each_extra_is_known_by_the_modules_of_its_distributions() -> None:
    assert set(extras.MODULES) == set(OPTIONAL) - {"all"}
    distributions = metadata.packages_distributions()
    for extra, modules in extras.MODULES.items():
        named = {canonicalize_name(distributions[module][0]) for module in modules}
        assert named == brought(extra)


def test_all_is_every_extra() -> None:
    [everything] = OPTIONAL["all"]
    assert everything.extras == set(extras.MODULES)


def test_the_operator_brings_notifications_along() -> None:
    assert [each.extras for each in OPTIONAL["operator"] if each.extras] == [{"notify"}]


def test_what_the_image_and_the_tests_are_pinned_from_is_the_package_with_every_extra() -> None:
    pinned = (ROOT / "requirements" / "runtime.in").read_text().split()
    wanted = {each.name for each in map(Requirement, PROJECT["dependencies"])}
    wanted |= {each.name for name in extras.MODULES for each in OPTIONAL[name]} - {extras.PACKAGE}
    assert {Requirement(each).name for each in pinned} == wanted


def without(
    modules: list[str], *arguments: str, code: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command in a Python that lacks these modules."""
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({modules!r}))\n"
        "from baileys_janitor.cli.main import main\n"
        f"{code}\nsys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=ROOT
    )


def test_without_any_extra_the_help_of_every_command_and_a_clean_work(tmp_path: Path) -> None:
    code = (
        "from baileys_janitor.cli.main import COMMANDS\n"
        "for name in COMMANDS:\n    assert main([name, '--help']) == 0, name\n"
        "assert main(['crd']) == 0"
    )
    (tmp_path / "creds.json").write_text("{}")
    (tmp_path / "config.yaml").write_text("schedule: {timeZone: Asia/Jerusalem}\n")
    done = without(
        EVERY_MODULE, "clean", str(tmp_path), f"--config={tmp_path}/config.yaml", code=code
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["operator"], "operator"),
        (["notify", "test"], "notify"),
        (["keystore", "scan", "postgresql://h/d"], "postgres"),
    ],
)
def test_a_command_whose_extra_is_missing_says_what_installs_it(
    arguments: list[str], extra: str
) -> None:
    done = without(list(extras.MODULES[extra]), *arguments)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert re.fullmatch(rf"Error: [A-Z][a-z ]+ need(s)? the extra `{extra}`: .*{extra}.*", line)
    assert "Traceback" not in done.stderr


def test_a_library_that_is_missing_after_all_is_told_the_same_way() -> None:
    code = "import baileys_janitor.extras as e\ne.require = lambda extra: None"
    done = without(["kopf"], "operator", code=code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: The operator needs the extra `operator`: ")


DIRECT_URLS = {
    "an index": ("", "baileys-janitor[notify]"),
    "a directory": (
        json.dumps({"url": "file:///srv/my%20tools/janitor", "dir_info": {}}),
        "/srv/my tools/janitor[notify]",
    ),
    "a wheel": (
        json.dumps({"url": "file:///srv/j.whl", "archive_info": {}}),
        "/srv/j.whl[notify]",
    ),
    "a repository": (
        json.dumps({"url": "https://git.example/j", "vcs_info": {"vcs": "git", "commit_id": "ab"}}),
        "baileys-janitor[notify] @ git+https://git.example/j@ab",
    ),
    "a URL": (
        json.dumps({"url": "https://files.example/j.whl", "archive_info": {}}),
        "baileys-janitor[notify] @ https://files.example/j.whl",
    ),
    "a URL with a password": (
        json.dumps({"url": "https://u:secret@files.example/j.whl", "archive_info": {}}),
        "baileys-janitor[notify]",
    ),
    "something unreadable": ("[", "baileys-janitor[notify]"),
    "something else": ("[1]", "baileys-janitor[notify]"),
}


class Installed:
    """A distribution with this record of where it came from."""

    def __init__(self, record: str) -> None:
        self._record = record

    def distribution(self, name: str) -> Installed:
        assert name == "baileys-janitor"
        return self

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._record or None


@pytest.mark.parametrize(("record", "source"), DIRECT_URLS.values(), ids=DIRECT_URLS)
def test_the_line_installs_from_where_the_package_came(
    monkeypatch: pytest.MonkeyPatch, record: str, source: str
) -> None:
    monkeypatch.setattr(metadata, "distribution", Installed(record).distribution)
    monkeypatch.setattr(extras, "is_installed", lambda extra: False)
    assert shlex.split(extras.install_line("notify")) == [
        *(sys.executable, "-m", "pip", "install"),
        source,
    ]


@pytest.mark.parametrize(
    ("receipt", "program"),
    [
        ("pipx_metadata.json", ["pipx", "install", "--force"]),
        ("uv-receipt.toml", ["uv", "tool", "install", "--force"]),
    ],
)
def test_the_line_is_one_of_the_program_that_owns_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receipt: str, program: list[str]
) -> None:
    monkeypatch.setattr(extras, "sys", SimpleNamespace(prefix=str(tmp_path)))
    (tmp_path / receipt).touch()
    words = shlex.split(extras.install_line("notify"))
    assert words[: len(program)] == program


def test_the_line_keeps_the_extras_that_are_there_and_an_editable_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = shlex.split(extras.install_line("postgres"))
    assert words[-2:] == ["--editable", f"{ROOT}[backup,notify,operator,postgres]"]


def test_without_pip_uv_installs_into_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_found", lambda name: False)
    words = shlex.split(extras.install_line("notify"))
    assert words[:5] == ["uv", "pip", "install", "--python", sys.executable]
