"""What archives are called, and that nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.names import (
    PATH_MOST,
    ArchiveName,
    ArchivePath,
    is_namespace,
    is_tenant,
    name_of,
    parse_name,
    parse_path,
    tenant_of,
)

names = st.builds(
    ArchiveName,
    st.integers(0, 32_503_680_000 - 1),
    st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    st.booleans(),
)
labels = st.from_regex(re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII), fullmatch=True)


def test_a_name_says_when_and_what() -> None:
    name = name_of(1_795_858_500.9, "0a1b2c3d" + 56 * "e", encrypted=True)
    assert str(name) == "20261128T093500Z-0a1b2c3d.tar.gz.age"
    assert (
        str(name_of(1_795_858_500, 64 * "f", encrypted=False)) == "20261128T093500Z-ffffffff.tar.gz"
    )


@given(labels, labels, names)
def test_names_are_read_as_they_were_written(
    namespace: str, tenant: str, name: ArchiveName
) -> None:
    path = ArchivePath(namespace, tenant, name)
    assert parse_path(str(path)) == path
    assert len(str(path)) <= PATH_MOST


@given(names, names)
def test_names_sort_by_time(one: ArchiveName, other: ArchiveName) -> None:
    if one.time < other.time:
        assert str(one) < str(other)


@pytest.mark.parametrize(
    "text",
    [
        "", "server/acme", "server/acme/", "/server/acme/20261128T093500Z-0a1b2c3d.tar.gz.age",
        "server/../20261128T093500Z-0a1b2c3d.tar.gz.age", "server/a/b/20261128T093500Z-0a1b2c3d.tar.gz.age",
        "Server/acme/20261128T093500Z-0a1b2c3d.tar.gz.age", "server/acme/20261128T093500Z-0A1b2c3d.tar.gz.age",
        "server/acme/20261128T093500Z-0a1b2c3d.tar.gz.age\n", "server/acme/20261328T093500Z-0a1b2c3d.tar.gz.age",
        "server/acme/20261128T093560Z-0a1b2c3d.tar.gz.age", "server/acme/20261128T093500Z-0a1b2c3.tar.gz.age",
        "server/acme/20261128T093500Z-0a1b2c3d.tar", "server/acme/20261128T093500Z-0a1b2c3d.tar.gz.age.tmp",
        "server/ac..me/20261128T093500Z-0a1b2c3d.tar.gz.age", "server/acme./20261128T093500Z-0a1b2c3d.tar.gz.age",
        "server/acme/٢٠261128T093500Z-0a1b2c3d.tar.gz.age", "server/acme/.20261128T093500Z-0a1b2c3d.tar.gz.age",
        "server/acme/00001128T093500Z-0a1b2c3d.tar.gz.age", "server/acme/30001128T093500Z-0a1b2c3d.tar.gz.age",
    ],
)  # fmt: skip
def test_anything_else_is_foreign(text: str) -> None:
    assert parse_path(text) is None


@given(
    st.text(max_size=500)
    | st.from_regex(r"[a-z/.]{1,9}/[a-z.]{1,9}/[0-9TZ]{14,17}-[0-9a-f]{8}\.tar\.gz")
)
def test_no_name_raises(text: str) -> None:
    found = parse_path(text)
    assert found is None or str(found) == text
    assert parse_name(text) is None or "/" not in text


@given(st.text(max_size=300))
def test_every_directory_has_a_tenant(directory: str) -> None:
    assert is_tenant(tenant_of(directory))
    assert is_namespace(tenant_of(directory))


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_directories_never_share_one(one: str, other: str) -> None:
    if one != other:
        assert tenant_of(one) != tenant_of(other)


@pytest.mark.parametrize(
    ("directory", "tenant"),
    [
        ("acme", "acme"),
        ("Müller GmbH", "m-ller-gmbh-"),
        ("a/b", "a-b-"),
        ("", "tenant-"),
        ("..", "tenant-"),
    ],
)
def test_a_slug_stands_as_it_is_and_any_other_is_cut_down(directory: str, tenant: str) -> None:
    assert tenant_of(directory).startswith(tenant)


@pytest.mark.parametrize(
    "directory",
    [
        "447700900123",
        "md_447700900123",
        "+44 7700 900123",
        "Bot (0)7700-900-123",
        "bot-7700-900-123",
    ],
)
def test_a_phone_number_is_never_in_a_name(directory: str) -> None:
    assert re.fullmatch(r"tenant-[0-9a-f]{8}", tenant_of(directory))
