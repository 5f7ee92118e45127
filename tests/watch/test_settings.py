"""The configuration of the watch: where each value comes from, and what one file may be for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.watch_config import WatchConfig
from baileys_janitor.api.spec import SharedSettings
from baileys_janitor.cli.arguments.settings import WATCH_OWN, settings_in_force
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.cli.watch.settings import local_zone, watch_settings
from baileys_janitor.cli.watch.state import state_path
from baileys_janitor.watch.directories import name_of
from baileys_janitor.watch.settings import WatchSettings

VARIABLES = (
    *("BAILEYS_SESSIONS_PATH", "DRY_RUN", "AUTO_CLEANUP", "ENABLE_MULTITENANCY"),
    *("NOTIFICATION_WEBHOOK", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "XDG_STATE_HOME", "TZ"),
)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def asked(path: Path, **values: Any) -> WatchSettings:
    return watch_settings((str(path),), values, ("watch",))


def test_the_variables_of_older_scripts_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(tmp_path).of("acme").mode == "Enforce"
    assert asked(tmp_path).nested
    monkeypatch.setenv("DRY_RUN", "yes please")
    assert asked(tmp_path).of("acme").mode == "DryRun"
    monkeypatch.setenv("AUTO_CLEANUP", "false")
    assert asked(tmp_path).of("acme").mode == "Observe"
    monkeypatch.setenv("ENABLE_MULTITENANCY", "false")
    assert not asked(tmp_path).nested
    monkeypatch.setenv("NOTIFICATION_WEBHOOK", "https://secret.example/x")
    settings = asked(tmp_path)
    (channel,) = settings.config.notifications.channels
    assert channel.webhook is not None
    assert "secret.example" not in settings.to_json()
    monkeypatch.setenv("BAILEYS_SESSIONS_PATH", str(tmp_path))
    assert watch_settings((), {}, ()).roots == (str(tmp_path),)
    monkeypatch.setenv("AUTO_CLEANUP", "perhaps")
    with pytest.raises(Problem, match="AUTO_CLEANUP is neither true nor false"):
        asked(tmp_path)


def test_an_option_wins_over_the_file_and_a_directory_over_both(tmp_path: Path) -> None:
    file = tmp_path / "watch.yaml"
    file.write_text(
        "thresholds: {warning: 140, trigger: 176}\n"
        "directories: {big: {thresholds: {warning: 100}}, 'b*': {mode: Observe}}\n"
    )
    settings = asked(tmp_path, config_path=str(file), warning=145)
    assert settings.of("acme").policy.thresholds.warning == 145
    assert settings.of("acme").policy.thresholds.trigger == 176
    assert settings.of("big").policy.thresholds.warning == 100
    assert settings.of("big").mode == "Enforce"
    assert settings.of("bar").mode == "Observe"
    assert settings.generation("big") != settings.generation("bar") != settings.generation("acme")


def test_what_is_handed_over_is_what_was_asked(tmp_path: Path) -> None:
    file = tmp_path / "watch.yaml"
    file.write_text(
        "notifications: {channels: [{name: ops, webhook: {urlKey: URL}}]}\n"
        "metrics: '[::1]:9090'\ndirectories: {a: {suspend: true}}\ncredentialsCopies: {keep: 3}\n"
    )
    settings = asked(tmp_path, config_path=str(file), once=True, companies=("acme",))
    again = WatchSettings.from_json(settings.to_json())
    assert again == settings
    assert json.loads(again.to_json()) == json.loads(settings.to_json())
    assert again.of("a").suspend


def test_a_path_that_is_nowhere_is_refused_and_one_of_two_is_not(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="is not a reachable directory"):
        asked(tmp_path / "nowhere")
    both = watch_settings((str(tmp_path), str(tmp_path / "later")), {}, ())
    assert len(both.roots) == 2


def test_three_at_night_is_meant_as_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Qatar")
    settings = asked(tmp_path)
    assert settings.of("acme").times.time_zone == "Asia/Qatar"
    assert settings.config.notifications.time_zone == "Asia/Qatar"
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/America/Sao_Paulo")
    assert local_zone({}, str(link)) == "America/Sao_Paulo"
    assert local_zone({"TZ": "Mars/Olympus"}, str(link)) is None
    assert local_zone({}, str(tmp_path / "none")) is None


def test_the_state_lies_where_the_service_manager_or_the_user_has_room() -> None:
    assert state_path({"STATE_DIRECTORY": "/var/lib/x:/var/lib/y"}) == "/var/lib/x/watch.json"
    expected = "/var/lib/baileys-janitor" if os.geteuid() == 0 else "/h/state/baileys-janitor"
    assert state_path({"XDG_STATE_HOME": "/h/state"}) == f"{expected}/watch.json"


def test_one_file_serves_clean_and_watch(tmp_path: Path) -> None:
    shared = {field.alias or name for name, field in SharedSettings.model_fields.items()}
    aliases = {field.alias or name for name, field in WatchConfig.model_fields.items()}
    assert aliases - shared == set(WATCH_OWN)
    file = tmp_path / "watch.yaml"
    file.write_text("thresholds: {warning: 140}\nmetrics: 127.0.0.1:9090\nname: web1\n")
    assert settings_in_force({"config_path": str(file)}).policy.thresholds.warning == 140


@given(st.text(min_size=1, max_size=40), st.binary(min_size=16, max_size=16))
def test_a_name_is_a_safe_label_and_no_phone_number(path: str, key: bytes) -> None:
    name = name_of("/srv/sessions", path, key)
    assert name == name_of("/srv/sessions", path, key)
    assert name.isascii()
    assert name.isprintable()
    assert len(name) <= 120
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    assert all(len(each) < 8 for each in digits)


def test_names_that_would_be_the_same_stay_apart() -> None:
    one, other = (name_of("/r", f"company_49170123456{n}", b"k" * 16) for n in (7, 8))
    assert one != other
    assert "0123456" not in one
    assert name_of("/r", "company_962302", b"k" * 16) == "962302"
    assert name_of("/srv/auth_info_baileys", ".", b"k" * 16) == "auth_info_baileys"
