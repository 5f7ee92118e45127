"""Creating, changing and deleting objects: the rules common to all resources."""

from __future__ import annotations

import copy
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sandbox.server import builtins, definitions, failures, ownership, pod_security, times
from sandbox.server.failures import FieldError, RefusedError, StrictDecodingError
from sandbox.server.resources import Resource
from sandbox.server.store import Key, Object, Record, Store

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH_NAMES: Final = {"rbac.authorization.k8s.io"}
_SUFFIX: Final = "bcdfghjklmnpqrstvwxz2456789"
# A client may not set or change these; an update keeps the old values.
_KEPT: Final = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "name",
    "namespace",
)
_MODIFIED: Final = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@dataclass(frozen=True, slots=True)
class Options:
    """A request's options besides the object itself."""

    dry_run: bool = False
    strict: str = "Warn"
    manager: str = "unknown"
    applied: bool = False


class Lifecycle:
    """Writes to a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.warnings: list[str] = []

    def create(self, resource: Resource, namespace: str, body: Object, options: Options) -> Object:
        """Store a new object and return it.

        Raises:
            RefusedError: the name is taken, the namespace does not exist, the object is not valid.
        """
        value = _untyped(body)
        metadata = value.setdefault("metadata", {})
        self._named(resource, namespace, metadata)
        if metadata.pop("resourceVersion", None):
            text = "resourceVersion should not be set on objects to be created"
            raise RefusedError(400, text)
        self._check_namespace(resource, namespace, metadata["name"])
        key = (namespace, metadata["name"])
        collection = self.store.collection(*resource.collection)
        if existing := collection.get(key):
            raise _taken(resource, existing.object)
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(name, None)
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = times.now()
        if resource.generation or resource.custom:
            metadata["generation"] = 1
        self._decode(resource, value, options)
        if resource.custom and resource.has_status:
            value.pop("status", None)
        self._finish(resource, value, None)
        ownership.note(resource, None, value, options.manager, "", applied=options.applied)
        if not resource.custom:
            self.warnings += pod_security.admit(resource, value, self.store)
        if options.dry_run:
            return value
        return collection.put(key, value).object

    def update(
        self,
        resource: Resource,
        record: Record,
        body: Object,
        options: Options,
        sub: str = "",
    ) -> Object:
        """Replace an object, or only its status, and return the stored one.

        Raises:
            RefusedError: 409 when `body` carries another resourceVersion; 422 when it is not valid.
        """
        old = record.object
        new = _untyped(body)
        metadata = new.setdefault("metadata", {})
        self._check_identity(resource, old, metadata)
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        for name in _KEPT:
            metadata.pop(name, None)
            if name in old["metadata"]:
                metadata[name] = old["metadata"][name]
        if "managedFields" not in metadata and "managedFields" in old["metadata"]:
            metadata["managedFields"] = old["metadata"]["managedFields"]
        self._decode(resource, new, options)
        new = _scoped(resource, old, new, sub)
        self._finish(resource, new, old)
        _check_finalizers(resource, old, new)
        ownership.note(resource, old, new, options.manager, sub, applied=options.applied)
        if _differs(resource, old, new):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        return self._store_changed(resource, record.key, old, new, options)

    def _store_changed(
        self, resource: Resource, key: Key, old: Object, new: Object, options: Options
    ) -> Object:
        for name in ("annotations", "labels", "finalizers", "ownerReferences", "managedFields"):
            if not new["metadata"].get(name):
                new["metadata"].pop(name, None)
        # A write without a change has no effect: no event, the same resourceVersion.
        if options.dry_run or new == old:
            return new
        collection = self.store.collection(*resource.collection)
        if _may_go(resource, new):
            return collection.remove(key, new).object
        return collection.put(key, new).object

    def delete(
        self, resource: Resource, record: Record, request: Object, options: Options
    ) -> tuple[Object, bool]:
        """Delete an object, or mark it where finalizers or a grace period come first.

        Args:
            request: metav1.DeleteOptions.

        Returns:
            The last state, and whether it is gone.
        """
        old = record.object
        for name, wanted in (request.get("preconditions") or {}).items():
            if wanted != old["metadata"].get(name):
                why = (
                    f"Precondition failed: {'UID' if name == 'uid' else 'ResourceVersion'} "
                    f"in precondition: {wanted}, "
                    f"{'UID' if name == 'uid' else 'ResourceVersion'} in object meta: "
                    f"{old['metadata'].get(name)}"
                )
                raise failures.conflict(resource.group, resource.plural, record.key[1], why)
        new = copy.deepcopy(old)
        metadata = new["metadata"]
        _set_propagation(resource, metadata, request)
        grace = _grace(resource, old, request)
        waits = bool(metadata.get("finalizers")) or grace > 0 or _is_namespace(resource, old)
        collection = self.store.collection(*resource.collection)
        if not waits:
            if options.dry_run:
                return old, True
            return collection.remove(record.key, new).object, True
        _mark(metadata, grace)
        if _is_namespace(resource, old):
            new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}
        if options.dry_run or new == old:
            return new, False
        return collection.put(record.key, new).object, False

    def _named(self, resource: Resource, namespace: str, metadata: Object) -> None:
        if resource.namespaced:
            if metadata.setdefault("namespace", namespace) != namespace:
                raise RefusedError(
                    400,
                    "the namespace of the provided object does not match the namespace sent on "
                    "the request",
                )
        else:
            metadata.pop("namespace", None)
        prefix = metadata.get("generateName")
        if not metadata.get("name") and prefix:
            tail = "".join(secrets.choice(_SUFFIX) for _ in range(5))
            metadata["name"] = f"{prefix[:58]}{tail}"
        name = metadata.get("name")
        if not name:
            detail = "name or generateName is required"
            error = FieldError("FieldValueRequired", "metadata.name", detail)
            raise failures.invalid(resource.group, resource.kind, "", [error])
        _check_name(resource, name)

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        record = self.store.collection("", "namespaces").get(("", namespace))
        if record is None:
            raise failures.not_found("", "namespaces", namespace)
        if record.object["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being "
            failure = failures.forbidden(resource.group, resource.plural, name, why + "terminated")
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            failure.details["causes"] = [cause]
            raise failure

    def _check_identity(self, resource: Resource, old: Object, metadata: Object) -> None:
        name = old["metadata"]["name"]
        revision = metadata.get("resourceVersion")
        if revision and revision != old["metadata"]["resourceVersion"]:
            raise failures.conflict(resource.group, resource.plural, name, _MODIFIED)
        uid = metadata.get("uid")
        if uid and uid != old["metadata"]["uid"]:
            why = (
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
                f"{old['metadata']['uid']}"
            )
            raise failures.conflict(resource.group, resource.plural, name, why)

    def _decode(self, resource: Resource, value: Object, options: Options) -> None:
        """Prune a value, as the API server does when it reads a body."""
        if resource.schema is None:
            return
        unknown = resource.schema.prune(value)
        if not unknown:
            return
        if options.strict == "Strict":
            raise StrictDecodingError(resource.kind, resource.version, unknown)
        if options.strict == "Warn":
            self.warnings += [f'unknown field "{path}"' for path in unknown]

    def _finish(self, resource: Resource, new: Object, old: Object | None) -> None:
        """Apply defaults and validation to the final object."""
        if resource.schema is not None:
            resource.schema.default(new)
            errors = resource.schema.validate(new, old)
        elif resource.custom:
            errors = []
        else:
            if resource.plural == "customresourcedefinitions":
                definitions.check(new)
                definitions.complete(new)
            if old is None:
                builtins.on_create(resource, new, self.store)
            else:
                builtins.on_update(resource, new)
            errors = builtins.errors(resource, new, old)
        errors += _owner_errors(new)
        if errors:
            name = new["metadata"]["name"]
            raise failures.invalid(resource.group, resource.kind, name, errors)


def _taken(resource: Resource, existing: Object) -> RefusedError:
    failure = failures.already_exists(resource.group, resource.plural, existing["metadata"]["name"])
    if existing["metadata"].get("deletionTimestamp"):
        failure.message = f"object is being deleted: {failure.message}"
    return failure


def _check_name(resource: Resource, name: str) -> None:
    if resource.group in _PATH_NAMES:
        return
    if len(name) > 253 or not _NAME.fullmatch(name):
        detail = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            "'-' or '.', and must start and end with an alphanumeric character (e.g. "
            "'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
        error = FieldError("FieldValueInvalid", "metadata.name", detail, name)
        raise failures.invalid(resource.group, resource.kind, name, [error])


def _owner_errors(value: Object) -> list[FieldError]:
    owners = value["metadata"].get("ownerReferences") or []
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        detail = (
            "Only one reference can have Controller set to true. Found "
            f'"true" in references for {owners[0].get("kind")}/{owners[0].get("name")}'
        )
        path = "metadata.ownerReferences"
        return [FieldError("FieldValueInvalid", path, detail, owners)]
    return []


def _check_finalizers(resource: Resource, old: Object, new: Object) -> None:
    before = set(old["metadata"].get("finalizers") or ())
    added = [f for f in new["metadata"].get("finalizers") or () if f not in before]
    if added and old["metadata"].get("deletionTimestamp"):
        listed = ", ".join(f'"{name}"' for name in added)
        detail = (
            "no new finalizers can be added if the object is being deleted, found new finalizers "
            f"[]string{{{listed}}}"
        )
        error = FieldError("FieldValueForbidden", "metadata.finalizers", detail)
        raise failures.invalid(resource.group, resource.kind, new["metadata"]["name"], [error])


def _scoped(resource: Resource, old: Object, new: Object, sub: str) -> Object:
    """Return the old object with the part of `new` that a write to this (sub)resource may change."""
    if sub == "status":
        result = {**old, "metadata": dict(old["metadata"])}
        result.pop("status", None)
        if "status" in new:
            result["status"] = new["status"]
        if not resource.custom:
            # A built-in status write may change the metadata, too; controllers rely on it.
            result["metadata"] = new["metadata"]
        elif "managedFields" in new["metadata"]:
            result["metadata"]["managedFields"] = new["metadata"]["managedFields"]
        return copy.deepcopy(result)
    if resource.has_status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = copy.deepcopy(old["status"])
    if _is_namespace(resource, old) and sub != "finalize":
        new["spec"] = copy.deepcopy(old.get("spec", {}))
    return new


def _differs(resource: Resource, old: Object, new: Object) -> bool:
    if not (resource.generation or resource.custom):
        return False
    ignored = {"metadata"} | ({"status"} if resource.has_status else set())
    return any(old.get(k) != new.get(k) for k in {*old, *new} - ignored)


def _untyped(body: Object) -> Object:
    """Return a copy without apiVersion and kind: the resource defines them, so they are not stored."""
    value = copy.deepcopy(body)
    value.pop("apiVersion", None)
    value.pop("kind", None)
    return value


def _may_go(resource: Resource, value: Object) -> bool:
    metadata = value["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if _is_namespace(resource, value):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def _is_namespace(resource: Resource, value: Object) -> bool:
    if resource.collection != ("", "namespaces"):
        return False
    return bool((value.get("spec") or {}).get("finalizers"))


def _set_propagation(resource: Resource, metadata: Object, request: Object) -> None:
    policy = request.get("propagationPolicy")
    if request.get("orphanDependents") is not None:
        policy = "Orphan" if request["orphanDependents"] else "Background"
    finalizers = list(metadata.get("finalizers") or ())
    if policy is None and resource.collection == ("batch", "jobs") and not finalizers:
        # A trap of the real API: a Job deleted without a policy leaves its pods behind.
        policy = "Orphan"
    for name, wanted in ((FOREGROUND, "Foreground"), (ORPHAN, "Orphan")):
        if policy == wanted and name not in finalizers:
            finalizers.append(name)
        elif policy is not None and policy != wanted and name in finalizers:
            finalizers.remove(name)
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)


def _grace(resource: Resource, value: Object, request: Object) -> int:
    """Return the seconds that a pod gets to stop; 0 for everything else."""
    if resource.collection != ("", "pods"):
        return 0
    spec, phase = value.get("spec") or {}, (value.get("status") or {}).get("phase")
    asked = request.get("gracePeriodSeconds")
    grace = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        grace = 0
    current = value["metadata"].get("deletionGracePeriodSeconds")
    return int(grace if current is None else min(grace, current))


def _mark(metadata: Object, grace: int) -> None:
    if not metadata.get("deletionTimestamp"):
        when = datetime.now(UTC) + timedelta(seconds=grace)
        metadata["deletionTimestamp"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
        if "generation" in metadata:
            metadata["generation"] += 1
    metadata["deletionGracePeriodSeconds"] = grace


def details(resource: Resource, value: Object) -> dict[str, Any]:
    """Return the details of the Status that answers a completed deletion."""
    about = {
        "name": value["metadata"]["name"],
        "kind": resource.plural,
        "uid": value["metadata"]["uid"],
    }
    if resource.group:
        about["group"] = resource.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": about,
    }
