"""Machine output keeps to its schema, and no output at all holds a phone number."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from baileys_janitor.policy.files.file_kinds import KINDS
from tests.cli.conftest import Run
from tests.cli.sessions import company, numbers_in_names

SCHEMA: dict[str, Any] = json.loads(
    (files("baileys_janitor.cli") / "schema" / "output.v1.json").read_text()
)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
KEYS_OF_A_DIRECTORY = {
    "path", "company", "level", "total", "counted", "protected", "reclaimable", "bytes", "byKind",
    "ages", "oldest", "newest",
}  # fmt: skip
KEYS_OF_A_CLEANUP = {"removed", "kept", "reasons", "freedBytes", "duration", "applied", "run"}


def strict(schema: Any) -> Any:
    """The schema with every object closed: what we print must be described, although readers are
    told to ignore what they do not know."""
    if isinstance(schema, dict):
        closed = {key: strict(value) for key, value in schema.items()}
        if "properties" in schema:
            closed["additionalProperties"] = False
        return closed
    return [strict(each) for each in schema] if isinstance(schema, list) else schema


VALIDATOR = jsonschema.Draft202012Validator(strict(SCHEMA))


@pytest.fixture
def mixed(fleet: Path) -> Path:
    """A fleet with everything that can be wrong in it."""
    company(fleet, "3", "corrupt")
    company(fleet, "4", "unpaired")
    (fleet / "company_5").mkdir()
    (fleet / "company_6").symlink_to("company_5")
    (fleet / "company_2" / "session-4915112345678.json.tmp").write_text("")
    return fleet


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan"],
        ["scan", "--count", "Total"],
        ["clean"],
        ["clean", "-v", "--emergency"],
        ["clean", "--apply", "-v"],
        ["undo", "--list"],
    ],
    ids=" ".join,
)
def test_real_output_is_as_the_schema_says(mixed: Path, run: Run, arguments: list[str]) -> None:
    command, *options = arguments
    done = run(command, mixed, *options, "-o", "json")
    VALIDATOR.validate(json.loads(done.out))
    VALIDATOR.validate(yaml.safe_load(run(command, mixed, *options, "-o", "yaml").out))


def test_an_undo_is_as_the_schema_says(fleet: Path, run: Run) -> None:
    run("clean", fleet, "--apply")
    VALIDATOR.validate(json.loads(run("undo", fleet, "--list", "-o", "json").out))
    document = json.loads(run("undo", fleet, "-o", "json").out)
    VALIDATOR.validate(document)
    assert len(document["directories"]) == 2


def test_the_promised_keys_are_there(old: Path, run: Run) -> None:
    [scanned] = json.loads(run("scan", old, "-o", "json").out)["directories"]
    [cleaned] = json.loads(run("clean", old, "-o", "json").out)["directories"]
    assert set(scanned) >= KEYS_OF_A_DIRECTORY
    assert set(cleaned) >= KEYS_OF_A_DIRECTORY | KEYS_OF_A_CLEANUP
    assert tuple(scanned["byKind"]) == KINDS
    assert len(scanned["ages"]) == 5


def test_the_example_in_the_documentation_is_as_the_schema_says() -> None:
    [example] = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    VALIDATOR.validate(json.loads(example))


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml"])
def test_no_output_holds_a_number_of_a_file_name(mixed: Path, run: Run, output: str) -> None:
    numbers = numbers_in_names([mixed])
    assert len(numbers) > 40
    shown = ""
    for arguments in (
        ["scan"],
        ["clean", "-v", "--emergency"],
        ["clean", "--apply", "-v"],
        ["clean", "--apply", "-v"],
    ):
        shown += "".join(map(str, run(arguments[0], mixed, *arguments[1:], "-o", output)[1:]))
    if output != "wide":
        for options in (["--list"], [], ["nonsense"]):
            shown += "".join(map(str, run("undo", mixed, *options, "-o", output)[1:]))
    assert not [number for number in numbers if number in shown]


def test_no_complaint_holds_a_number_of_a_file_name(old: Path, run: Run) -> None:
    numbers = numbers_in_names([old])
    for path in old.glob("session-*"):
        for done in (run("scan", path), run("clean", path, "--apply"), run("undo", path)):
            assert done.code == 1
            assert not [number for number in numbers if number in done.out + done.err]
