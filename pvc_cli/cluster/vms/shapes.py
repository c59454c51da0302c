"""Recognise XML documents that differ from others in values only, and read their values without a parser.

The XML of a cluster's VMs has few shapes: the same elements and attributes in the same order, with the same white
space. A document that matches a shape is well-formed, because the one that the shape was learned from is: a value of
plain characters, where there was a value before, neither ends nor begins anything.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Generic, TypeVar, cast
from xml.etree.ElementTree import Element, ParseError, fromstring

LayoutT = TypeVar("LayoutT")
Values = tuple[str | None, ...]
LookUp = Callable[[Element], tuple[LayoutT, Values]]
"""Returns the values that are wanted of a document, and a layout that says which they are.

It may depend on elements, on attributes called ``type``, and on which values are empty; on no other value."""

_STRANGERS = 30
"""After how many documents of no known shape one is learned: to learn takes as long as to parse this many."""
_MOST = 32
"""How many shapes are learned; where there are more, further documents are parsed."""
_DELIMITED = re.compile(r"""('[^']*'|"[^"]*"|>[^<>]*<)""")
_DECLARATION = re.compile(r"<\?[^>]*\?>")
# Neither markup, nor what a parser would change: a tab or a line break in an attribute, a carriage return anywhere.
_PLAIN = {"'": r"[^'<&\x00-\x1f]+", '"': r'[^"<&\x00-\x1f]+', ">": r"[^<>&\x00-\x08\x0b-\x1f]+"}
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_MARK = "\ue000"


class Shapes(Generic[LayoutT]):
    """The shapes of the documents that were seen so far. Safe to use from several threads.

    :param look_up: looks up in a document what is wanted of it.
    """

    def __init__(self, look_up: LookUp[LayoutT]) -> None:
        self._look_up = look_up
        self._known: dict[int, list[_Shape[LayoutT]]] = {}
        self._strangers: Counter[int] = Counter()
        self._left = _MOST

    def read(self, xml: str) -> tuple[LayoutT, Values] | None:
        """Return what looking up in *xml* would return, or None if it has no shape that is known."""
        # Documents of one shape have the same number of tags, which is counted in no time.
        for shape in self._known.get(xml.count("<"), ()):
            if values := shape.read(xml):
                return shape.layout, values
        return None

    def add(self, xml: str) -> None:
        """Take note of a well-formed document of no known shape, and learn its shape if that is common."""
        tags = xml.count("<")
        self._strangers[tags] += 1
        if self._strangers[tags] % _STRANGERS == 0 and self._left > 0 and (shape := _learn(xml, self._look_up)):
            self._left -= 1
            self._known.setdefault(tags, []).append(shape)


class _Shape(Generic[LayoutT]):
    """What documents have in common that differ in values only.

    :param pattern: matches these documents, and nothing else; its groups are those values that are wanted.
    :param fixed: wanted values that are the same in all of them.
    :param order: which of the groups and, behind them, of the fixed values is wanted first, and so on.
    """

    def __init__(self, layout: LayoutT, pattern: str, fixed: Values, order: list[int]) -> None:
        self.layout = layout
        self._match = re.compile(pattern).fullmatch
        self._fixed = fixed
        self._pick = cast("Callable[[Values], Values]", itemgetter(*order))

    def read(self, xml: str) -> Values | None:
        """Return the values that are wanted of *xml*, or None if it has another shape."""
        match = self._match(xml)
        if not match or not (xml.isascii() or not _NOT_XML.search(xml)):
            return None
        return self._pick(match.groups() + self._fixed)


def _learn(xml: str, look_up: LookUp[LayoutT]) -> _Shape[LayoutT] | None:
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
    return _Shape(layout, "".join(pattern), fixed, [every.index(value) for value in wanted])


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
