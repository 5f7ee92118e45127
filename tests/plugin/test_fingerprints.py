"""The file of fingerprints: printed from statuses, and read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.plugin.restores.recorded import FINGERPRINT, fingerprint_of, recorded_in
from baileys_janitor.cli.terminal.problems import Problem
from tests.plugin.conftest import Run
from tests.plugin.tenants import Fleet, Tenant

FIRST, SECOND = "0123456789abcdef", "fedcba9876543210"


def test_fingerprints_are_printed_as_they_are_read(run: Run, fleet: Fleet, tmp_path: Path) -> None:
    fleet.create("v1/namespaces", "", {"metadata": {"name": "prints"}})
    for number in range(3):
        fleet.add(Tenant("prints", f"t{number}", "Healthy", 10))
    known = {"t0": f"1;{FIRST};{SECOND};;;;2d6a4a1f", "t1": f"1;{FIRST};;;;;2d6a4a1f", "t2": "1;;;"}
    for name, text in known.items():
        fleet.patch("prints", name, {"backup": {"known": text}})
    done = run("fingerprints", "-n", "prints")
    assert (done.code, done.out) == (1, f"prints t0 {FIRST}-{SECOND}\nprints t1 {FIRST}\n")
    assert done.err == "Error: never backed up: 1 tenant (prints/t2).\n"
    file = tmp_path / "fingerprints.txt"
    file.write_text(f"# of today\n{done.out.upper().replace('PRINTS T', 'prints t')}")
    assert recorded_in(str(file)) == {
        ("prints", "t0"): f"{FIRST}-{SECOND}",
        ("prints", "t1"): FIRST,
    }
    for number in range(3):
        fleet.remove("prints", f"t{number}")
    assert run("fingerprints", "-n", "prints").code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"east t0 {FIRST}\neast t1\n", "line 2: write a namespace, a tenant"),
        (f"east t0 {FIRST}\neast t0 {SECOND}\n", "line 2: east/t0 has another fingerprint"),
        ("east t0 xyz\n", "line 1: a fingerprint has 16"),
        (f"-x \x1b[31m {FIRST}\n", r"line 1: -x \x1b[31m names no tenant"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "fingerprints.txt"
    file.write_text(text)
    with pytest.raises(Problem) as refused:
        recorded_in(str(file))
    assert said in refused.value.message
    assert refused.value.exit_code == 2


@given(st.text(max_size=80))
def test_only_fingerprints_are_taken_for_some(known: str) -> None:
    found = fingerprint_of(known)
    assert found is None or FINGERPRINT.fullmatch(found)
