"""Names of files on the command line, checked before anything else is done.

Apart from other values: most commands name no file.
"""

import os
from pathlib import Path

import click

from pvc_cli.errors import ConfigError


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
        if Path(value).is_dir():
            raise ConfigError(f"{os.fsdecode(value)} is a directory: give a file")
        return super().convert(value, param, context)


class OutputFile(File):
    """A file to write, in a directory that exists."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, context: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return *value* as the name of a file."""
        name = super().convert(value, param, context)
        if not (folder := Path(value).parent).is_dir():
            raise ConfigError(f"cannot write {os.fsdecode(value)}: there is no directory {folder}; create it first")
        return name
