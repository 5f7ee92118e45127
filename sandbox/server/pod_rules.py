"""The spec of a pod, in a pod or in a template: its defaults and its validation.

As in Kubernetes' pkg/apis/core, for containers and for the volumes that the project's Jobs use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sandbox.server.failures import FieldError
from sandbox.server.quantities import amount
from sandbox.server.store import Object

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NO_LABEL: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_FILES: Final = ("configMap", "secret", "projected", "downwardAPI")
"""Kinds of volume that hold files with modes."""
_MODES: Final = "must be a number between 0 and 0777 (octal), both inclusive"


def _fill(target: Object, **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def containers(spec: Object) -> list[Object]:
    """Return the containers of a pod, init containers first."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def is_sidecar(container: Object) -> bool:
    """Return whether an init container is a sidecar, which runs beside the others and is restarted whenever it ends."""
    return container.get("restartPolicy") == "Always"


def complete(spec: Object) -> None:
    """Fill in defaults, in place."""
    _fill(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        securityContext={},
    )
    for container in containers(spec):
        tag = str(container.get("image", "")).rpartition("/")[2].rpartition(":")[2]
        latest = "@" not in tag and (":" not in container.get("image", "") or tag == "latest")
        _fill(
            container,
            resources={},
            terminationMessagePath="/dev/termination-log",
            terminationMessagePolicy="File",
            imagePullPolicy="Always" if latest else "IfNotPresent",
        )
    for volume in spec.get("volumes") or ():
        if set(volume) <= {"name"}:
            volume["emptyDir"] = {}
        for kind in _FILES:
            if volume.get(kind) is not None:
                _fill(volume[kind], defaultMode=0o644)


def errors(spec: Object, path: str) -> list[FieldError]:
    """Return the errors of a spec at `path` in its object."""
    found = list(_volume_errors(spec, path))
    if not spec.get("containers"):
        found.append(FieldError("FieldValueRequired", f"{path}.containers"))
    seen: set[str] = set()
    for group in ("initContainers", "containers"):
        for at, container in enumerate(spec.get(group) or ()):
            where = f"{path}.{group}[{at}]"
            found += _name_errors(container, where, seen)
            found += _mount_errors(container, where, spec)
    return found


def _name_errors(named: Object, path: str, seen: set[str]) -> Iterator[FieldError]:
    name = named.get("name") or ""
    if not name:
        yield FieldError("FieldValueRequired", f"{path}.name")
    elif not _LABEL.fullmatch(name):
        yield FieldError("FieldValueInvalid", f"{path}.name", _NO_LABEL, name)
    elif name in seen:
        yield FieldError("FieldValueDuplicate", f"{path}.name", value=name)
    seen.add(name)


def _mount_errors(container: Object, path: str, spec: Object) -> Iterator[FieldError]:
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    paths: set[str] = set()
    for at, mount in enumerate(container.get("volumeMounts") or ()):
        where, inside = f"{path}.volumeMounts[{at}]", mount.get("mountPath") or ""
        if mount.get("name") not in volumes:
            yield FieldError("FieldValueNotFound", f"{where}.name", value=mount.get("name"))
        if not inside:
            yield FieldError("FieldValueRequired", f"{where}.mountPath")
        elif inside in paths:
            yield FieldError("FieldValueInvalid", f"{where}.mountPath", "must be unique", inside)
        paths.add(inside)


def _volume_errors(spec: Object, path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for at, volume in enumerate(spec.get("volumes") or ()):
        where = f"{path}.volumes[{at}]"
        yield from _name_errors(volume, where, seen)
        kinds = [name for name, source in volume.items() if name != "name" and source is not None]
        for kind in kinds[1:]:
            detail = "may not specify more than 1 volume type"
            yield FieldError("FieldValueForbidden", f"{where}.{kind}", detail)
        if (secret := volume.get("secret")) is not None and not secret.get("secretName"):
            yield FieldError("FieldValueRequired", f"{where}.secret.secretName")
        for kind in ("configMap", "secret"):
            if volume.get(kind) is not None:
                yield from _file_errors(volume[kind], f"{where}.{kind}")
        if (empty := volume.get("emptyDir")) is not None and "sizeLimit" in empty:
            yield from _size_errors(str(empty["sizeLimit"]), f"{where}.emptyDir.sizeLimit")


def _file_errors(source: Object, path: str) -> Iterator[FieldError]:
    if not 0 <= source.get("defaultMode", 0) <= 0o777:
        yield FieldError(
            "FieldValueInvalid", f"{path}.defaultMode", _MODES, source.get("defaultMode")
        )
    for at, item in enumerate(source.get("items") or ()):
        where, name = f"{path}.items[{at}]", item.get("path") or ""
        for field in ("key", "path"):
            if not item.get(field):
                yield FieldError("FieldValueRequired", f"{where}.{field}")
        if name.startswith("/"):
            yield FieldError("FieldValueInvalid", f"{where}.path", "must be a relative path", name)
        if ".." in name.split("/"):
            yield FieldError("FieldValueInvalid", f"{where}.path", "must not contain '..'", name)
        elif name.startswith(".."):
            detail = "must not start with '..'"
            yield FieldError("FieldValueInvalid", f"{where}.path", detail, name)
        if item.get("mode") is not None and not 0 <= item["mode"] <= 0o777:
            yield FieldError("FieldValueInvalid", f"{where}.mode", _MODES, item["mode"])


def _size_errors(text: str, path: str) -> Iterator[FieldError]:
    try:
        amount(text)
    except ValueError:
        detail = "SizeLimit field must be a valid resource quantity"
        yield FieldError("FieldValueForbidden", path, detail)
