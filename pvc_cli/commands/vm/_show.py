"""How VMs are shown."""

from pvc_cli.output.writer import Cell

STATE_COLOURS = {"start": "green", "fail": "red", "stop": "yellow", "disable": "dim"}


def memory_text(mebibytes: int | None) -> str:
    """Return an amount of memory, always in GiB, so that the eye can compare."""
    return "?" if mebibytes is None else f"{mebibytes / 1024:.2f}".rstrip("0").removesuffix(".") + " GiB"


def memory_cell(mebibytes: int | None) -> Cell:
    """Return an amount of memory for a table; its value is in MiB."""
    return Cell(memory_text(mebibytes), value=mebibytes)
