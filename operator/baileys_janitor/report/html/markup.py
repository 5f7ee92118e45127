"""HTML as nested calls: every text is escaped, unless it is markup from this module."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

_VOID: Final = frozenset({"meta", "br", "link", "rect", "line", "path", "circle"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Part: TypeAlias = "str | Markup | Iterable[Part]"


def text(value: str) -> Markup:
    """Return text of any origin as HTML: escaped, and without characters that change direction or hide other text."""
    plain = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in value
    )
    return Markup(escape(plain, quote=True))


def joined(*parts: Part) -> Markup:
    """Return the parts concatenated."""
    return Markup("".join(_flat(parts)))


def tag(name: str, *parts: Part, **attributes: str | int | float | None) -> Markup:
    """Return an element. `class_` is the attribute class, `stroke_width` stroke-width; None leaves one out."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not parts:
        return Markup(f"<{name}{words}>" if name in {"meta", "br", "link"} else f"<{name}{words}/>")
    return Markup(f"<{name}{words}>{joined(*parts)}</{name}>")


def _value(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _flat(parts: Iterable[Part]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, Markup):
            yield part
        elif isinstance(part, str):
            yield text(part)
        else:
            yield from _flat(part)
