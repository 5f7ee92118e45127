"""Amounts of CPU and memory as Kubernetes writes them: `100m`, `64Mi`, `1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.functional_validators import PlainValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from baileys_janitor.api.values.base import rule
from baileys_janitor.api.values.patterns import QUANTITY, QUANTITY_WAY_OUT

MAX_LENGTH = 28

_FORM = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_DECIMAL = {"m": Decimal("0.001")} | {s: Decimal(1000) ** n for n, s in enumerate("kMGTP", 1)}
_BINARY = {f"{s}i": Decimal(1024) ** n for n, s in enumerate("KMGTP", 1)}
_FACTORS: dict[str, Decimal] = {"": Decimal(1)} | _DECIMAL | _BINARY


def amount_of(quantity: str) -> Decimal:
    """Return the amount in units (cores, bytes); raise `ValueError` with one sentence if it is invalid."""
    found = _FORM.fullmatch(quantity)
    if found is None:
        raise ValueError(f"{quantity[:MAX_LENGTH]!r} is no quantity: {QUANTITY_WAY_OUT}")
    return Decimal(found[1]) * _FACTORS[found[2] or ""]


def _validated(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PydanticCustomError("quantity", "is no quantity: {way_out}", _CONTEXT)
    try:
        amount_of(str(value))
    except ValueError:
        raise PydanticCustomError("quantity", "is no quantity: {way_out}", _CONTEXT) from None
    return str(value)


_CONTEXT = {"way_out": QUANTITY_WAY_OUT}


class _AsIntOrString:
    """In the CRD a quantity is an integer or a string, as in every Kubernetes object."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"x-kubernetes-int-or-string": True, "pattern": QUANTITY, "maxLength": MAX_LENGTH}


Quantity = Annotated[str, PlainValidator(_validated), _AsIntOrString()]
"""A quantity; a bare number is read as its text."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """The largest amount of a quantity field, checked by the API server too: `Annotated[Quantity, AtMost("2Gi")]`."""

    most: str

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        bound = rule(
            f"!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('{self.most}')) <= 0",
            f"is too much for a Job: {self.most} is the most",
        )
        return handler(schema) | {"x-kubernetes-validations": [bound]}

    def _check(self, value: str) -> str:
        if amount_of(value) <= amount_of(self.most):
            return value
        raise PydanticCustomError(
            "quantity_bound", "is too much for a Job: {most} is the most", {"most": self.most}
        )
