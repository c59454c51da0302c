"""Which columns of a list are shown, and in which order its rows."""

from collections.abc import Sequence
from typing import NamedTuple

from pvc_cli.errors import InvalidInputError, hint, quoted


class Layout(NamedTuple):
    """How a list is to be laid out, in the words of the command line."""

    columns: tuple[str, ...] = ()
    """The columns to show; none are those that the list shows by itself."""
    sort: tuple[str, ...] = ()
    """The columns to sort by, the most important first; with a minus in front, from the greatest to the least."""
    headers: bool = True
    things: str = ""
    """What the list shows, in the plural."""
    count_by: str = ""
    """The column whose values are counted instead."""

    least: tuple[str, ...] = ()
    """The columns that make room where not all fit, the first of them first; then the last ones do."""
    roomy: str = ""
    """The column that they make room for also where it would be cut to little."""

    @property
    def asks(self) -> bool:
        """Whether any columns are named."""
        return bool(self.columns or self.sort or self.count_by)

    def choose(self, headers: Sequence[str], usual: int) -> list[int]:
        """Return which of *headers* to show: what was asked for, or the *usual* first ones.

        :raises InvalidInputError: if there is no such column.
        """
        return [column_index(headers, name) for name in self.columns] or list(range(usual))

    def order(self, headers: Sequence[str]) -> list[tuple[int, bool]]:
        """Return which of *headers* to sort by, and whether downwards.

        :raises InvalidInputError: if there is no such column.
        """
        return [(column_index(headers, name.removeprefix("-")), name.startswith("-")) for name in self.sort]


def column_index(headers: Sequence[str], name: str) -> int:
    """Return which of *headers* is called *name*, in any case, with spaces, dashes or underscores.

    :raises InvalidInputError: if there is none.
    """
    known = {_plain(header): at for at, header in enumerate(headers)}
    if _plain(name) not in known:
        words = list(dict.fromkeys(map(word_for, headers)))
        advice = hint(word_for(name), words, f"choose from {', '.join(words)}")
        raise InvalidInputError(f"there is no column {quoted(name)}: {advice}")
    return known[_plain(name)]


def word_for(header: str) -> str:
    """Return *header* as a word of the command line."""
    return header.upper().replace(" ", "-").replace("_", "-")


def _plain(name: str) -> str:
    return word_for(name.strip())
