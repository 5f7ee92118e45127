"""A base for small value classes; `dataclasses` would double the start of a Job process."""

from __future__ import annotations


class Value:
    """Compares and prints by its `__slots__`. Mutable parts make it unhashable."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # says so to the reader; __eq__ implies it

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"
