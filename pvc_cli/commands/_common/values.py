"""Kinds of values on the command line, checked before anything else is done."""

import os
import re

import click

from pvc_cli.errors import ConfigError

_MEMORY = re.compile(r"([0-9]+) ?(?:([MGT])(?:i?B)?)?", re.IGNORECASE)
_MEBIBYTES = {"": 1, "M": 1, "G": 1024, "T": 1024**2}


class Number(click.IntRange):
    """A whole number in a range."""

    name = "number"


class Memory(Number):
    """An amount of memory in MiB; ``16G``, ``16GB`` and ``16GiB`` are 16,384."""

    name = "amount of memory"

    def convert(self, value: str | float, param: click.Parameter | None, context: click.Context | None) -> int:
        """Return *value* in MiB."""
        found = _MEMORY.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is not an amount of memory: give MiB, or 16G", param, context)
        amount, unit = found.groups()
        return int(amount) * _MEBIBYTES[(unit or "").upper()]


class Seconds(click.FloatRange):
    """A time; unlike any range of Click's, without what is not a number."""

    name = "number of seconds"

    def convert(self, value: str | float, param: click.Parameter | None, context: click.Context | None) -> float:
        """Return *value* as seconds."""
        if str(value).lower() == "nan":
            self.fail(f"{value} is not a number of seconds", param, context)
        return float(super().convert(value, param, context))  # type: ignore[arg-type]


class Folder(click.Path):
    """A directory to read files of. A wrong one is not a mistake on the command line, and has another exit code."""

    def __init__(self) -> None:
        super().__init__(exists=True, file_okay=False, readable=False)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, context: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return *value* as the name of a directory."""
        try:
            return super().convert(value, param, context)
        except click.BadParameter:
            raise ConfigError(f"there is no directory {os.fsdecode(value)}: give one that exists") from None
