"""Backups on the command line: a file, or standard input."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pvc_cli.commands._common.file_names import File
from pvc_cli.zk.backup import scan_backup, scan_backup_file

BACKUP = File(allow_dash=True)
"""The type of an argument that names a backup."""


def scan(file: str) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and values of the backup that *file* names, as they are read."""
    return scan_backup(sys.stdin, "-") if file == "-" else scan_backup_file(Path(file))
