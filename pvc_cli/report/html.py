"""HTML that is escaped by construction: what is not :class:`Html` is text, and is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pvc_cli.errors import printable

_VOID = frozenset({"input", "meta", "path", "rect"})


class Html(str):
    """A piece of a page, which is safe as it stands."""

    __slots__ = ()


def text(value: object) -> Html:
    """Return *value* as a piece of a page: no markup, nothing invisible, and in ASCII."""
    if isinstance(value, Html):
        return value
    shown = escape(printable(str(value)))
    # Numbers of characters in place of characters: the page reads the same whatever it is saved or sent as.
    return Html(shown if shown.isascii() else shown.encode("ascii", "xmlcharrefreplace").decode("ascii"))


def element(name: str, /, *children: object, **attributes: object) -> Html:
    """Return an element; an attribute that is None is left out, one that is True has no value.

    The ``_`` in an attribute's name stands for ``-``, and one at the end keeps it apart from Python's words.
    """
    opened = "".join(_attribute(name, value) for name, value in attributes.items() if value not in (None, False))
    if name in _VOID:
        return Html(f"<{name}{opened}>" if name in ("input", "meta") else f"<{name}{opened}/>")
    return Html(f"<{name}{opened}>{''.join(map(text, children))}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Return *parts* one after the other, with plain text between them."""
    return Html(text(between).join(map(text, parts)))


def table(headers: Iterable[object], rows: Iterable[Iterable[object]], **attributes: object) -> Html:
    """Return a table that scrolls by itself where it is wider than the screen."""
    head = element("thead", element("tr", *(element("th", header, scope="col") for header in headers)))
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows))
    return element("div", element("table", head, body, **attributes), class_="wide")


def _attribute(name: str, value: object) -> str:
    spelt = name.rstrip("_").replace("_", "-")
    return f" {spelt}" if value is True else f' {spelt}="{text(value)}"'
