"""The cells of tables: what a person sees, and what it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

UNKNOWN = "?"
"""What stands for what the cluster does not say."""


class Cell(NamedTuple):
    """A table's cell that has a colour where colours are shown."""

    text: str
    colour: str = ""
    value: str | float | None = ""
    """What it stands for, to sort by and for CSV: a number without its unit, None for what is not known.

    Empty is the text itself."""
    note: str = ""
    """What a mark in the text means, for the lines below the table."""
    each: Sequence[str | int] | None = None
    """The things that the text lists, if it is a list."""
    fact: str | float | None = ""
    """What programs get for it when it is counted: a boolean for yes, None for a word that means nothing.

    Empty is the value, or else the text."""

    @property
    def is_number(self) -> bool:
        """Whether it stands for a number."""
        return not isinstance(self.value, str) and self.value is not None


Row = Sequence[str | float | Cell | None]


def as_cell(value: str | float | Cell | None) -> Cell:
    """Return *value* as a cell: a question mark for None, a number with itself as its value."""
    if isinstance(value, Cell):
        return value
    if isinstance(value, str):
        return Cell(value)
    return Cell(known(value), value=value)


def list_cell(things: Iterable[object]) -> Cell:
    """Return a cell that lists *things*."""
    each = tuple(thing if isinstance(thing, int) else str(thing) for thing in things)
    return Cell(",".join(map(str, each)), each=each)


def flag_cell(flag: bool | None, words: tuple[str, str] = ("no", "yes"), colours: tuple[str, str] = ("", "")) -> Cell:
    """Return a cell that says *flag* in one of two *words*, false first; a question mark for None."""
    return as_cell(None) if flag is None else Cell(words[flag], colours[flag], fact=flag)


def optional_cell(text: str | None, nothing: str = "none") -> Cell:
    """Return a cell with *text*, or with the word that says that there is *nothing*."""
    return Cell(text) if text else Cell(nothing, fact=None)


def known(value: object) -> str:
    """Return *value* as text, and a question mark for None: what the cluster does not say."""
    return UNKNOWN if value is None else str(value)
