"""Kinds of values on the command line, checked before anything else is done."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from pvc_cli.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

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


def _path(value: str | os.PathLike[str]) -> Path:
    # Imported here: most command lines name no file.
    from pathlib import Path

    return Path(value)


class File(click.Path):
    """A file. One that cannot be used is not a mistake on the command line, and has another exit code.

    :param allow_dash: whether - is a standard stream.
    :param resolve_path: whether its full path is meant, wherever it is used later.
    :param path_type: what it becomes; text by default.
    """

    def __init__(
        self, *, allow_dash: bool = False, resolve_path: bool = False, path_type: type[Path] | None = None
    ) -> None:
        super().__init__(readable=False, allow_dash=allow_dash, resolve_path=resolve_path, path_type=path_type)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, context: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return *value* as the name of a file."""
        if _path(value).is_dir():
            raise ConfigError(f"{os.fsdecode(value)} is a directory: give a file")
        return super().convert(value, param, context)


class OutputFile(File):
    """A file to write, in a directory that exists."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, context: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return *value* as the name of a file."""
        name = super().convert(value, param, context)
        if not (folder := _path(value).parent).is_dir():
            raise ConfigError(f"cannot write {os.fsdecode(value)}: there is no directory {folder}; create it first")
        return name


class Folder(click.Path):
    """A directory to read files of."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, context: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return *value* as the name of a directory."""
        if not _path(value).is_dir():
            raise ConfigError(f"there is no directory {os.fsdecode(value)}: give one that exists")
        return super().convert(value, param, context)
