"""The part of Kubernetes' protobuf that kubectl sends: `create namespace`, `create job`, evictions.

Everything else uses JSON here; a field that is not in these tables is refused, never dropped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

from sandbox.server.failures import RefusedError
from sandbox.server.store import Object

MAGIC: Final = b"k8s\x00"
_TIME: Final = "Time"
# By message: field number to JSON name and type. Types: s(tring), b(ytes), i(nt), t(ruth),
# M(ap of strings), B (map of bytes), or a message; a leading `*` marks a list.
_MESSAGES: Final[dict[str, dict[int, tuple[str, str]]]] = {
    "Unknown": {1: ("type", "TypeMeta"), 2: ("raw", "b"), 3: ("encoding", "s"), 4: ("media", "s")},
    "TypeMeta": {1: ("apiVersion", "s"), 2: ("kind", "s")},
    "ObjectMeta": {
        1: ("name", "s"),
        2: ("generateName", "s"),
        3: ("namespace", "s"),
        4: ("selfLink", "s"),
        5: ("uid", "s"),
        6: ("resourceVersion", "s"),
        7: ("generation", "i"),
        8: ("creationTimestamp", _TIME),
        11: ("labels", "M"),
        12: ("annotations", "M"),
        13: ("ownerReferences", "*OwnerReference"),
        14: ("finalizers", "*s"),
    },
    "OwnerReference": {
        1: ("kind", "s"),
        3: ("name", "s"),
        4: ("uid", "s"),
        5: ("apiVersion", "s"),
        6: ("controller", "t"),
        7: ("blockOwnerDeletion", "t"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "-"), 3: ("status", "-")},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "M"),
        3: ("binaryData", "B"),
        4: ("immutable", "t"),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "B"),
        3: ("type", "s"),
        4: ("stringData", "M"),
        5: ("immutable", "t"),
    },
    "ServiceAccount": {1: ("metadata", "ObjectMeta")},
    "Job": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec"), 3: ("status", "-")},
    "JobSpec": {
        1: ("parallelism", "i"),
        2: ("completions", "i"),
        3: ("activeDeadlineSeconds", "i"),
        6: ("template", "PodTemplateSpec"),
        7: ("backoffLimit", "i"),
        8: ("ttlSecondsAfterFinished", "i"),
        10: ("suspend", "t"),
    },
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {
        2: ("containers", "*Container"),
        3: ("restartPolicy", "s"),
        4: ("terminationGracePeriodSeconds", "i"),
        5: ("activeDeadlineSeconds", "i"),
        6: ("dnsPolicy", "s"),
        7: ("nodeSelector", "M"),
        8: ("serviceAccountName", "s"),
        9: ("serviceAccount", "s"),
        10: ("nodeName", "s"),
        11: ("hostNetwork", "-"),
        12: ("hostPID", "-"),
        13: ("hostIPC", "-"),
        14: ("securityContext", "-"),
        16: ("hostname", "s"),
        17: ("subdomain", "s"),
        19: ("schedulerName", "s"),
        24: ("priorityClassName", "s"),
    },
    "Container": {
        1: ("name", "s"),
        2: ("image", "s"),
        3: ("command", "*s"),
        4: ("args", "*s"),
        5: ("workingDir", "s"),
        8: ("resources", "-"),
        13: ("terminationMessagePath", "s"),
        14: ("imagePullPolicy", "s"),
        16: ("stdin", "-"),
        17: ("stdinOnce", "-"),
        18: ("tty", "-"),
        20: ("terminationMessagePolicy", "s"),
    },
    "Eviction": {1: ("metadata", "ObjectMeta"), 2: ("deleteOptions", "DeleteOptions")},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "i"),
        2: ("preconditions", "Preconditions"),
        3: ("orphanDependents", "t"),
        4: ("propagationPolicy", "s"),
        5: ("dryRun", "*s"),
    },
    "TokenRequest": {
        1: ("metadata", "ObjectMeta"),
        2: ("spec", "TokenRequestSpec"),
        3: ("status", "-"),
    },
    "TokenRequestSpec": {
        1: ("audiences", "*s"),
        3: ("boundObjectRef", "-"),
        4: ("expirationSeconds", "i"),
    },
    "SelfSubjectAccessReview": {
        1: ("metadata", "-"),
        2: ("spec", "AccessReviewSpec"),
        3: ("status", "-"),
    },
    "AccessReviewSpec": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "-"),
    },
    "ResourceAttributes": {
        1: ("namespace", "s"),
        2: ("verb", "s"),
        3: ("group", "s"),
        4: ("version", "s"),
        5: ("resource", "s"),
        6: ("subresource", "s"),
        7: ("name", "s"),
        8: ("fieldSelector", "-"),
        9: ("labelSelector", "-"),
    },
    "SelfSubjectRulesReview": {
        1: ("metadata", "-"),
        2: ("spec", "RulesReviewSpec"),
        3: ("status", "-"),
    },
    "RulesReviewSpec": {1: ("namespace", "s")},
    "SelfSubjectReview": {1: ("metadata", "-"), 2: ("status", "-")},
    "Preconditions": {1: ("uid", "s"), 2: ("resourceVersion", "s")},
    "Pair": {1: ("key", "s"), 2: ("value", "s")},
    "BytesPair": {1: ("key", "s"), 2: ("value", "b")},
}


def decode(body: bytes) -> Object:
    """Return the object in its protobuf envelope.

    Raises:
        RefusedError: 415, for a kind or a field that is not in the tables.
    """
    envelope = _message("Unknown", body.removeprefix(MAGIC))
    kind = envelope.get("type", {})
    raw = base64.b64decode(envelope.get("raw", ""))
    return {**kind, **_message(kind.get("kind", ""), raw)}


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        tag, at = _number(body, at)
        if tag & 7 == 0:
            value, at = _number(body, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            size, at = _number(body, at)
            yield tag >> 3, body[at : at + size]
            at += size
        else:
            raise RefusedError(415, f"protobuf wire type {tag & 7} is not understood here")


def _number(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _message(name: str, body: bytes) -> Object:
    table = _MESSAGES.get(name)
    if table is None:
        raise RefusedError(415, f"{name} is not understood in protobuf here; use JSON")
    result: Object = {}
    for number, value in _fields(body):
        if number not in table:
            raise RefusedError(415, f"field {number} of {name} is not understood in protobuf here")
        field, kind = table[number]
        if kind in ("-", _TIME):
            continue
        if kind.startswith("*"):
            result.setdefault(field, []).append(_value(kind[1:], value))
        elif kind in ("M", "B"):
            pair = _message("Pair" if kind == "M" else "BytesPair", value)
            result.setdefault(field, {})[pair.get("key", "")] = pair.get("value", "")
        elif (found := _value(kind, value)) not in ("", {}):
            # These encoders write unset fields as empty strings and messages.
            result[field] = found
    return result


def _value(kind: str, value: Any) -> Any:
    if kind == "s":
        return value.decode()
    if kind == "b":
        return base64.b64encode(value).decode()
    if kind == "t":
        return bool(value)
    if kind == "i":
        return value - (1 << 64) if value >> 63 else value
    return _message(kind, value)
