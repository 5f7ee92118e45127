"""One build of a release, and what each of its files is good for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor import __version__
from baileys_janitor.api.generated.crd import crds
from release import build, chart, manifests, sbom, versions
from release.reproducible import ROOT, gzipped, tar
from sandbox.tools import kubectl_path, path_of
from tests.chart.schemas import NEWEST, validate
from tests.real.sessions import ALL_CHECKS

IMAGE = "registry.example/team/baileys-janitor"
URL = "https://example.org/files/{version}"
EPOCH = "1790000000"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of one build, by name."""
    if not sbom.TOOL.is_dir():
        pytest.skip("no cyclonedx-py: `make release` puts it into .tools")
    return built(tmp_path_factory.mktemp("release") / "dist")


def built(directory: Path) -> Files:
    command = [
        sys.executable,
        "-m",
        "release.build",
        str(directory),
        "--image",
        IMAGE,
        "--url",
        URL,
    ]
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def members(packed: bytes) -> Files:
    """The files of a tar archive, compressed or not."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        found = {each.name: archive.extractfile(each) for each in archive}
        return {name: content.read() for name, content in found.items() if content is not None}


def test_everything_is_there_and_the_sums_are_right(files: Files) -> None:
    assert set(files) == {
        f"baileys_janitor-{__version__}-py3-none-any.whl",
        f"baileys_janitor-{__version__}.tar.gz",
        f"baileys-janitor-{__version__}.tgz",
        f"baileys-janitor-chart-{__version__}.oci.tar",
        f"baileys-janitor-{__version__}-kustomize.tar.gz",
        *("index.yaml", "crds.yaml", "install.yaml"),
        *("kubectl-baileys", "kubectl-baileys.tar.gz", "krew-baileys.yaml"),
        *("sbom.cdx.json", "RELEASE_NOTES.md", "SHA256SUMS"),
    }
    lines = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert set(lines) == set(files) - {"SHA256SUMS"}
    assert all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in lines.items())


def test_the_page_names_every_file(files: Files) -> None:
    table = (ROOT / "docs/releasing.md").read_text().split("## Make a release")[0]
    assert [
        name for name in files if f"`{name.replace(__version__, 'VERSION')}`" not in table
    ] == []


def test_every_file_says_the_same_version(files: Files) -> None:
    about = yaml.safe_load(
        members(files[f"baileys-janitor-{__version__}.tgz"])["baileys-janitor/Chart.yaml"]
    )
    assert (about["version"], about["appVersion"]) == (__version__, __version__)
    wheel = zipfile.ZipFile(io.BytesIO(files[f"baileys_janitor-{__version__}-py3-none-any.whl"]))
    [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    assert f"\nVersion: {__version__}\n" in wheel.read(metadata).decode()
    assert yaml.safe_load(files["krew-baileys.yaml"])["spec"]["version"] == f"v{__version__}"
    assert f"{IMAGE}:{__version__}" in files["install.yaml"].decode()
    assert json.loads(files["sbom.cdx.json"])["metadata"]["component"]["version"] == __version__
    assert list(versions.disagreements()) == []


def test_the_wheel_installs_and_runs(files: Files, tmp_path: Path) -> None:
    name = f"baileys_janitor-{__version__}-py3-none-any.whl"
    (tmp_path / name).write_bytes(files[name])
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
    ]
    site = tmp_path / "site"
    subprocess.run([*pip, "--target", str(site), str(tmp_path / name)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", "--version"],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout == f"baileys-janitor {__version__}\n"


def test_the_source_archive_holds_what_the_package_is_built_from(files: Files) -> None:
    top = f"baileys_janitor-{__version__}"
    held = set(members(files[f"{top}.tar.gz"]))
    assert {
        f"{top}/pyproject.toml",
        f"{top}/LICENSE",
        f"{top}/operator/baileys_janitor/__init__.py",
    } <= held


def test_helm_takes_the_chart_and_it_names_the_published_image(
    files: Files, tmp_path: Path
) -> None:
    packed = tmp_path / "chart.tgz"
    packed.write_bytes(files[f"baileys-janitor-{__version__}.tgz"])
    rendered = chart.helm(
        "template", "janitor", str(packed), "--show-only", "templates/deployment.yaml"
    )
    container = yaml.safe_load(rendered)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"{IMAGE}:{__version__}"
    here = {
        path.relative_to(chart.CHART.parent).as_posix()
        for path in chart.CHART.rglob("*")
        if path.is_file()
    }
    assert set(members(packed.read_bytes())) == here


def test_what_artifact_hub_reads_is_of_the_form_that_it_reads(files: Files) -> None:
    about = yaml.safe_load(
        members(files[f"baileys-janitor-{__version__}.tgz"])["baileys-janitor/Chart.yaml"]
    )
    said = {key.partition("/")[2]: value for key, value in about["annotations"].items()}
    assert all(isinstance(value, str) for value in said.values())
    assert yaml.safe_load(said["images"]) == [
        {"name": "baileys-janitor", "image": f"{IMAGE}:{__version__}"}
    ]
    changes = yaml.safe_load(said["changes"])
    assert len(changes) > 3
    assert all(isinstance(change, str) for change in changes)
    listed = {
        (each["name"], each["kind"], each["version"]) for each in yaml.safe_load(said["crds"])
    }
    named = {
        (
            each["metadata"]["name"],
            each["spec"]["names"]["kind"],
            each["spec"]["versions"][0]["name"],
        )
        for each in crds()
    }
    assert listed == named
    assert about["icon"].endswith("/docs/icon.svg")
    assert (ROOT / "docs/icon.svg").exists()
    assert "email" not in about["maintainers"][0], "roles, not people"


def test_the_index_leads_to_the_chart(files: Files) -> None:
    [entry] = yaml.safe_load(files["index.yaml"])["entries"]["baileys-janitor"]
    name = f"baileys-janitor-{__version__}.tgz"
    assert entry["digest"] == hashlib.sha256(files[name]).hexdigest()
    assert entry["urls"] == [f"https://example.org/files/{__version__}/{name}"]
    assert entry["created"] == "2026-09-21T14:13:20Z"


def test_the_oci_layout_is_the_chart_as_a_registry_keeps_it(files: Files) -> None:
    held = members(files[f"baileys-janitor-chart-{__version__}.oci.tar"])
    assert json.loads(held["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}

    def blob(descriptor: dict[str, Any]) -> bytes:
        content = held[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (
            descriptor["digest"][7:],
            descriptor["size"],
        )
        return content

    [named] = json.loads(held["index.json"])["manifests"]
    assert named["annotations"]["org.opencontainers.image.ref.name"] == __version__
    manifest = json.loads(blob(named))
    assert json.loads(blob(manifest["config"]))["name"] == "baileys-janitor"
    [layer] = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    assert blob(layer) == files[f"baileys-janitor-{__version__}.tgz"]


def parsed(text: str) -> list[dict[str, Any]]:
    """The documents of a text, read by the C library: the CRDs are long."""
    return list(yaml.load_all(text, yaml.CSafeLoader))


def kustomized(files: Files, directory: Path, overlay: str) -> list[dict[str, Any]]:
    """What kustomize makes of one directory of the archive."""
    for name, content in members(files[f"baileys-janitor-{__version__}-kustomize.tar.gz"]).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    done = subprocess.run(
        [str(kubectl_path()), "kustomize", str(directory / "kustomize" / overlay)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return parsed(done.stdout)


def test_the_kustomize_base_is_what_the_chart_installs(files: Files, tmp_path: Path) -> None:
    found = kustomized(files, tmp_path, "base")
    for each in found:
        if each["kind"] != "CustomResourceDefinition":
            validate(each, "1.29")
            validate(each, NEWEST)
    kinds = [each["kind"] for each in found]
    assert kinds.count("CustomResourceDefinition") == len(crds())
    assert {"Namespace", "Deployment", "ClusterRole", "ServiceAccount", "ConfigMap"} <= set(kinds)
    plain = parsed(files["install.yaml"].decode())
    assert {manifests.identity(each) for each in plain} == {
        manifests.identity(each) for each in found
    }
    text = files["install.yaml"].decode()
    assert "Helm" not in text
    assert "helm.sh" not in text


def test_the_admission_policies_come_as_a_component(files: Files, tmp_path: Path) -> None:
    kustomized(files, tmp_path, "base")
    overlay = tmp_path / "kustomize" / "mine"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "resources: [../base]\ncomponents: [../admission]\n"
    )
    done = subprocess.run(
        [str(kubectl_path()), "kustomize", str(overlay)], capture_output=True, text=True
    )
    kinds = [each["kind"] for each in parsed(done.stdout)]
    assert (
        kinds.count("ValidatingAdmissionPolicy")
        == kinds.count("ValidatingAdmissionPolicyBinding")
        >= 3
    )
    assert kinds.count("Deployment") == 1


def test_an_overlay_puts_an_image_into_both_places(files: Files, tmp_path: Path) -> None:
    found = kustomized(files, tmp_path, "own-image")
    [deployment] = [each for each in found if each["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    own = f"registry.example/baileys-janitor:{__version__}"
    assert container["image"] == own
    assert {"name": "BAILEYS_JANITOR_IMAGE", "value": own} in container["env"]
    assert IMAGE not in yaml.safe_dump_all(found)


def test_krews_manifest_has_the_archives_sum_and_address(files: Files) -> None:
    [platform] = yaml.safe_load(files["krew-baileys.yaml"])["spec"]["platforms"]
    assert platform["sha256"] == hashlib.sha256(files["kubectl-baileys.tar.gz"]).hexdigest()
    assert platform["uri"] == f"https://example.org/files/{__version__}/kubectl-baileys.tar.gz"


def test_the_bill_of_materials_lists_what_the_image_installs(files: Files) -> None:
    found = json.loads(files["sbom.cdx.json"])
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    pinned = re.findall(
        r"^([a-z0-9.-]+)(?:\[.*\])?==(\S+)",
        (ROOT / "requirements/runtime.txt").read_text(),
        re.MULTILINE,
    )
    assert {(each["name"], each["version"]) for each in found["components"]} == set(pinned)
    assert all(each["purl"] for each in found["components"])


def test_the_notes_are_the_newest_part_of_the_changelog(files: Files) -> None:
    notes = files["RELEASE_NOTES.md"].decode()
    assert notes.startswith("### ")
    assert "\n## " not in notes.split("## Verify")[0]


@pytest.mark.skipif(not ALL_CHECKS, reason="ALL_CHECKS=1 builds a second time, in ten seconds")
def test_a_second_build_makes_the_same_bytes(files: Files, tmp_path: Path) -> None:
    again = built(tmp_path / "again")
    assert [name for name in files if files[name] != again[name]] == []


def test_archives_depend_on_their_contents_alone() -> None:
    packed = gzipped(tar({"b": b"2", "a": b"1"}, 1_790_000_000))
    assert packed == gzipped(tar({"a": b"1", "b": b"2"}, 1_790_000_000))
    assert packed != gzipped(tar({"a": b"1", "b": b"3"}, 1_790_000_000))
    assert members(packed) == {"a": b"1", "b": b"2"}


def checkout(directory: Path, *, chart_version: str = __version__, changelog: str = "") -> Path:
    """As much of a checkout as versions are read from."""
    (directory / "charts/baileys-janitor").mkdir(parents=True)
    about = {"version": chart_version, "appVersion": __version__}
    (directory / "charts/baileys-janitor/Chart.yaml").write_text(yaml.safe_dump(about))
    (directory / "CHANGELOG.md").write_text(
        changelog or f"# C\n\n## {__version__} - 2026-12-01\n\n- All.\n"
    )
    (directory / "pyproject.toml").write_text('[project]\nname = "x"\ndynamic = ["version"]\n')
    return directory


@pytest.mark.parametrize(
    ("fields", "tag", "said"),
    [
        ({}, None, []),
        ({}, f"v{__version__}", []),
        ({}, "v9.9.9", ["the tag is 9.9.9"]),
        (
            {"chart_version": "9.9.9"},
            None,
            ["version in charts/baileys-janitor/Chart.yaml is 9.9.9"],
        ),
        (
            {"changelog": "## 9.9.9 - unreleased\n\n- A\n"},
            None,
            ["the newest part of CHANGELOG.md is 9.9.9"],
        ),
        ({"changelog": f"## {__version__} - unreleased\n\n- A\n"}, None, []),
        (
            {"changelog": f"## {__version__} - unreleased\n\n- A\n"},
            f"v{__version__}",
            ["CHANGELOG.md calls"],
        ),
    ],
)
def test_whatever_names_another_version_is_one_sentence(
    fields: dict[str, str], tag: str | None, said: list[str], tmp_path: Path
) -> None:
    found = list(versions.disagreements(tag, checkout(tmp_path, **fields)))
    assert len(found) == len(said)
    assert all(line.startswith(begin) for line, begin in zip(found, said, strict=True))


def test_a_tag_that_is_no_release_ends_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "dist" / "of an earlier release"
    kept.parent.mkdir()
    kept.write_text("")
    with pytest.raises(SystemExit) as ended:
        build.main([str(kept.parent), "--tag", "v9.9.9"])
    assert ended.value.code == 1
    assert "the tag is 9.9.9" in capsys.readouterr().err
    assert kept.exists()


def test_the_operator_is_the_same_with_and_without_policies() -> None:
    assert path_of("helm") is not None
    without, with_ = (
        manifests.rendered(chart.CHART, policies=policies) for policies in (False, True)
    )
    assert [each for each in with_ if "AdmissionPolicy" not in each["kind"]] == without
