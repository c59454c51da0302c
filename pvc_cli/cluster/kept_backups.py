"""The backups that pvc makes by itself before it changes a whole tree: their names, a list, and which may go."""

from __future__ import annotations

import datetime
import mmap
import os
import re
from collections import Counter
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from pvc_cli.files import state_folder
from pvc_cli.zk.base import VERSION_PATH
from pvc_cli.zk.schema import parse_version

# Earlier ones do not have the cluster in their names.
_NAME = re.compile(r"(\d{8}T\d{6}Z)-(restore|schema-\d+-to-\d+)-\d+(?:-\d+)?(?:@(.+))?\.json")
_TIME = "%Y%m%dT%H%M%SZ"
_LONGEST = 150
"""How much of a cluster's servers goes into a name: a file system takes 255 bytes."""
_VERSION = re.compile(rb'"' + re.escape(VERSION_PATH).encode() + rb'": "([^"]*)"')


class KeptBackup(NamedTuple):
    """A backup in pvc's own folder."""

    path: Path
    time: datetime.datetime
    before: str
    """What it was made before: ``restore``, or ``schema-13-to-15``."""
    cluster: str | None
    """The servers of the cluster; None if the name does not tell."""
    size: int
    """In bytes."""


def folder() -> Path:
    """Return where pvc keeps its own backups."""
    return state_folder() / "backups"


def new_backup_path(before: str, cluster: str) -> Path:
    """Return the name of a new backup.

    The format is PVC's, which has room for paths and values alone: what else is known of it is in the name.

    :param before: what it is made before; see :attr:`KeptBackup.before`.
    :param cluster: the servers of the cluster.
    """
    now = datetime.datetime.now(tz=datetime.UTC)
    spelt = quote(cluster, safe=",")
    if len(spelt) > _LONGEST:
        spelt = re.sub(r"%.?$", "", spelt[:_LONGEST]) + quote("…")
    # Another pvc may back up another cluster in the same second.
    stem = f"{now:{_TIME}}-{before}-{os.getpid()}"
    paths = (folder() / f"{stem}{suffix or ''}@{spelt}.json" for suffix in count(0, -1))
    return next(path for path in paths if not path.exists())


def list_backups() -> list[KeptBackup]:
    """Return the backups in pvc's own folder, newest first; files with other names are not pvc's."""
    try:
        entries = list(os.scandir(folder()))
    except FileNotFoundError:
        return []
    found = (_parse(entry) for entry in entries)
    return sorted((backup for backup in found if backup), key=lambda backup: (backup.time, backup.path), reverse=True)


def _parse(entry: os.DirEntry[str]) -> KeptBackup | None:
    match = _NAME.fullmatch(entry.name)
    if not match or not entry.is_file(follow_symlinks=False):
        return None
    stamp, before, cluster = match.groups()
    try:
        time = datetime.datetime.strptime(stamp, _TIME).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return KeptBackup(Path(entry.path), time, before, cluster and unquote(cluster), entry.stat().st_size)


def schema_version(backup: KeptBackup) -> int | None:
    """Return the schema version of a backup that pvc wrote; None if it cannot be told.

    Reading a large one as JSON takes seconds: its text is searched, in which a quote within a value is escaped.
    """
    try:
        with backup.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            found = _VERSION.search(text)
            return parse_version(found[1].decode("ascii", "replace")) if found else None
    except (OSError, ValueError):  # it is gone, or empty
        return None


def expendable(
    backups: Iterable[KeptBackup], *, keep: int | None, older_than: float | None, now: datetime.datetime
) -> list[KeptBackup]:
    """Return which of *backups*, newest first, may go.

    :param keep: how many of each cluster stay, however old.
    :param older_than: only those that are older may go, in days.
    """
    seen = Counter[str | None]()
    chosen = []
    for backup in backups:
        seen[backup.cluster] += 1
        is_old = older_than is None or now - backup.time > datetime.timedelta(days=older_than)
        if is_old and (keep is None or seen[backup.cluster] > keep):
            chosen.append(backup)
    return chosen
