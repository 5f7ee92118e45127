"""Listing a volume's session directories: in pages that fit a termination message, read with bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from zlib import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.spec import Volume
from baileys_janitor.job.listing import (
    MESSAGE_BYTES,
    BadList,
    ListTask,
    Page,
    decode,
    is_usable,
    make_page,
    read_task,
)


def run(task: ListTask, log: Path) -> Page | str:
    """What a Job leaves."""
    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", "job", task.to_json()],
        env={**os.environ, "TERMINATION_LOG": str(log)},
        check=False,
    )
    assert done.returncode == 0
    return decode(log.read_text())


def sessions_in(volume: Path, *paths: str) -> None:
    for each in paths:
        (volume / each).mkdir(parents=True)
        (volume / each / "creds.json").write_text("{}")


def test_a_job_lists_what_a_scan_would_find(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    sessions_in(volume, "company_1", "auth/two", "auth/node_modules/x")
    (volume / "empty").mkdir()
    (volume / "link").symlink_to(volume / "auth")

    found = run(ListTask(str(volume), ".", None), tmp_path / "log")
    narrowed = run(ListTask(str(volume), ".", "company_*"), tmp_path / "log")
    beneath = run(ListTask(str(volume), "auth", None), tmp_path / "log")

    assert isinstance(found, Page)
    assert isinstance(narrowed, Page)
    assert isinstance(beneath, Page)
    assert found.paths == ["auth/two", "company_1"]
    assert (found.total, found.more) == (2, False)
    assert narrowed.paths == ["company_1"]
    assert beneath.paths == ["two"]


def test_what_is_in_the_way_is_a_code(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "link").symlink_to("/")

    assert isinstance(run(ListTask(str(volume), "absent", None), tmp_path / "log"), str)
    assert isinstance(run(ListTask(str(volume), "link", None), tmp_path / "log"), str)


def test_five_hundred_directories_come_in_pages_that_fit() -> None:
    paths = [f"session_{os.urandom(16).hex()}" for _ in range(500)]
    found: list[str] = []
    after, pages = "", 0
    while True:
        page = make_page(paths, after)
        assert len(page.encode()) <= MESSAGE_BYTES
        read = decode(page.encode().decode())
        assert isinstance(read, Page)
        found += read.paths
        pages += 1
        if not read.more:
            break
        after = read.paths[-1]

    assert found == sorted(paths)
    assert 2 <= pages <= 12


@given(st.lists(st.text(max_size=40), max_size=40), st.text(max_size=10))
def test_pages_hold_exactly_what_a_tenant_can_have(paths: list[str], after: str) -> None:
    page = make_page(paths, after)
    read = decode(page.encode().decode())

    assert isinstance(read, Page)
    wanted = sorted({each for each in paths if is_usable(each) and (not after or each > after)})
    assert read.paths == wanted
    assert read.unusable == len({each for each in paths if not is_usable(each)})


@given(st.text(min_size=1, max_size=60))
def test_a_usable_path_is_one_that_the_resource_takes(path: str) -> None:
    if is_usable(path) and path != ".":
        assert Volume(claim_name="bots", path=path).path == path


@given(st.text(max_size=200))
def test_nothing_else_is_read(text: str) -> None:
    with suppress(BadList):
        assert isinstance(decode(text), (Page, str))
    with suppress(BadList):
        read_task(text)


def message(listed: object, **more: object) -> str:
    packed = b64encode(compress(json.dumps(listed).encode())).decode()
    data = {"v": 1, "total": 3, "more": False, "unusable": 0, "paths": packed, **more}
    return json.dumps(data)


@pytest.mark.parametrize(
    "forged",
    [
        message(["b", "a"]),
        message(["a", "a"]),
        message(["../a"]),
        message(["/a"]),
        message(["a\n"]),
        message(["a", 1]),
        message("a"),
        message(["a", "b", "c", "d"]),
        message(["a"], total=10_001),
        message(["a"], total=True),
        message([], more=True),
        message(["a"], paths="x"),
        message(["a"], paths=b64encode(compress(b"[" + b"1," * 10_000_000)).decode()),
        message(["a"], v=2),
        json.dumps({"v": 1, "error": "Bad Code"}),
    ],
)
def test_a_forged_result_is_refused(forged: str) -> None:
    with pytest.raises(BadList):
        decode(forged)
