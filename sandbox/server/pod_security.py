"""Pod Security admission: the restrictions by a namespace's labels, in the wording of the real plugin.

Of the levels, it has the checks that the project's pods and their neighbours can encounter: privileges, capabilities,
users, seccomp, the host's namespaces, ports and paths, kinds of volumes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from sandbox.server import failures
from sandbox.server.pod_rules import containers
from sandbox.server.resources import Resource
from sandbox.server.store import Object, Store

_LABEL: Final = "pod-security.kubernetes.io/"
_ADDABLE: Final = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
_VOLUMES: Final = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_PROFILES: Final = {"RuntimeDefault", "Localhost"}
Check = Callable[[Object], str]


def admit(resource: Resource, value: Object, store: Store) -> list[str]:
    """Return the warnings for a new pod, or for a new object with a pod template.

    Raises:
        RefusedError: 403, for a pod that its namespace does not allow.
    """
    spec = _pod_spec(value) if resource.plural != "pods" else value.get("spec")
    if not isinstance(spec, dict) or not resource.namespaced:
        return []
    metadata = value["metadata"]
    namespace = store.collection("", "namespaces").get(("", metadata["namespace"]))
    labels = (namespace.object["metadata"].get("labels") or {}) if namespace is not None else {}
    if resource.plural == "pods" and (said := _violations(labels, "enforce", spec)):
        raise failures.forbidden("", "pods", metadata["name"], f"violates {said}")
    said = _violations(labels, "warn", spec)
    return [f"would violate {said}"] if said else []


def _pod_spec(value: Object) -> object:
    """Return the pod spec in the template of a Job, a Deployment or the like."""
    spec = value.get("spec") or {}
    maker = (spec.get("jobTemplate") or {}).get("spec") or spec
    template = maker.get("template")
    return template.get("spec") if isinstance(template, dict) else None


def _violations(labels: Object, mode: str, spec: Object) -> str:
    level = labels.get(f"{_LABEL}{mode}", "privileged")
    version = labels.get(f"{_LABEL}{mode}-version", "latest")
    said = ", ".join(filter(None, (check(spec) for check in _CHECKS.get(level, ()))))
    return f'PodSecurity "{level}:{version}": {said}' if said else ""


def _context(owner: Object) -> Object:
    return owner.get("securityContext") or {}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _named(found: list[str], word: str = "container") -> str:
    """Return `container "a"`, or `containers "a", "b"`."""
    return f"{word}{'s' if len(found) > 1 else ''} {_quoted(found)}"


def _each(spec: Object, is_wrong: Callable[[Object], bool]) -> list[str]:
    return [each["name"] for each in containers(spec) if is_wrong(each)]


def _host_namespaces(spec: Object) -> str:
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return f"host namespaces ({', '.join(found)})" if found else ""


def _host_ports(spec: Object) -> str:
    def ports(container: Object) -> Iterator[int]:
        return (port["hostPort"] for port in container.get("ports") or () if port.get("hostPort"))

    found = _each(spec, lambda each: any(ports(each)))
    used = [str(port) for each in containers(spec) for port in ports(each)]
    if not found:
        return ""
    use, word = ("use", "hostPorts") if len(found) > 1 else ("uses", "hostPort")
    return f"hostPort ({_named(found)} {use} {word} {', '.join(used)})"


def _privileged(spec: Object) -> str:
    found = _each(spec, lambda each: bool(_context(each).get("privileged")))
    must = "must not set securityContext.privileged=true"
    return f"privileged ({_named(found)} {must})" if found else ""


def _added(container: Object, allowed: set[str]) -> set[str]:
    return set((_context(container).get("capabilities") or {}).get("add") or ()) - allowed


def _addition(spec: Object, allowed: set[str]) -> str:
    found = _each(spec, lambda each: bool(_added(each, allowed)))
    added = sorted(set().union(*(_added(each, allowed) for each in containers(spec))))
    must = f"must not include {_quoted(added)} in securityContext.capabilities.add"
    return f"{_named(found)} {must}" if found else ""


def _more_capabilities(spec: Object) -> str:
    said = _addition(spec, _ADDABLE)
    return f"non-default capabilities ({said})" if said else ""


def _host_paths(spec: Object) -> str:
    found = [each["name"] for each in spec.get("volumes") or () if "hostPath" in each]
    return f"hostPath volumes ({_named(found, 'volume')})" if found else ""


def _escalation(spec: Object) -> str:
    found = _each(spec, lambda each: _context(each).get("allowPrivilegeEscalation") is not False)
    must = "must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({_named(found)} {must})" if found else ""


def _capabilities(spec: Object) -> str:
    def keeps(container: Object) -> bool:
        dropped = (_context(container).get("capabilities") or {}).get("drop") or ()
        return "ALL" not in dropped

    found = _each(spec, keeps)
    must = 'must set securityContext.capabilities.drop=["ALL"]'
    said = [f"{_named(found)} {must}"] if found else []
    said += filter(None, [_addition(spec, {"NET_BIND_SERVICE"})])
    return f"unrestricted capabilities ({'; '.join(said)})" if said else ""


def _volumes(spec: Object) -> str:
    found, kinds = [], set()
    for volume in spec.get("volumes") or ():
        source = {name for name, value in volume.items() if name != "name" and value is not None}
        if not source or source - _VOLUMES:
            found.append(volume["name"])
            kinds |= source - _VOLUMES or {"unknown"}
    if not found:
        return ""
    use = "use restricted volume types" if len(found) > 1 else "uses restricted volume type"
    return f"restricted volume types ({_named(found, 'volume')} {use} {_quoted(sorted(kinds))})"


def _setters(spec: Object, is_wrong: Callable[[Object], bool]) -> str:
    """Return the contexts that set it wrongly, such as `pod and container "a"`."""
    pod = ["pod"] if is_wrong(_context(spec)) else []
    found = _each(spec, lambda each: is_wrong(_context(each)))
    return " and ".join([*pod, *([_named(found)] if found else [])])


def _root(spec: Object) -> str:
    if said := _setters(spec, lambda context: context.get("runAsNonRoot") is False):
        return f"runAsNonRoot != true ({said} must not set securityContext.runAsNonRoot=false)"
    if _context(spec).get("runAsNonRoot"):
        return ""
    found = _each(spec, lambda each: _context(each).get("runAsNonRoot") is None)
    must = "must set securityContext.runAsNonRoot=true"
    return f"runAsNonRoot != true (pod or {_named(found)} {must})" if found else ""


def _user(spec: Object) -> str:
    said = _setters(spec, lambda context: context.get("runAsUser") == 0)
    return f"runAsUser=0 ({said} must not set runAsUser=0)" if said else ""


def _seccomp(spec: Object) -> str:
    def profile(context: Object) -> str:
        return str((context.get("seccompProfile") or {}).get("type", ""))

    def is_wrong(context: Object) -> bool:
        return profile(context) not in ("", *_PROFILES)

    if said := _setters(spec, is_wrong):
        contexts = [_context(spec), *(_context(each) for each in containers(spec))]
        wrong = sorted({profile(each) for each in contexts if is_wrong(each)})
        must = f"must not set securityContext.seccompProfile.type to {_quoted(wrong)}"
        return f"seccompProfile ({said} {must})"
    if profile(_context(spec)):
        return ""
    found = _each(spec, lambda each: not profile(_context(each)))
    must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return f"seccompProfile (pod or {_named(found)} {must})" if found else ""


_BASELINE: Final[tuple[Check, ...]] = (_host_namespaces, _host_ports, _privileged)
_CHECKS: Final[dict[str, tuple[Check, ...]]] = {
    "baseline": (*_BASELINE, _more_capabilities, _host_paths),
    "restricted": (*_BASELINE, _escalation, _capabilities, _volumes, _root, _user, _seccomp),
}
