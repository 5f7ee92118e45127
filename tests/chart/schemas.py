"""Kubernetes' own schemas, each file read once: with their definitions they are megabytes of JSON."""

from __future__ import annotations

import functools
from typing import Any

import kubernetes_validate
from kubernetes_validate import utils

utils.schema_contents = functools.cache(utils.schema_contents)

NEWEST = kubernetes_validate.latest_version()


def validate(found: dict[str, Any], version: str = NEWEST) -> None:
    """Raise `kubernetes_validate.ValidationError` for what that version would refuse or has no field for."""
    kubernetes_validate.validate(found, version, strict=True)
