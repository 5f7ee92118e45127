"""Builds `kubectl baileys` as one file, the archive that krew installs, and the manifest that describes it.

`python -m krew.build DIR [--url URL]`; `make plugin` calls it. The same sources make the same bytes.

The file is a zipapp: it needs a Python 3.11 and nothing else. It holds the modules that the plugin imports and the
three libraries that they use; each of them is plain Python. What imports what is read from the sources.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.metadata
import io
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import grimp
import yaml

import baileys_janitor
from baileys_janitor import __version__

PLUGIN: Final = "baileys_janitor.cli.plugin"
LIBRARIES: Final = ("click", "rich", "yaml")
_DISTRIBUTIONS: Final = {"click": "click", "rich": "rich", "yaml": "PyYAML"}
_DATA: Final = ("api/schema/statuses.json",)
"""Files of the package that are read at run time."""
RELEASE_URL: Final = (
    "https://example.com/baileys-janitor/releases/download/v{version}/kubectl-baileys.tar.gz"
)
"""Where the archive is published; whoever publishes it gives the real address."""
_ROOT: Final = Path(__file__).resolve().parent.parent
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_START: Final = b"#!/usr/bin/env python3\n"
_MAIN: Final = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("kubectl baileys needs Python 3.11 or newer, and python3 is %d.%d" % sys.version_info[:2])

from baileys_janitor.cli.plugin.main import run

run()
"""
_ABOUT: Final = (
    "Shows how the BaileysTenants of a cluster are, the worst first, what comes and what to do; reports on them; makes "
    "a masked bundle for support. It needs the operator baileys-janitor in the cluster, and no more rights than you "
    "have: what you may not read is named in a line."
)
_COMPLETION: Final = "kubectl_complete-baileys"


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("baileys_janitor", include_external_packages=True, cache_dir=None)


def modules() -> list[str]:
    """Return the modules of the package that the plugin imports, at once or later, and those above them."""
    graph = _graph()
    found = graph.find_upstream_modules(PLUGIN, as_package=True) | graph.find_descendants(PLUGIN)
    own = {each for each in found if each.partition(".")[0] == "baileys_janitor"}
    for each in list(own):
        parts = each.split(".")
        own |= {".".join(parts[:end]) for end in range(1, len(parts))}
    return sorted({*own, PLUGIN})


def external() -> set[str]:
    """Return the libraries that these modules import."""
    found = _graph().find_upstream_modules(PLUGIN, as_package=True)
    return {each for each in found if each.partition(".")[0] != "baileys_janitor"}


def zipapp() -> bytes:
    """Return the program."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(_contents()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return _START + out.getvalue()


def _contents() -> Iterator[tuple[str, bytes]]:
    yield "__main__.py", _MAIN.encode()
    package = Path(baileys_janitor.__file__).parent
    for name in modules():
        path = package.joinpath(*name.split(".")[1:])
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        yield f"baileys_janitor/{source.relative_to(package).as_posix()}", source.read_bytes()
    for data in _DATA:
        yield f"baileys_janitor/{data}", (package / data).read_bytes()
    for library in LIBRARIES:
        yield from _library(library)


def _library(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield a library's sources and its licence; of PyYAML the part in Python, which works without the other."""
    distribution = importlib.metadata.distribution(_DISTRIBUTIONS[name])
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if file.parts[0] == name and file.suffix == ".py":
            yield file.as_posix(), path.read_bytes()
        elif "licenses" in file.parts:
            yield f"licenses/{name}-{file.name}", path.read_bytes()


def archive(program: bytes) -> bytes:
    """Return the archive that krew unpacks."""
    from baileys_janitor.cli.plugin.completion.completion_command import SCRIPT

    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content, mode in (
            ("LICENSE", (_ROOT / "LICENSE").read_bytes(), 0o644),
            ("kubectl-baileys", program, 0o755),
            (_COMPLETION, SCRIPT.encode(), 0o755),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def manifest(packed: bytes, url: str) -> dict[str, Any]:
    """Return krew's manifest for an archive at an address."""
    platforms = {
        "matchExpressions": [{"key": "os", "operator": "In", "values": ["darwin", "linux"]}]
    }
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "baileys"},
        "spec": {
            "version": f"v{__version__}",
            "homepage": url.partition("/releases/")[0],
            "shortDescription": "Look after WhatsApp (Baileys) sessions",
            "description": _ABOUT,
            "caveats": "It needs Python 3.11 or newer as python3. Completion: kubectl baileys completion --help",
            "platforms": [
                {
                    "selector": platforms,
                    "uri": url,
                    "sha256": hashlib.sha256(packed).hexdigest(),
                    "files": [{"from": "*", "to": "."}],
                    "bin": "kubectl-baileys",
                }
            ],
        },
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description="Build kubectl baileys.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--url", default=RELEASE_URL, help="where the archive will be published")
    arguments = parser.parse_args(argv)
    program = zipapp()
    packed = archive(program)
    written = manifest(packed, arguments.url.format(version=__version__))
    arguments.directory.mkdir(parents=True, exist_ok=True)
    path = arguments.directory / "kubectl-baileys"
    path.write_bytes(program)
    path.chmod(0o755)
    (arguments.directory / "kubectl-baileys.tar.gz").write_bytes(packed)
    text = yaml.safe_dump(written, sort_keys=False, width=100)
    (arguments.directory / "baileys.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
