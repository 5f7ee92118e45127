"""The operator's configuration: its file, its environment, and what is said of mistakes."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.config_file import InvalidConfig, load_config

KNOWN = ["enabled", "port", "window", "jobsInFlight", "thresholds", "schedule", "channels", "level"]


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_no_file_at_all_is_a_valid_configuration() -> None:
    config = load_config(None, {})

    assert config == OperatorConfig()
    assert config.mode_ceiling == "Enforce"
    assert config.daily_jitter.seconds == 1800
    assert config.status_interval.seconds == 1800
    assert config.scan_unused_claims_every.seconds == 86400
    assert config.job.deadline_seconds == 60
    assert config.limits.tenants_per_scan <= 25


@pytest.mark.parametrize("text", ["", "---\n", "defaults:\njob:\n", "{}\n"])
def test_an_empty_file_or_section_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load_config(written(tmp_path, text), {}) == OperatorConfig()


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    text = "defaults: {thresholds: {warning: 120}, mode: DryRun}\nwatchNamespaces: [a, b]\n"

    config = load_config(written(tmp_path, text), {})

    assert config.defaults.thresholds is not None
    assert config.defaults.thresholds.warning == 120
    assert config.defaults.thresholds.critical is None
    assert config.defaults.mode == "DryRun"
    assert config.watch_namespaces == ["a", "b"]


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "job: {image: old, deadlineSeconds: 90}\nmodeCeiling: Enforce\n")
    environ = {
        "JANITOR_JOB_IMAGE": "new",
        "JANITOR_MODE_CEILING": "Observe",
        "JANITOR_WATCH_NAMESPACES": "a,b",
    }

    config = load_config(path, environ)

    assert (config.job.image, config.job.deadline_seconds) == ("new", 90)
    assert config.mode_ceiling == "Observe"
    assert config.watch_namespaces == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "ceiling"),
    [
        ("true", "DryRun"),
        ("1", "DryRun"),
        ("ture", "DryRun"),
        ("false", "Enforce"),
        ("", "Enforce"),
    ],
)
def test_dry_run_caps_the_fleet(value: str, ceiling: str) -> None:
    assert load_config(None, {"DRY_RUN": value}).mode_ceiling == ceiling


def test_dry_run_never_loosens_a_stricter_ceiling() -> None:
    environ = {"DRY_RUN": "true", "JANITOR_MODE_CEILING": "Observe"}

    assert load_config(None, environ).mode_ceiling == "Observe"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "defaults: {tresholds: {}}",
            "defaults.tresholds is not a field: did you mean thresholds?",
        ),
        ("defaults: {companyId: acme}", "defaults.companyId is not a field"),
        ("zzz: 1", "zzz is not a field: remove it."),
        ("job: {runAsUser: 0}", "job.runAsUser is not a field"),
        ("limits: {jobsInFlight: 0}", "limits.jobsInFlight is 0: give 1 or more."),
        ("limits: {tenantsPerScan: 26}", "limits.tenantsPerScan is 26: give 25 or less."),
        ("dailyJitter: 30", "dailyJitter is 30, which is no duration: write it as"),
        ("modeCeiling: Off", "modeCeiling is False: choose 'Enforce', 'DryRun' or 'Observe'."),
        ("- a list", "must hold fields: give name: value pairs."),
        ("a: [1,\nb: }", "is not YAML, line 2: correct it."),
        (
            "defaults: {thresholds: {warning: 171}}",
            "defaults.thresholds.warning (171) is above defaults.thresholds.critical (170, the built-in default)",
        ),
        ("defaults: {schedule: {timeZone: Mars/Base}}", "('Mars/Base') is no known time zone"),
    ],
)
def test_a_mistake_is_named_in_one_sentence_with_the_file(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(InvalidConfig) as refusal:
        load_config(path, {})

    message = str(refusal.value)
    assert message.startswith(f"The configuration {path}")
    assert sentence in message
    assert "\n" not in message


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"cannot be read: No such file or directory\."):
        load_config(tmp_path / "none.yaml", {})


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidConfig, match="is not UTF-8 text"):
        load_config(path, {})


def test_the_old_webhook_variable_is_told_everything_and_its_url_stays_where_it_is() -> None:
    config = load_config(None, {"NOTIFICATION_WEBHOOK": "https://chat.example/hook"})
    (channel,) = config.notifications.channels
    assert channel.webhook is not None
    assert channel.webhook.url_key == "NOTIFICATION_WEBHOOK"
    assert config.notifications.routes == []
    assert "chat.example" not in repr(config)


def test_configured_channels_make_the_old_webhook_variable_void(tmp_path: Path) -> None:
    path = tmp_path / "operator.yaml"
    path.write_text("notifications: {channels: [{name: a, webhook: {urlKey: a}}]}")
    config = load_config(path, {"NOTIFICATION_WEBHOOK": "https://chat.example/hook"})
    assert [each.name for each in config.notifications.channels] == ["a"]


def test_a_mistake_in_the_environment_is_named() -> None:
    with pytest.raises(
        InvalidConfig,
        match=r"^The environment variable JANITOR_LOG_LEVEL: logging\.level is 'loud'",
    ):
        load_config(None, {"JANITOR_LOG_LEVEL": "loud"})


def test_a_mistake_in_the_environment_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "logging: {format: json, level: info}\n")

    with pytest.raises(InvalidConfig, match=r"^The environment variable JANITOR_LOG_LEVEL: "):
        load_config(path, {"JANITOR_LOG_LEVEL": "loud"})


def test_a_leader_that_would_renew_too_seldom_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "leaderElection: {duration: 5s, renewInterval: 2s}\n")

    with pytest.raises(InvalidConfig, match="lower renewInterval or raise duration"):
        load_config(path, {})


ODD = (
    st.sampled_from(
        [
            None,
            True,
            -1,
            0,
            10**30,
            1e300,
            math.nan,
            math.inf,
            "",
            "x",
            "5m",
            "\0",
            "a" * 5000,
            [],
            {},
        ]
    )
    | st.datetimes()
)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [field.alias or name for name, field in OperatorConfig.model_fields.items()]
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(FIELDS, VALUES | st.dictionaries(st.sampled_from(KNOWN), VALUES, max_size=3))
)
def test_whatever_stands_in_a_file_is_used_or_refused_in_one_sentence(data: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(data, file)
        file.flush()
        try:
            assert isinstance(load_config(Path(file.name), {}), OperatorConfig)
        except InvalidConfig as problem:
            told = str(problem)
            assert told.startswith(f"The configuration {file.name}")
            assert "\n" not in told
            assert len(told) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 50_000,
        "a: 2026-99-99",
        "a: 0001-01-01T00:00:00+99:99",
        "a: 0x" + "f" * 5000,
        "? [a]\n: b",
        "a: !!python/object:os.system {}",
        "defaults: &a [*a]",
        "limits: {jobsInFlight: 1_000_000_000_000_000_000_000}",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]",
        "\ufeff\x00",
        "x" * 2_000_000,
    ],
)
def test_a_file_that_is_made_to_hurt_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"^The configuration "):
        load_config(file, {})
