"""Credentials from a directory, a file and the environment; what is missing is named, and no value is shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.stores.store_credentials import StoreCredentials, credentials_for

PAIR = {"AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret"}
CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def problem(scheme: str, source: Path | str | None, environ: dict[str, str]) -> BackupProblem:
    with pytest.raises(BackupProblem) as caught:
        credentials_for(scheme, None if source is None else str(source), environ)
    assert "the-" not in str(caught.value)
    assert "the-" not in repr(caught.value)
    return caught.value


def test_a_mounted_secret_is_a_directory_of_files(tmp_path: Path) -> None:
    for key, value in PAIR.items():
        (tmp_path / key).write_text(f"{value}\n")
    (tmp_path / "ca.crt").write_text(CA)
    (tmp_path / "other").write_text("x")
    found = credentials_for("s3", str(tmp_path), {"AWS_SESSION_TOKEN": "of something else"})
    assert found.values == PAIR
    assert found.ca == CA


@pytest.mark.parametrize(
    "text",
    [
        "AWS_ACCESS_KEY_ID=the-key\nAWS_SECRET_ACCESS_KEY=the-secret\n",
        "export AWS_ACCESS_KEY_ID='the-key'\r\n# comment\nexport AWS_SECRET_ACCESS_KEY=\"the-secret\"",
        "[other]\naws_access_key_id=no\n[default]\naws_access_key_id = the-key\naws_secret_access_key = the-secret\n",
    ],
)
def test_a_file_has_lines_as_a_shell_or_the_aws_command_writes_them(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "file").write_text(text)
    assert credentials_for("s3", str(tmp_path / "file"), {}).values == PAIR


def test_a_service_account_is_a_file_of_json(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text('{"type": "service_account"}')
    found = credentials_for("gs", str(tmp_path / "key.json"), {})
    assert found.values == {"GOOGLE_SERVICE_ACCOUNT_KEY": '{"type": "service_account"}'}


def test_the_environment_counts_where_nothing_else_is_named() -> None:
    environ = {**PAIR, "AWS_SESSION_TOKEN": "t", "AWS_SKIP_SIGNATURE": "true", "PATH": "/bin"}
    assert credentials_for("s3", None, environ).values == {**PAIR, "AWS_SESSION_TOKEN": "t"}


def test_region_and_endpoint_may_stand_beside_the_keys() -> None:
    environ = {**PAIR, "AWS_DEFAULT_REGION": "eu-1", "AWS_ENDPOINT_URL": "https://s3.example"}
    found = credentials_for("s3", None, environ)
    assert (found.region, found.endpoint) == ("eu-1", "https://s3.example")
    assert found.values == PAIR


def test_a_ca_bundle_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CA)
    environ = {**PAIR, "AWS_CA_BUNDLE": str(tmp_path / "ca.pem")}
    assert credentials_for("s3", None, environ).ca == CA
    (tmp_path / "ca.pem").write_text("nothing")
    assert problem("s3", None, environ).code == "SecretInvalid"


def test_a_bundle_may_hold_all_cas_of_a_system(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CA * (300_000 // len(CA)))
    environ = {**PAIR, "AWS_CA_BUNDLE": str(tmp_path / "ca.pem")}
    assert (credentials_for("s3", None, environ).ca or "").startswith(CA)


def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CA * (2_000_000 // len(CA)))
    for path in (tmp_path / "ca.pem", tmp_path / "missing"):
        with pytest.raises(BackupProblem, match="AWS_CA_BUNDLE") as found:
            credentials_for("s3", None, {**PAIR, "AWS_CA_BUNDLE": str(path)})
        assert found.value.code == "SecretInvalid"


@pytest.mark.parametrize(
    ("scheme", "environ", "named"),
    [
        ("s3", {}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("s3", {"AWS_ACCESS_KEY_ID": "the-key"}, "AWS_SECRET_ACCESS_KEY"),
        (
            "s3",
            {"AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": ""},
            "AWS_SECRET_ACCESS_KEY",
        ),
        ("gs", PAIR, "GOOGLE_SERVICE_ACCOUNT_KEY"),
        ("az", PAIR, "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"),
    ],
)
def test_what_is_missing_is_named(scheme: str, environ: dict[str, str], named: str) -> None:
    found = problem(scheme, None, environ)
    assert found.code == "SecretMissing"
    assert named in str(found)


@pytest.mark.parametrize(
    "value", ["the-se cret", "the-secret\nx", "the-sécret", "the-\0", "the-" * 4000]
)
def test_a_value_that_cannot_be_right_names_its_key(value: str) -> None:
    found = problem("s3", None, {**PAIR, "AWS_SECRET_ACCESS_KEY": value})
    assert found.code == "SecretInvalid"
    assert "AWS_SECRET_ACCESS_KEY" in str(found)


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"A" * 100_000)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "words").write_text("the-key the-secret\n")
    for name in ("missing", "binary", "large", "fifo"):
        assert problem("s3", tmp_path / name, {}).code == "SecretUnreadable"
    found = problem("s3", tmp_path / "words", {})
    assert (found.code, "line 1" in str(found)) == ("SecretInvalid", True)


def test_no_value_is_in_a_printed_form() -> None:
    assert repr(StoreCredentials(PAIR, CA)) == "StoreCredentials()"


@given(text=st.text(max_size=200))
def test_no_file_raises_anything_else(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_text(text, encoding="utf-8", errors="ignore")
    with pytest.raises(BackupProblem):
        credentials_for("s3", str(path), {})
