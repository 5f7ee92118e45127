"""Reads the documents of a bundle, and writes them as one archive."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor import __version__
from baileys_janitor.api.bounded import part
from baileys_janitor.api.names import KIND
from baileys_janitor.api.status_readers import reader_of
from baileys_janitor.cli.kubectl.client import PAGE
from baileys_janitor.cli.kubectl.refusals import Expired, Request
from baileys_janitor.cli.kubectl.resources import DEPLOYMENTS, JOBS, OPERATIONS, PODS, TENANTS
from baileys_janitor.cli.plugin.events import events_of
from baileys_janitor.cli.plugin.support import documents
from baileys_janitor.cli.plugin.support.mask import Mask
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.kubectl.resources import Query, Resource

OWN_OBJECTS: Final = "app.kubernetes.io/managed-by=baileys-janitor"
OWN_PARTS: Final = "app.kubernetes.io/part-of=baileys-janitor"
_LISTED_MOST: Final = 200
_EVENTS_MOST: Final = 100
_ABOUT: Final = """\
A bundle of `kubectl baileys support`.

It holds what is known of one BaileysTenant: the resource (of its annotations the janitor's own alone), its Events and
operations, the janitor's Jobs and pods in its namespace, the operator's Deployments, and versions. It holds no Secret,
no file of a session, no log and no output of a Job. Numbers of seven digits and more are masked, the same number always
in the same way; what looks like a key is left out.

Look through it before you send it.
"""


@dataclass(slots=True)
class Bundle:
    """Masked documents by file name; `missing` has a sentence for each that could not be read."""

    files: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def collect(kubectl: Kubectl, namespace: str, name: str) -> Bundle:
    """Return a bundle on one tenant without objects that may not be read. Raises a Problem if there is no tenant."""
    bundle, mask = Bundle(), Mask()
    tenant = kubectl.get(TENANTS, namespace, name)
    bundle.files["tenant.json"] = _tenant(tenant, mask)
    selected: Query = {"labelSelector": OWN_OBJECTS, "limit": _LISTED_MOST}
    parts: Query = {"labelSelector": OWN_PARTS, "limit": _LISTED_MOST}

    def listed(
        resource: Resource, where: str | None, query: Query, shape: Any
    ) -> Callable[[], Any]:
        return lambda: [shape(each) for each in kubectl.page(resource, where, query)["items"]]

    for file, read in (
        ("events.json", lambda: events_of(kubectl, KIND, namespace, name, _EVENTS_MOST)),
        ("jobs.json", listed(JOBS, namespace, selected, documents.of_job)),
        ("operations.json", lambda: _operations(kubectl, namespace, name)),
        ("pods.json", listed(PODS, namespace, selected, documents.of_pod)),
        ("operator.json", listed(DEPLOYMENTS, None, parts, documents.of_deployment)),
        ("versions.json", lambda: {"kubectl-baileys": __version__, **kubectl.versions()}),
    ):
        _add(bundle, mask, file, read)
    return bundle


def _tenant(tenant: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    status = documents.of_status(reader_of(KIND).read(tenant.get("status")))
    return {
        "metadata": mask.document(documents.of_meta(tenant)),
        "spec": mask.document(part(tenant, "spec")),
        "status": mask.document(status, numbers=True),
    }


def _operations(kubectl: Kubectl, namespace: str, tenant: str) -> list[dict[str, Any]]:
    found = kubectl.page(OPERATIONS, namespace, {"limit": PAGE})["items"]
    own = [each for each in found if part(each, "spec").get("tenant") == tenant]
    return [documents.of_operation(each) for each in own]


def _add(bundle: Bundle, mask: Mask, file: str, read: Callable[[], Any]) -> None:
    try:
        bundle.files[file] = mask.document(read())
    except Request as refused:
        bundle.missing.append(f"{file}: it takes the right {refused.right}")
    except Problem as problem:
        bundle.missing.append(f"{file}: {mask.text(problem.message)}")
    except Expired:
        bundle.missing.append(f"{file}: the API server forgot the list while it was read")


def write_bundle(bundle: Bundle, path: str) -> None:
    """Write a bundle as a tar.gz that only its owner can read; raise a Problem if the file exists."""
    shown = printable(path)
    folder = os.path.splitext(os.path.basename(path))[0].removesuffix(".tar") or "support"  # noqa: PTH119, PTH122
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise usage(f"--to {shown} exists, so it stays; name another file.") from None
    except OSError as error:
        raise usage(f"--to {shown} cannot be written: {error.strerror}.") from None
    about = _ABOUT
    if bundle.missing:
        about += "\nNot in it:\n" + "".join(f"- {each}\n" for each in bundle.missing)
    with os.fdopen(file, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
        _put(archive, f"{folder}/README.txt", about)
        for name, document in bundle.files.items():
            _put(
                archive,
                f"{folder}/{name}",
                json.dumps(document, indent=2, ensure_ascii=False) + "\n",
            )


def _put(archive: tarfile.TarFile, name: str, content: str) -> None:
    data = content.encode("utf-8", "backslashreplace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o644
    archive.addfile(entry, io.BytesIO(data))
