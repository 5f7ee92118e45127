"""Builds a release: `python -m release.build DIR [--image NAME] [--url URL] [--tag v1.2.3]`; `make release` calls it.

The same commit makes the same bytes: every timestamp is SOURCE_DATE_EPOCH, else the commit's. Nothing is published.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from baileys_janitor import __version__
from krew import build as krew
from release import chart, manifests, sbom, versions
from release.reproducible import ROOT, epoch, gzipped, sha256, tar

URL: Final = "https://github.com/baileys-janitor/baileys-janitor/releases/download/v{version}"
"""The address where the files are published; --url replaces it."""
SUMS: Final = "SHA256SUMS"


def python_packages(seconds: int) -> dict[str, bytes]:
    """Return the wheel and the source archive."""
    with tempfile.TemporaryDirectory(prefix="release-") as home:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", home],
            cwd=ROOT,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(seconds)},
            check=True,
            capture_output=True,
        )
        return {path.name: path.read_bytes() for path in Path(home).iterdir()}


def plugin(url: str) -> dict[str, bytes]:
    """Return kubectl baileys as one file, the archive for krew, and its manifest."""
    program = krew.zipapp()
    packed = krew.archive(program)
    manifest = krew.manifest(packed, f"{url}/kubectl-baileys.tar.gz")
    return {
        "kubectl-baileys": program,
        "kubectl-baileys.tar.gz": packed,
        "krew-baileys.yaml": yaml.safe_dump(manifest, sort_keys=False, width=100).encode(),
    }


def release(image: str, url: str, seconds: int) -> dict[str, bytes]:
    """Return every file of a release, by its name."""
    section = versions.newest((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    files = python_packages(seconds) | plugin(url)
    name, packed = chart.archive(image, section.text, seconds)
    files[name] = packed
    files["index.yaml"] = chart.index(name, packed, url, seconds).encode()
    files[f"baileys-janitor-chart-{__version__}.oci.tar"] = chart.oci_layout(packed, seconds)
    with tempfile.TemporaryDirectory(prefix="chart-") as home:
        plain = manifests.manifests(chart.copied(Path(home), image, section.text), image)
    based = {path: content for path, content in plain.items() if "/" in path}
    files |= {path: content for path, content in plain.items() if "/" not in path}
    files[f"baileys-janitor-{__version__}-kustomize.tar.gz"] = gzipped(tar(based, seconds))
    files["sbom.cdx.json"] = sbom.bill(seconds)
    files["RELEASE_NOTES.md"] = versions.notes(section).encode()
    sums = "".join(f"{sha256(files[each])}  {each}\n" for each in sorted(files))
    return files | {SUMS: sums.encode()}


def main(argv: Sequence[str] | None = None) -> None:
    """Build a release into an empty directory."""
    parser = argparse.ArgumentParser(prog="python -m release.build", description="Build a release.")
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--image", default=chart.UNPUBLISHED, help="where the image is published, without its tag"
    )
    parser.add_argument("--url", default=URL, help="where the files are published")
    parser.add_argument("--tag", help="the tag that is released: the changelog must have a date")
    arguments = parser.parse_args(argv)
    if wrong := list(versions.disagreements(arguments.tag)):
        parser.exit(1, "".join(f"{each}\n" for each in wrong))
    url = arguments.url.format(version=__version__)
    try:
        files = release(arguments.image, url, epoch())
    except (chart.HelmFailed, sbom.NoTool) as failed:
        parser.exit(1, f"{failed}\n")
    shutil.rmtree(arguments.directory, ignore_errors=True)
    arguments.directory.mkdir(parents=True)
    for name, content in files.items():
        path = arguments.directory / name
        path.write_bytes(content)
        path.chmod(0o755 if name == "kubectl-baileys" else 0o644)
        print(f"{len(content):>9}  {path}")  # noqa: T201 - what it is run for
    if arguments.image == chart.UNPUBLISHED:
        print("These files name no registry: RELEASE_IMAGE=registry.example/baileys-janitor does")  # noqa: T201


if __name__ == "__main__":
    main()
