"""Reads the fields of a task for backups; raises BadTask with the field's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from baileys_janitor.job.task import BadTask

TEXT_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Store:
    """A repository: `credentials` is a directory with the keys of its Secret."""

    name: str
    url: str
    endpoint: str | None
    region: str | None
    credentials: str

    def to_list(self) -> list[str | None]:
        """Return the format that `read_store` reads."""
        return [self.name, self.url, self.endpoint, self.region, self.credentials]


def read_store(name: str, item: object) -> Store:
    """Return a repository."""
    if not isinstance(item, list) or len(item) != 5:
        raise BadTask(f"{name} must have lists of 5")
    called, url, endpoint, region, credentials = item
    return Store(
        read_text(name, called),
        read_text(name, url),
        read_optional(name, endpoint),
        read_optional(name, region),
        read_text(name, credentials),
    )


def read_list(name: str, data: dict[str, Any], most: int) -> list[Any]:
    """Return a list of `most` items at most."""
    value = data.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise BadTask(f"{name} must be a list of {most} at most")
    return value


def read_number(name: str, value: object, most: int) -> int:
    """Return a whole number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise BadTask(f"{name} must be a whole number of at most {most}")
    return value


def read_text(name: str, value: object, most: int = TEXT_MAX) -> str:
    """Return a text of `most` characters at most."""
    if not isinstance(value, str) or len(value) > most:
        raise BadTask(f"{name} must be a text")
    return value


def read_optional(name: str, value: object) -> str | None:
    """Return a text, or None."""
    return None if value is None else read_text(name, value)
