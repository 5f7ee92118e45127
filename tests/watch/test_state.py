"""The state file: whatever is in it, the watch begins; whatever happens while it is written, one of two is there."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.watch import state
from baileys_janitor.watch.state import KnownDirectory, State, StateFile, StateProblem
from tests.schedule.simulation import Directory
from tests.watch.world import HOUR, NOON, Server

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = StateFile(str(tmp_path / "deep" / "w.json"))
    file.take()
    known = KnownDirectory("/r", "a", "a", {"level": "Healthy"}, (1, 2, 3), 5.0, None)
    written = State(1.0, 2.0, b"k" * 16, {"/r/a": known}, "text")
    assert file.write(written)
    assert file.read(9.0) == written
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    file.release()


@given(values)
def test_any_json_is_read_or_refused_in_words(data: Any) -> None:
    text = json.dumps(data).encode()
    told = ""
    try:
        assert isinstance(state.decode(text), State)
    except ValueError as problem:
        told = str(problem)
    assert told == "" or told.startswith("it ")


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {"version": st.just(1), "directories": st.dictionaries(st.just("/r/company_acme"), values)},
        optional={"started": values, "written": values, "key": values, "deliveries": values},
    ),
    values,
)
def test_a_watch_begins_with_any_state(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any], status: Any
) -> None:
    path = tmp_path_factory.mktemp("s") / "w.json"
    entry = {"root": "/srv/sessions", "path": "company_acme", "name": "acme", "status": status}
    data["directories"]["/srv/sessions/company_acme"] = entry
    path.write_text(json.dumps(data))
    server = Server(path, {"acme": Directory(counted=200, reclaimable=40)})
    server.start()
    server.live(120)
    assert server.record("acme").stored.level == "Warning"
    server.stop()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 9}', "[" * 100_000, '{"version": 1, "directories": 3}']
)
def test_a_broken_file_is_put_aside_and_told(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "w.json"
    path.write_text(text)
    file = StateFile(str(path))
    file.take()
    assert file.read(NOON).directories == {}
    assert (tmp_path / "w.json.broken").read_text() == text
    assert "it is renamed to .broken" in caplog.text
    file.release()


def test_with_its_state_lost_the_journals_keep_the_cooldown(tmp_path: Path) -> None:
    server = Server(tmp_path / "w.json", {"acme": Directory(counted=100, reclaimable=2)})
    server.start()
    server.live(HOUR)
    server.clean_by_cron("acme", reason="Trigger")
    server.stop()
    server.state.write_text("gone")
    server.directories["acme"].counted = 177
    server.start()
    server.live(2 * HOUR)
    assert server.cleaned("acme", by="Trigger") == []
    server.live(5 * HOUR)
    assert len(server.cleaned("acme", by="Trigger")) == 1


def test_a_disk_that_is_full_leaves_the_old_one_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = StateFile(str(tmp_path / "w.json"))
    file.take()
    assert file.write(State(1.0, key=b"a" * 16))
    before = Path(file.path).read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert not file.write(State(2.0))
        assert not file.write(State(3.0))
    assert Path(file.path).read_bytes() == before
    assert caplog.text.count("cannot be written (No space left on device)") == 1
    assert file.write(State(4.0))
    file.release()


def test_a_second_holder_is_refused_and_told_who_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOCK_PAUSE_SECONDS", 0.0)
    first, second = (StateFile(str(tmp_path / "w.json")) for _ in range(2))
    assert state.holder_of(first.path) is None
    first.take()
    assert state.holder_of(first.path) == os.getpid()
    with pytest.raises(StateProblem, match=f"process {os.getpid()}"):
        second.take()
    first.release()
    second.take()
    second.release()
    assert state.holder_of(first.path) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("keep")
    (tmp_path / "w.json.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateProblem):
        StateFile(str(tmp_path / "w.json")).take()
    assert (tmp_path / "elsewhere").read_text() == "keep"
