"""Reads statuses by their models, and everything else in the cluster within the bounds of `bounded`. Pure."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from baileys_janitor.api.bounded import (
    LISTED_MAX,
    NAME_MAX,
    SAID_MAX,
    Object,
    SchemaReader,
    annotation,
    mapping,
    objects,
    part,
    said,
    text,
    whole,
)
from baileys_janitor.api.generated.openapi import structural
from baileys_janitor.api.status import TenantStatus

__all__ = [
    "LISTED_MAX",
    "NAME_MAX",
    "SAID_MAX",
    "TENANT",
    "Object",
    "StatusReader",
    "annotation",
    "mapping",
    "objects",
    "part",
    "said",
    "status",
    "status_field",
    "text",
    "whole",
]


class StatusReader(SchemaReader):
    """Reads the stored statuses of one kind by its model of the status."""

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__(structural(model))


TENANT: Final = StatusReader(TenantStatus)
"""Reads the statuses of tenants."""
status, status_field = TENANT.read, TENANT.field
