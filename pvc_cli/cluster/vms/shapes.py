"""Recognise XML documents that differ from others in values only, and read their values without a parser.

The XML of a cluster's VMs has few shapes: the same elements and attributes in the same order, with the same white
space. A document that matches a shape is well-formed, because the one that the shape was learned from is: a value of
plain characters, where there was a value before, neither ends nor begins anything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    from pvc_cli.cluster.vms.shape_learning import LookUp

LayoutT = TypeVar("LayoutT")
Values = tuple[str | None, ...]

_STRANGERS = 30
"""After how many documents of no known shape one is learned: to learn takes as long as to parse this many."""
_MOST = 32
"""How many shapes are learned; where there are more, further documents are parsed."""
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


class Shapes(Generic[LayoutT]):
    """The shapes of the documents that were seen so far. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[int, list[Shape[LayoutT]]] = {}
        self._strangers: Counter[int] = Counter()
        self._left = _MOST

    def read(self, xml: str) -> tuple[LayoutT, Values] | None:
        """Return what looking up in *xml* would return, or None if it has no shape that is known."""
        # Documents of one shape have the same number of tags, which is counted in no time.
        for shape in self._known.get(xml.count("<"), ()):
            if values := shape.read(xml):
                return shape.layout, values
        return None

    def add(self, xml: str, look_up: LookUp[LayoutT]) -> None:
        """Take note of a well-formed document of no known shape, and learn its shape if that is common.

        :param look_up: looks up in a document what is wanted of it.
        """
        tags = xml.count("<")
        self._strangers[tags] += 1
        if self._strangers[tags] % _STRANGERS == 0 and self._left > 0:
            # Imported here: it brings the parser.
            from pvc_cli.cluster.vms.shape_learning import learn

            if shape := learn(xml, look_up):
                self._left -= 1
                self._known.setdefault(tags, []).append(shape)


class Shape(Generic[LayoutT]):
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
