"""Settings: option over environment over file over default, and one sentence for what cannot be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.cli.arguments import settings as settings_module
from baileys_janitor.cli.arguments.options import SETTINGS, UNDO_WINDOW, Setting
from baileys_janitor.cli.arguments.settings import InForce
from baileys_janitor.policy.settings import DEFAULTS, TOTAL, Settings, Thresholds
from tests.cli.conftest import Run
from tests.cli.sessions import Done

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

# For each setting: a value in the file, in the environment and as an option, and how to read what is
# in force. Each differs from the default and from the others, and none clashes with a default.
CASES: dict[str, tuple[Any, str, str, Any]] = {
    "thresholds.warning": (101, "102", "103", lambda s: s.policy.thresholds.warning),
    "thresholds.critical": (171, "172", "173", lambda s: s.policy.thresholds.critical),
    "thresholds.trigger": (171, "172", "173", lambda s: s.policy.thresholds.trigger),
    "thresholds.emergency": (181, "182", "183", lambda s: s.policy.thresholds.emergency),
    "thresholds.danger": (191, "192", "193", lambda s: s.policy.thresholds.danger),
    "allowances.preKeys": (51, "52", "53", lambda s: s.policy.allowances.pre_keys),
    "allowances.protected": (66, "67", "68", lambda s: s.policy.allowances.protected),
    "retention.sessionMaxAge": ("11d", "12d", "13d", lambda s: s.policy.retention.session_max_age),
    "retention.senderKeyMaxAge": (
        "41h", "42h", "43h", lambda s: s.policy.retention.sender_key_max_age,
    ),
    "retention.preKeys": (41, "42", "43", lambda s: s.policy.retention.pre_keys),
    "emergencyRetention.sessionMaxAge": (
        "4d", "5d", "6d", lambda s: s.policy.emergency_retention.session_max_age,
    ),
    "emergencyRetention.senderKeyMaxAge": (
        "4h", "5h", "6h", lambda s: s.policy.emergency_retention.sender_key_max_age,
    ),
    "emergencyRetention.preKeys": (
        21, "22", "23", lambda s: s.policy.emergency_retention.pre_keys,
    ),
    "maxRemovals.percent": (51, "52", "53", lambda s: s.policy.max_removals.percent),
    "maxRemovals.files": (401, "402", "403", lambda s: s.policy.max_removals.files),
    "undoWindow": ("25h", "26h", "27h", lambda s: s.undo_window),
}  # fmt: skip


class Watched:
    """The command run with its settings looked at on the way."""

    def __init__(self, run: Run, session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run = run
        self.session = session
        self.seen: list[InForce] = []
        real = settings_module.settings_in_force

        def watch(values: Any) -> InForce:
            self.seen.append(real(values))
            return self.seen[-1]

        monkeypatch.setattr(settings_module, "settings_in_force", watch)

    def clean(self, *options: object) -> Done:
        return self.run("clean", self.session, *options)

    def value(self, setting: Setting, *options: object) -> Any:
        done = self.clean(*options)
        assert done.code == 0, done.err
        return CASES[setting.where][3](self.seen[-1])


@pytest.fixture
def watched(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Watched:
    session = tmp_path / "company_1"
    session.mkdir()
    return Watched(run, session, monkeypatch)


def yaml_of(setting: Setting, value: object) -> str:
    return (
        f"{setting.group}: {{{setting.key}: {value}}}"
        if setting.group
        else f"{setting.key}: {value}"
    )


def number(value: object) -> float:
    """A value as it is in force: ages in seconds."""
    found = re.fullmatch(r"(\d+)([dh]?)", str(value))
    assert found is not None
    return int(found[1]) * {"d": 86_400, "h": 3_600, "": 1}[found[2]]


def test_nothing_set_is_the_documented_default(watched: Watched) -> None:
    assert watched.clean().code == 0
    assert watched.seen == [InForce(DEFAULTS, 86_400, "Enforce")]


@pytest.mark.parametrize(
    "setting", [each for each in (*SETTINGS, UNDO_WINDOW) if each.kind != "COUNT"], ids=str
)
def test_option_wins_over_environment_over_file_over_default(
    setting: Setting, watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file, in_env, as_option, read = CASES[setting.where]
    default = read(InForce(DEFAULTS, 86_400, "Enforce"))
    assert watched.value(setting) == default
    config = tmp_path / "janitor.yaml"
    config.write_text(yaml_of(setting, in_file))
    assert watched.value(setting, "--config", config) == number(in_file) != default
    monkeypatch.setenv(setting.variable, in_env)
    assert watched.value(setting, "--config", config) == number(in_env)
    assert watched.value(setting, "--config", config, setting.option, as_option) == number(
        as_option
    )


def test_count_says_what_is_compared(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "janitor.yaml"
    config.write_text("thresholds: {count: Total}")
    monkeypatch.setenv("BAILEYS_JANITOR_CONFIG", str(config))
    assert watched.clean().code == 0
    monkeypatch.setenv("BAILEYS_JANITOR_COUNT", "Pressure")
    assert watched.clean().code == 0
    assert watched.clean("--count", "total").code == 0
    counts = [each.policy.thresholds.count for each in watched.seen]
    assert counts == ["Total", "Pressure", "Total"]


def test_scan_takes_emergency_as_the_threshold_too(watched: Watched, run: Run) -> None:
    assert run("scan", watched.session, "--emergency", "182").code == 0
    assert watched.seen[-1].policy.thresholds.emergency == 182


def test_every_threshold_at_once(watched: Watched) -> None:
    limits = ("--warning", 1, "--critical", 2, "--trigger", 3, "--emergency-at", 4, "--danger", 5)
    assert watched.clean(*limits).code == 0
    thresholds = watched.seen[-1].policy.thresholds
    assert (thresholds.warning, thresholds.danger) == (1, 5)


def test_a_shorter_retention_takes_the_emergency_along(watched: Watched) -> None:
    assert watched.clean("--session-max-age", "3d", "--pre-keys", 20).code == 0
    emergency = watched.seen[-1].policy.emergency_retention
    assert (emergency.session_max_age, emergency.pre_keys) == (3 * 86_400, 20)
    assert emergency.sender_key_max_age == 86_400


def test_a_whole_tenant_manifest_is_a_configuration_file(watched: Watched, tmp_path: Path) -> None:
    config = tmp_path / "tenant.yaml"
    config.write_text(
        "apiVersion: janitor.baileys.dev/v1alpha1\n"
        "kind: BaileysTenant\n"
        "metadata: {name: acme}\n"
        "spec:\n"
        "  companyId: '1'\n"
        "  volume: {claimName: baileys-1}\n"
        "  schedule: {scanInterval: 5m}\n"
        "  thresholds: {warning: 99}\n"
    )
    assert watched.clean("--config", config).code == 0
    assert watched.seen[-1].policy.thresholds.warning == 99


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"thresholds: {warnin: 3}", "thresholds.warnin is not a field: did you mean warning?"),
        (b"retention: {sessionMaxAge: soon}", "retention.sessionMaxAge is 'soon'"),
        (b"thresholds: {warning: '150'}", "thresholds.warning is '150': give a whole number"),
        (b"thresholds: [150]", "thresholds must hold fields"),
        (b"- 150", "must hold settings such as"),
        (b"thresholds: {warning: 1", ", line 1 is not valid YAML"),
        (b"\xff\xfe\x00", "cannot be read: it is no UTF-8 text"),
        (b"#" * (1 << 20) + b"##", "is larger than 1 MiB"),
        (
            b"thresholds: {warning: 300}",
            "is above --critical's default (170): thresholds must ascend",
        ),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_it(
    watched: Watched, tmp_path: Path, content: bytes, sentence: str
) -> None:
    config = tmp_path / "janitor.yaml"
    config.write_bytes(content)
    done = watched.clean("--config", config)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert str(config) in done.err
    assert sentence in done.err


def test_an_empty_file_sets_nothing(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "janitor.yaml").write_text("# nothing\n")
    assert watched.clean("--config", tmp_path / "janitor.yaml").code == 0
    assert watched.seen[-1].policy == DEFAULTS


def test_a_missing_file_is_bad_usage(watched: Watched) -> None:
    done = watched.clean("--config", "/nowhere.yaml")
    assert (done.code, done.err) == (
        2,
        "Error: --config /nowhere.yaml does not exist; check the path.\n",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--session-max-age", "14"], "--session-max-age is '14', which is no duration"),
        (["--session-max-age", "1m"], "--session-max-age is '1m': choose between"),
        (["--pre-keys", "0"], "--pre-keys is 0: give 1 or more."),
        (["--warning", "many"], "'many' is not a valid integer"),
        (["--count", "All"], "'All' is not one of"),
        (["--warning", "171"], "--warning (171) is above --critical's default (170)"),
        (
            ["--emergency-pre-keys", "60"],
            "--emergency-pre-keys (60) is more than --pre-keys's default (50)",
        ),
        (["--max-removals-percent", "101"], "--max-removals-percent is 101: give 100 or less."),
        (["--frobnicate"], "No such option"),
    ],
)
def test_a_bad_option_is_named_with_the_way_out(
    watched: Watched, options: list[str], sentence: str
) -> None:
    done = watched.clean(*options)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_bad_variable_is_named(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAILEYS_JANITOR_SESSION_MAX_AGE", "soon")
    done = watched.clean()
    assert done.code == 2
    assert "BAILEYS_JANITOR_SESSION_MAX_AGE is 'soon'" in done.err


@pytest.mark.parametrize("setting", [*SETTINGS, UNDO_WINDOW], ids=str)
def test_the_documentation_names_every_setting_and_its_default(setting: Setting) -> None:
    row = next(line for line in DOCS.read_text().splitlines() if f"`{setting.variable}`" in line)
    _, option, _, key, default, _ = row.split("|")
    assert f"`{setting.option}`" in option
    assert key.strip() == f"`{setting.where}`"
    assert default.strip().strip("`") == setting.default
    if setting.kind == "COUNT":
        assert setting.default == DEFAULTS.thresholds.count
    else:
        read = CASES[setting.where][3]
        assert number(setting.default) == read(InForce(where_pre_keys_go(), 86_400, "Enforce"))


def where_pre_keys_go() -> Settings:
    """The defaults with the numbers of pre-keys that apply where pre-keys go."""
    everything = Settings(Thresholds(count=TOTAL))
    return Settings(
        retention=everything.applied_retention(),
        emergency_retention=everything.applied_emergency_retention(),
    )
