"""The chart: as an archive, as an entry of a repository's index, and as an OCI layout."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

from release.reproducible import ROOT, gzipped, rfc3339, sha256, tar
from sandbox.tools import path_of

CHART: Final = ROOT / "charts" / "baileys-janitor"
UNPUBLISHED: Final = "baileys-janitor"
"""The image's name in a checkout, which is not published."""
_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
_CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
Object = dict[str, Any]


class HelmFailed(Exception):  # noqa: N818 - what happened
    """Helm refuses the chart; its message."""


def helm(*arguments: str) -> str:
    """Run Helm; return its output.

    Raises:
        HelmFailed: Helm is not installed, or it fails.
    """
    program = path_of("helm")
    if program is None:
        raise HelmFailed("Helm is needed: `make tools` unpacks it")
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmFailed(done.stderr.strip())
    return done.stdout


def copied(directory: Path, image: str, changes: str) -> Path:
    """Copy the chart and write the facts of the release into the copy: the image's name and the changes."""
    copy = directory / CHART.name
    shutil.copytree(CHART, copy)
    values = copy / "values.yaml"
    text = values.read_text(encoding="utf-8")
    named = f'  repository: "{UNPUBLISHED}"\n'
    if text.count(named) != 1:
        raise HelmFailed(
            "values.yaml does not have the image's repository where a release writes it"
        )
    values.write_text(text.replace(named, f'  repository: "{image}"\n'), encoding="utf-8")
    about = copy / "Chart.yaml"
    said: Object = yaml.safe_load(about.read_text(encoding="utf-8"))
    items = re.findall(r"^- (.+?)(?=\n- |\n\n|\n#|\Z)", changes, re.MULTILINE | re.DOTALL)
    listed = [" ".join(item.split()) for item in items]
    said["annotations"]["artifacthub.io/changes"] = yaml.safe_dump(listed, width=10_000)
    if image != UNPUBLISHED:
        images = [{"name": "baileys-janitor", "image": f"{image}:{said['appVersion']}"}]
        said["annotations"]["artifacthub.io/images"] = yaml.safe_dump(images)
    about.write_text(yaml.safe_dump(said, sort_keys=False, width=120), encoding="utf-8")
    return copy


def archive(image: str, changes: str, seconds: int) -> tuple[str, bytes]:
    """Return the name and the bytes of the chart's archive: packed by Helm, with the release's time."""
    with tempfile.TemporaryDirectory(prefix="chart-") as home:
        copy = copied(Path(home), image, changes)
        helm("lint", "--quiet", str(copy))
        helm("package", str(copy), "--destination", home)
        [packed] = Path(home).glob("*.tgz")
        with tarfile.open(packed) as opened:
            files = {
                member.name: content.read()
                for member in opened
                if (content := opened.extractfile(member)) is not None
            }
        return packed.name, gzipped(tar(files, seconds))


def about(packed: bytes) -> Object:
    """Return the Chart.yaml in an archive."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as opened:
        content = opened.extractfile(f"{CHART.name}/Chart.yaml")
        assert content is not None
        found: Object = yaml.safe_load(content.read())
    return found


def index(name: str, packed: bytes, url: str, seconds: int) -> str:
    """Return the index of a chart repository with this archive, downloaded from beneath `url`."""
    entry = about(packed) | {
        "created": rfc3339(seconds),
        "digest": sha256(packed),
        "urls": [f"{url}/{name}"],
    }
    found = {"apiVersion": "v1", "entries": {CHART.name: [entry]}, "generated": rfc3339(seconds)}
    return yaml.safe_dump(found, width=120)


def oci_layout(packed: bytes, seconds: int) -> bytes:
    """Return a tar archive of an OCI image layout with the chart, as `helm push` would put it into a registry."""
    chart = about(packed)
    config = _json(chart)
    annotations = {
        "org.opencontainers.image.title": chart["name"],
        "org.opencontainers.image.version": chart["version"],
        "org.opencontainers.image.description": chart["description"],
        "org.opencontainers.image.created": rfc3339(seconds),
    }
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_CONTENT, packed)],
            "annotations": annotations,
        }
    )
    named = _descriptor(_MANIFEST, manifest)
    named["annotations"] = {"org.opencontainers.image.ref.name": chart["version"]}
    top = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]})
    blobs = {f"blobs/sha256/{sha256(blob)}": blob for blob in (config, packed, manifest)}
    return tar(
        {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": top, **blobs}, seconds
    )


def _descriptor(kind: str, content: bytes) -> Object:
    return {"mediaType": kind, "digest": f"sha256:{sha256(content)}", "size": len(content)}


def _json(value: Object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
