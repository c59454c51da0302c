"""Kinds of values on the command line, checked before anything else is done."""

import os
from pathlib import Path

import click


class Number(click.IntRange):
    """A whole number in a range."""

    name = "number"


class Seconds(click.FloatRange):
    """A time; unlike any range of Click's, without what is not a number."""

    name = "number of seconds"

    def convert(self, value: str | float, param: click.Parameter | None, context: click.Context | None) -> float:
        """Return *value* as seconds."""
        if str(value).lower() == "nan":
            self.fail(f"{value} is not a number of seconds", param, context)
        return float(super().convert(value, param, context))  # type: ignore[arg-type]


class OutputFile(click.Path):
    """A file to write, in a directory that exists; with *allow_dash*, - is standard output."""

    def __init__(self, *, allow_dash: bool = False) -> None:
        super().__init__(dir_okay=False, allow_dash=allow_dash)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Return *value* as the name of a file."""
        name = os.fsdecode(super().convert(value, param, context))
        if not Path(name).parent.is_dir():
            self.fail(f"directory {str(Path(name).parent)!r} does not exist", param, context)
        return name
