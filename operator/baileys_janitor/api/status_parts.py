"""The types of the parts of a status: numbers and texts within bounds, times."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from baileys_janitor.api.values.base import Model

Time = datetime
"""An instant; in JSON RFC 3339 in UTC, whole seconds."""
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Bytes = Annotated[int, Field(ge=0, le=2**62)]
Word = Annotated[str, Field(max_length=64)]
"""A CamelCase code, such as a reason or an outcome."""
Sentence = Annotated[str, Field(max_length=1024)]


class StatusPart(Model):
    """A part of the status; lenient where the spec is strict."""

    model_config = ConfigDict(strict=False)
