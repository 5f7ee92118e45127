"""Pod Security "restricted" as Kubernetes documents it: what a pod's spec has that the standard forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SE_LINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(spec: Object) -> list[str]:
    """One sentence for each violation; empty when the pod may run."""
    return [*_of_pod(spec), *(each for c in _containers(spec) for each in _of_container(spec, c))]


def _containers(spec: Object) -> Iterator[Object]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind) or ()


def _of_pod(spec: Object) -> Iterator[str]:
    for host in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(host):
            yield f"{host} is set"
    for volume in spec.get("volumes") or ():
        for kind in set(volume) - {"name"} - _VOLUMES:
            yield f"a volume is a {kind}"
    context = spec.get("securityContext") or {}
    if context.get("sysctls"):
        yield "sysctls are set"
    if context.get("runAsUser") == 0:
        yield "the pod's user is root"
    yield from _se_linux(context)


def _se_linux(context: Object) -> Iterator[str]:
    options = context.get("seLinuxOptions") or {}
    if options.get("type", "") not in _SE_LINUX_TYPES or options.get("user") or options.get("role"):
        yield "SELinux user, role or type is set"


def _of_container(spec: Object, container: Object) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    own = container.get("securityContext") or {}
    name = container["name"]
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate privileges"
    if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
        yield f"{name} may run as root"
    if own.get("runAsUser") == 0:
        yield f"{name}'s user is root"
    profile = own.get("seccompProfile") or pod.get("seccompProfile") or {}
    if profile.get("type") not in {"RuntimeDefault", "Localhost"}:
        yield f"{name} has no seccomp profile"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield f"{name} does not drop all capabilities"
    if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if own.get("procMount", "Default") != "Default":
        yield f"{name} sees an unmasked /proc"
    if any("hostPort" in port for port in container.get("ports") or ()):
        yield f"{name} has a host port"
    yield from _se_linux(own)
