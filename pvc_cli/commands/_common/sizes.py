"""Sizes for people."""

from pvc_cli.cluster.memory import gibibytes
from pvc_cli.output.cells import Cell

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size_text(amount: float | None, *, unit: int = 1) -> str:
    """Return a size with a unit; *amount* is in units of so many bytes."""
    if amount is None:
        return "?"
    size = amount * unit
    for name in _UNITS:
        if abs(size) < 1024 or name == _UNITS[-1]:
            break
        size /= 1024
    return f"{size:.1f}".removesuffix(".0") + f" {name}"


def memory_text(mebibytes: int | None) -> str:
    """Return an amount of memory as text."""
    return "?" if mebibytes is None else gibibytes(mebibytes)[0]


def memory_cell(mebibytes: int | None) -> Cell:
    """Return an amount of memory for a table; its value is in MiB."""
    return Cell(memory_text(mebibytes), value=mebibytes)


def rounded_memory_cell(mebibytes: int | None) -> Cell:
    """Return an amount of memory that was measured, for a table: without decimals, where they do not matter."""
    if mebibytes is None or mebibytes < 10 * 1024:
        return memory_cell(mebibytes)
    return Cell(f"{mebibytes / 1024:.0f} GiB", value=mebibytes)
