"""Which URLs name a place for archives, and which do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.stores.location import Location, location_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://baileys/prod", Location("s3", "baileys", "prod")),
        ("s3://baileys", Location("s3", "baileys")),
        ("s3://baileys/", Location("s3", "baileys")),
        ("gs://baileys-eu/a/b/", Location("gs", "baileys-eu", "a/b")),
        ("az://container/x_1.2", Location("az", "container", "x_1.2")),
        ("/mnt/backups/", Location("file", directory="/mnt/backups")),
        ("file:///mnt/back ups", Location("file", directory="/mnt/back ups")),
        ("/", Location("file", directory="/")),
    ],
)
def test_a_url_names_a_place(url: str, expected: Location) -> None:
    assert location_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "", "backups", "./backups", "s3:/x/y", "s3://", "s3:///prefix", "s3://b", "ftp://host/x", "http://host/x",
        "s3://key:secret@bucket/x", "s3://bucket/a//b", "s3://bucket/../other", "s3://bucket/.hidden", "s3://bu cket/x",
        "s3://bucket/a?x=1", "s3://bucket/a#b", "s3://bucket/\u00e4", "s3://bucket/a\nb", "file://host/x", "file:x",
        "/mnt/../etc", "/mnt/\0", "s3://bucket/" + "a" * 600, "/" + "a" * 1100, "S3://bucket/x",
    ],
)  # fmt: skip
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(BackupProblem) as caught:
        location_of(url)
    assert caught.value.code == "UrlInvalid"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "endpoint", "region"),
    [
        ("s3://bucket/x", "s3.example", None), ("s3://bucket/x", "https://", None),
        ("s3://bucket/x", "https://key:secret@s3.example", None), ("s3://bucket/x", "https://s3.example:0", None),
        ("s3://bucket/x", "https://s3.example:99999", None), ("s3://bucket/x", "https://s3.example:x", None),
        ("s3://bucket/x", "https://s3.example?a=b", None), ("s3://bucket/x", "ftp://s3.example", None),
        ("s3://bucket/x", "https://s3 .example", None), ("s3://bucket/x", "https://s3.example\n", None),
        ("s3://bucket/x", "https://[::1", None), ("s3://bucket/x", None, "eu central"),
        ("gs://bucket/x", "http://gcs.example", None), ("az://bucket/x", "http://10.0.0.1:10000", None),
        ("/mnt/backups", "https://s3.example", None),
    ],
)  # fmt: skip
def test_an_endpoint_that_cannot_be_is_refused(
    url: str, endpoint: str | None, region: str | None
) -> None:
    with pytest.raises(BackupProblem) as caught:
        location_of(url, endpoint=endpoint, region=region)
    assert caught.value.code == "EndpointInvalid"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "plain"),
    [
        ("https://s3.example", False), ("http://s3.example:9000", True), ("HTTP://s3.example", True),
        ("http://127.0.0.1:9000", False), ("http://localhost", False), ("http://[::1]:9000", False), (None, False),
    ],
)  # fmt: skip
def test_plain_http_to_another_machine_is_known(endpoint: str | None, plain: bool) -> None:
    assert location_of("s3://bucket/x", endpoint=endpoint).is_plain_http is plain


@given(st.text(max_size=60), st.none() | st.text(max_size=60))
def test_no_url_raises_anything_else(url: str, endpoint: str | None) -> None:
    for text in (url, f"s3://{url}", f"s3://bucket/{url}"):
        try:
            found = location_of(text, endpoint=endpoint and f"https://{endpoint}")
        except BackupProblem:
            continue
        assert found.scheme in ("s3", "gs", "az", "file")
        assert ".." not in found.prefix.split("/")
