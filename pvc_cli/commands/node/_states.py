"""The colours of what nodes are in."""

from pvc_cli.output.writer import Cell

_COLOURS = {"run": "green", "ready": "green", "stop": "yellow", "dead": "red", "fenced": "red", "primary": "bold"}


def state_cell(state: str) -> Cell:
    return Cell(state, _COLOURS.get(state, ""))
