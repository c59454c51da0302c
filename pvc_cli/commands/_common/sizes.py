"""Amounts of memory for people: always in GiB, so that the eye can compare."""

from pvc_cli.output.writer import Cell


def memory_text(mebibytes: int | None) -> str:
    """Return an amount of memory as text."""
    return "?" if mebibytes is None else f"{_gibibytes(mebibytes)} GiB"


def memory_cell(mebibytes: int | None) -> Cell:
    """Return an amount of memory for a table; its value is in MiB."""
    return Cell(memory_text(mebibytes), value=mebibytes)


def _gibibytes(mebibytes: int) -> str:
    return f"{mebibytes / 1024:.2f}".rstrip("0").removesuffix(".")
