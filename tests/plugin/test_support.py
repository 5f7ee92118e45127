"""The bundle for support: what is in it, and what never is."""

from __future__ import annotations

import json
import re
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.cli.plugin.support import documents
from baileys_janitor.cli.plugin.support.mask import HIDDEN, Mask
from tests.plugin.conftest import Run
from tests.plugin.tenants import NUMBER, Fleet, acting

KEY = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Nd")), max_size=12)
DIGITS = st.text("0123456789", min_size=7, max_size=15)


def unpacked(path: Path) -> dict[str, str]:
    """The files of a bundle, by their names without the directory."""
    with tarfile.open(path) as archive:
        found = {}
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            found[member.name.partition("/")[2]] = file.read().decode()
        return found


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "bundle.tar.gz"


def test_a_bundle_has_what_a_helper_needs_and_no_number(
    run: Run, fleet: Fleet, bundle: Path
) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"scan-{NUMBER}",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "baileys-janitor"},
            "annotations": {"janitor.baileys.dev/members": NUMBER, "other.dev/secret": KEY},
        },
        "spec": {
            "suspend": True,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "janitor", "image": "j:1", "args": [NUMBER, KEY]}],
                }
            },
        },
    }
    fleet.kubectl("create", "-f", "-", body=job)
    done = run("support", f"shop/{NUMBER}", "--to", bundle)
    assert done.code == 0, done.err
    assert "Look through it before you send it." in done.out
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    files = unpacked(bundle)
    assert set(files) == {
        "README.txt", "tenant.json", "events.json", "jobs.json", "pods.json", "operations.json",
        "operator.json",
        "versions.json",
    }  # fmt: skip
    assert NUMBER not in "".join(files.values())
    assert KEY not in "".join(files.values())
    tenant = json.loads(files["tenant.json"])
    assert tenant["metadata"]["name"] == tenant["spec"]["volume"]["path"] == "49•••••••••78"
    assert tenant["status"]["files"]["counted"] == 188
    assert not set(tenant["status"]) & {"lastValid", "running"}
    assert "args" not in files["jobs.json"]
    assert "other.dev" not in files["jobs.json"]
    assert json.loads(files["jobs.json"])[0]["metadata"]["name"] == "scan-49•••••••••78"
    assert "gitVersion" in files["versions.json"]


def test_what_may_not_be_read_is_named_in_it(run: Run, bundle: Path) -> None:
    done = run("support", "shop/acme", acting("reader"), "--to", bundle)
    assert done.code == 0
    about = unpacked(bundle)["README.txt"]
    for said in (
        "jobs.json: it takes the right list on jobs.batch in the namespace shop",
        "operator.json: it takes the right list on deployments.apps in all namespaces",
    ):
        assert f"Not in it: {said}\n" in done.err
        assert f"- {said}\n" in about


def test_a_file_that_is_there_stays(run: Run, bundle: Path, tmp_path: Path) -> None:
    bundle.write_text("mine")
    done = run("support", "shop/acme", "--to", bundle)
    assert (done.code, bundle.read_text()) == (2, "mine")
    assert "exists, so it stays" in done.err
    assert "cannot be written" in run("support", "shop/acme", "--to", tmp_path / "no" / "b").err


@settings(max_examples=50)
@given(DIGITS, TEXTS, TEXTS, st.sampled_from(["", " ", "-", ". ", "("]))
def test_no_number_is_left_in_a_text(number: str, before: str, after: str, gap: str) -> None:
    written = gap.join(number)
    shown = Mask().text(f"{before}{written}{after}")
    assert number not in re.sub(r"[ ().-]", "", shown)


@settings(max_examples=40)
@given(
    st.recursive(
        st.one_of(TEXTS, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    ),
    DIGITS,
)
def test_no_number_and_no_key_is_left_in_a_document(inner: Any, number: str) -> None:
    document = {number: inner, "a": [{"b": f"x{number}y", "c": KEY}], "n": int(number)}
    shown = json.dumps(Mask().document(document), ensure_ascii=False)
    assert number not in shown or number in json.dumps(inner)
    assert KEY not in shown
    if int(number) >= 1_000_000:
        assert str(int(number)) not in shown


def test_the_same_number_is_masked_alike_and_times_stay() -> None:
    mask = Mask()
    assert mask.text(f"{NUMBER} and {NUMBER}, not 4915112345778") == (
        "49•••••••••78 and 49•••••••••78, not 49•••••••••78#2"
    )
    for time in ("2026-11-22T08:30:00Z", "2026-11-22T08:30:00.123456+03:00", "20261122T083000Z"):
        assert mask.text(f"at {time}.") == f"at {time}."


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "-----BEGIN PRIVATE KEY-----\nMIIE\nAB==\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEA",
        "c2VjcmV0IGtleSB0aGF0IGlzIGxvbmcgZW5vdWdoIHRvIGJlIG9uZQ==",
    ],
)
def test_what_looks_like_a_key_is_left_out(secret: str) -> None:
    assert Mask().text(f"a {secret} b") == f"a {HIDDEN} b" or secret.count("-----") == 2
    assert secret[-12:] not in Mask().text(f"a {secret}")
    assert Mask().text("postgres://user:pw@host/db") == f"postgres://{HIDDEN}host/db"


def test_endless_documents_end() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    assert HIDDEN in json.dumps(Mask().document(deep))
    assert len(Mask().document(["x"] * 10_000)) <= 500
    assert len(Mask().text("ab " * 10_000)) <= 2_048


@settings(max_examples=40)
@given(
    st.recursive(
        st.one_of(st.none(), st.text(max_size=5), st.integers()),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["metadata", "spec", "status", "state", "containerStatuses", "labels"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_objects_of_any_shape_are_read(found: Any) -> None:
    given_object = found if isinstance(found, dict) else {}
    for shape in (documents.of_job, documents.of_pod, documents.of_deployment):
        json.dumps(shape(given_object))
