"""Learn the shape of an XML document: what is markup in it, and where its values are."""

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element, ParseError, fromstring

from pvc_cli.cluster.vms.shapes import LayoutT, Shape, Values

LookUp = Callable[[Element], tuple[LayoutT, Values]]
"""Returns the values that are wanted of a document, and a layout that says which they are.

It may depend on elements, on attributes called ``type``, and on which values are empty; on no other value."""

_DELIMITED = re.compile(r"""('[^']*'|"[^"]*"|>[^<>]*<)""")
_DECLARATION = re.compile(r"<\?[^>]*\?>")
# Neither markup, nor what a parser would change: a tab or a line break in an attribute, a carriage return anywhere.
_PLAIN = {"'": r"[^'<&\x00-\x1f]+", '"': r'[^"<&\x00-\x1f]+', ">": r"[^<>&\x00-\x08\x0b-\x1f]+"}
_MARK = "\ue000"


def learn(xml: str, look_up: LookUp[LayoutT]) -> Shape[LayoutT] | None:
    """Return the shape of a well-formed document; None if it is too odd to be sure of it.

    Marks are put where values seem to be. One that the parser finds to be all of an attribute or all of an element's
    text marks a value for sure; where there is no such mark, the document's own text is a part of the shape.
    """
    if _MARK in xml:
        return None
    # A declaration has values of its own, which no document of this shape may have otherwise.
    declared = _DECLARATION.match(xml)
    start = declared.end() if declared else 0
    parts = _DELIMITED.split(xml[start:])
    parts[0] = xml[:start] + parts[0]
    marks = {f"{_MARK}{at}{_MARK}": at for at in range(1, len(parts), 2) if _is_plain(parts[at])}
    try:
        found = set(_variable(_parse_marked(parts, marks)))
        marks = {mark: at for mark, at in marks.items() if mark in found}
        root = _parse_marked(parts, marks)
    except ParseError:
        return None
    if not marks.keys() <= set(_variable(root)):
        return None
    layout, wanted = look_up(root)
    groups = [mark for mark in marks if mark in wanted]
    fixed = tuple({value: None for value in wanted if value not in marks})
    every = (*groups, *fixed)
    pattern = [re.escape(part) for part in parts]
    for mark, at in marks.items():
        first, last = parts[at][0], parts[at][-1]
        value = _PLAIN[first]
        pattern[at] = f"{first}({value}){last}" if mark in groups else f"{first}{value}{last}"
    return Shape(layout, "".join(pattern), fixed, [every.index(value) for value in wanted])


def _is_plain(delimited: str) -> bool:
    """Tell whether a text is more than blanks, and without characters that mean something else than themselves."""
    value = delimited[1:-1]
    return bool(value.strip() and re.fullmatch(_PLAIN[delimited[0]], value))


def _parse_marked(parts: list[str], marks: dict[str, int]) -> Element:
    """Parse a document with marks in the place of some of its *parts*, within the same delimiters."""
    marked = parts.copy()
    for mark, at in marks.items():
        marked[at] = f"{parts[at][0]}{mark}{parts[at][-1]}"
    return fromstring("".join(marked))  # noqa: S314 - as it is written, it was parsed before


def _variable(root: Element) -> Iterator[str | None]:
    """Yield each element's text and the values of its attributes, but not those that looking up may depend on."""
    for element in root.iter():
        yield element.text
        yield from (value for name, value in element.items() if name != "type")
