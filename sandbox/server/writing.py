"""POST, PUT, PATCH and DELETE."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from sandbox.server import (
    applying,
    failures,
    occurrences,
    patching,
    protobuf,
    scales,
    selectors,
    times,
)
from sandbox.server.failures import FieldError, RefusedError, StrictDecodingError
from sandbox.server.lifecycle import Lifecycle, Options, details
from sandbox.server.reading import Reader
from sandbox.server.resources import Resource
from sandbox.server.routing import Target
from sandbox.server.store import Object, Record, Store

APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")
# A deletion of these returns the object, of all others a Status.
_RETURNED = {"pods", "services", "serviceaccounts", "persistentvolumeclaims", "persistentvolumes"}


def decode(body: bytes) -> Any:
    """Parse JSON, YAML as an apply may send it, or protobuf.

    Raises:
        RefusedError: 400.
    """
    if body.startswith(protobuf.MAGIC):
        return protobuf.decode(body)
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        return yaml.safe_load(body)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"unable to decode the request body: {error}") from error


class Writer:
    """Carries out writes."""

    def __init__(self, store: Store, lifecycle: Lifecycle, reader: Reader) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._reader = reader

    def post(
        self, resource: Resource, target: Target, body: Any, options: Options
    ) -> tuple[int, Object]:
        """Create an object; or bind or evict a pod. Return the HTTP status and the answer."""
        if target.sub == "binding":
            return 201, self._bind(resource, target, body)
        if target.sub == "eviction":
            return 201, self._evict(resource, target, body, options)
        if target.name:
            raise RefusedError(
                405, "the server does not allow this method on the requested resource"
            )
        _check_kind(resource, body)
        if resource.stored is not None:
            body = occurrences.inward(resource.group, body)
        created = self._lifecycle.create(resource, target.namespace or "", body, options)
        return 201, created

    def put(
        self, resource: Resource, target: Target, body: Any, options: Options
    ) -> tuple[int, Object]:
        """Replace an object."""
        record = self._reader.find(resource, target)
        if target.sub == scales.SUB:
            return 200, self._scale(resource, record, target, body, options)
        _check_kind(resource, body)
        _check_url(target, body)
        if resource.custom and not (body.get("metadata") or {}).get("resourceVersion"):
            error = FieldError(
                "FieldValueInvalid",
                "metadata.resourceVersion",
                "must be specified for an update",
                0,
            )
            raise failures.invalid(resource.group, resource.kind, target.name, [error])
        if resource.stored is not None:
            body = occurrences.inward(resource.group, body)
        return 200, self._lifecycle.update(resource, record, body, options, target.sub)

    def patch(
        self, resource: Resource, target: Target, content: str, body: Any, options: Options
    ) -> tuple[int, Object]:
        """Patch an object; an apply may create it."""
        if content in APPLY:
            return self._apply(resource, target, body, options)
        record = self._reader.find(resource, target)
        if target.sub == scales.SUB:
            scale = self._patched(resource, scales.of(record.object), content, body)
            return 200, self._scale(resource, record, target, scale, options)
        current = resource.typed(copy.deepcopy(record.object))
        if resource.stored is not None:
            current = occurrences.outward(resource.group, current)
        new = self._patched(resource, current, content, body)
        _check_url(target, new)
        if resource.stored is not None:
            new = occurrences.inward(resource.group, new)
        try:
            return 200, self._lifecycle.update(resource, record, new, options, target.sub)
        except StrictDecodingError as error:
            # Unknown fields make a patch invalid (422), but a body bad (400).
            shown = json.dumps(new, separators=(",", ":"), sort_keys=True)
            wrong = FieldError("FieldValueInvalid", "patch", error.detail, shown)
            raise failures.invalid("", "", "", [wrong]) from error

    def _scale(
        self, resource: Resource, record: Record, target: Target, scale: Any, options: Options
    ) -> Object:
        _check_url(target, scale if isinstance(scale, dict) else {})
        body = scales.into(resource, record.object, scale)
        return scales.of(self._lifecycle.update(resource, record, body, options, target.sub))

    def _patched(self, resource: Resource, current: Object, content: str, body: Any) -> Object:
        if content == "application/json-patch+json":
            result = patching.apply_operations(current, body)
        elif not isinstance(body, dict):
            raise RefusedError(400, "error decoding patch: json: cannot unmarshal into an object")
        elif content == "application/merge-patch+json":
            result = patching.merge(current, body)
        elif content == "application/strategic-merge-patch+json" and not resource.custom:
            result = patching.strategic(current, body)
        else:
            raise RefusedError(
                415,
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json-patch+json, application/merge-patch+json, "
                "application/apply-patch+yaml",
            )
        if not isinstance(result, dict) or not isinstance(result.get("metadata"), dict):
            raise RefusedError(422, "the patch leaves no object")
        return result

    def _apply(
        self, resource: Resource, target: Target, body: Any, options: Options
    ) -> tuple[int, Object]:
        if not isinstance(body, dict):
            raise RefusedError(400, "error decoding the applied configuration")
        _check_kind(resource, body)
        if (body.get("metadata") or {}).get("managedFields"):
            raise RefusedError(400, "metadata.managedFields must be nil")
        body.setdefault("metadata", {}).setdefault("name", target.name)
        _check_url(target, body)
        keys: applying.Keys = applying.builtin_keys
        if resource.custom and resource.schema is not None:
            keys = resource.schema.list_keys
        key = (target.namespace or "", target.name)
        record = self._store.collection(*resource.collection).get(key)
        live = None if record is None else resource.typed(copy.deepcopy(record.object))
        if record is None and target.sub:
            raise failures.not_found(resource.group, resource.plural, target.name)
        now, options = times.now(), replace(options, applied=True)
        new = applying.server_side(live, body, keys, options.manager, target.sub, now)
        if record is None:
            return 201, self._lifecycle.create(resource, target.namespace or "", new, options)
        return 200, self._lifecycle.update(resource, record, new, options, target.sub)

    def delete(
        self, resource: Resource, target: Target, request: Any, options: Options
    ) -> tuple[int, Object]:
        """Delete one object. Return it, or a Status when it is gone at once."""
        record = self._reader.find(resource, target)
        request = request if isinstance(request, dict) else {}
        value, gone = self._lifecycle.delete(resource, record, request, options)
        if gone and resource.plural not in _RETURNED:
            return 200, details(resource, value)
        return 200, value

    def delete_all(
        self,
        resource: Resource,
        target: Target,
        query: Mapping[str, str],
        request: Any,
        options: Options,
    ) -> tuple[int, Object]:
        """Delete all objects that the selectors match."""
        matches = self._reader.selection(resource, target, query)
        request = request if isinstance(request, dict) else {}
        items = []
        for record in list(self._store.collection(*resource.collection).scan(target.namespace)):
            if matches is None or matches(record.object):
                self._lifecycle.delete(resource, record, request, options)
                items.append(resource.typed(record.object))
        metadata = {"resourceVersion": str(self._store.revision)}
        head = {"kind": resource.list_kind, "apiVersion": resource.api_version}
        return 200, {**head, "metadata": metadata, "items": items}

    def _bind(self, resource: Resource, target: Target, body: Any) -> Object:
        record = self._reader.find(resource, target)
        pod = copy.deepcopy(record.object)
        if pod["spec"].get("nodeName"):
            why = f'pod {target.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise failures.conflict("", "pods/binding", target.name, why)
        if pod["metadata"].get("deletionTimestamp"):
            why = f"pod {target.name} is being deleted, cannot be assigned to a host"
            raise failures.conflict("", "pods/binding", target.name, why)
        pod["spec"]["nodeName"] = body["target"]["name"]
        condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": times.now()}
        kept = [c for c in pod["status"].get("conditions") or () if c["type"] != "PodScheduled"]
        pod["status"]["conditions"] = [*kept, condition]
        # Both halves are one write, which neither endpoint would do alone.
        self._store.collection(*resource.collection).put(record.key, pod)
        return _success()

    def _evict(self, resource: Resource, target: Target, body: Any, options: Options) -> Object:
        record = self._reader.find(resource, target)
        labels = record.object["metadata"].get("labels") or {}
        budgets = self._store.collection("policy", "poddisruptionbudgets").scan(target.namespace)
        for budget in budgets:
            selector = budget.object["spec"].get("selector") or {}
            allowed = (budget.object.get("status") or {}).get("disruptionsAllowed", 0)
            if selectors.labels_match(selector, labels) and allowed < 1:
                message = "Cannot evict pod as it would violate the pod's disruption budget."
                raise RefusedError(429, message)
        record = self._disrupted(resource, record)
        self._lifecycle.delete(resource, record, body.get("deleteOptions") or {}, options)
        return _success()

    def _disrupted(self, resource: Resource, record: Record) -> Record:
        pod = copy.deepcopy(record.object)
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
            "lastTransitionTime": times.now(),
        }
        conditions = pod["status"].get("conditions") or []
        pod["status"]["conditions"] = [*conditions, condition]
        return self._store.collection(*resource.collection).put(record.key, pod)


def _success() -> Object:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }


def _check_kind(resource: Resource, body: Any) -> None:
    if not isinstance(body, dict):
        raise RefusedError(400, "the object provided is unrecognized")
    version, kind = body.get("apiVersion"), body.get("kind")
    if version not in (None, resource.api_version):
        message = (
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
        raise RefusedError(400, message)
    if kind not in (None, resource.kind):
        raise RefusedError(400, f"{kind} is not the kind of this resource ({resource.kind})")


def _check_url(target: Target, body: Object) -> None:
    metadata = body.get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name not in (None, target.name):
        message = (
            f"the name of the object ({name}) does not match the name on the URL ({target.name})"
        )
        raise RefusedError(400, message)
    if target.namespace and namespace not in (None, target.namespace):
        message = (
            "the namespace of the provided object does not match the namespace sent on the request"
        )
        raise RefusedError(400, message)
