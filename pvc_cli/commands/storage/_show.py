"""How storage is shown: figures of statistics, and Ceph's own text."""

from pvc_cli.cluster.values import Json
from pvc_cli.commands._common.sizes import size_text as size_text
from pvc_cli.errors import printable
from pvc_cli.output.cells import Cell

_LARGEST = 2**80


def figure(stats: Json | None, name: str) -> float | None:
    """Return a number of some statistics; None if they lack it, or have anything else there."""
    value = (stats or {}).get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _LARGEST:
        return None
    return value


def size_cell(amount: float | None, *, unit: int = 1) -> Cell:
    """Return a size with a unit, whose value is in bytes; *amount* is in units of so many bytes."""
    return Cell(size_text(amount, unit=unit), value=None if amount is None else int(amount * unit))


def count_cell(stats: Json | None, name: str) -> Cell:
    """Return a whole number of some statistics."""
    value = figure(stats, name)
    return Cell(count_text(stats, name), value=None if value is None else int(value))


def percent_cell(amount: float | None) -> Cell:
    """Return a share as text; *amount* is in percent."""
    return Cell(percent_text(amount), value=None if amount is None else round(amount, 3))


def count_text(stats: Json | None, name: str) -> str:
    """Return a whole number of some statistics."""
    value = figure(stats, name)
    return "?" if value is None else f"{value:.0f}"


def percent_text(amount: float | None) -> str:
    """Return a share as text; *amount* is in percent."""
    return "?" if amount is None else f"{amount:.1f} %"


def lines_of(text: str | None) -> list[str]:
    """Return the lines of a text from the cluster, so that none of them acts on a terminal."""
    return [printable(line) for line in (text or "").splitlines()]
