"""The common base of every model of the resource and of the configuration.

Strict, because the API server is: `preKeys: "50"` is refused by both. Field names are camelCase outside and snake_case
in code. Unknown fields are ignored here: the API server has pruned them already, and an older operator must still read
statuses that a newer one stored. The configuration file, which nobody prunes, is read with `extra="forbid"` instead.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of the resource or of the configuration."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
    )


Rule = dict[str, JsonValue]


def rule(expression: str, message: str) -> Rule:
    """Return one CEL rule, in the form of `x-kubernetes-validations`."""
    return {"rule": expression, "message": message}


def rules(*listed: Rule) -> ConfigDict:
    """Return the CEL rules of a model, kept beside the fields they constrain; the CRD includes them."""
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": list(listed)})
