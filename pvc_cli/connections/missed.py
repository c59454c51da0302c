"""Remember that a change is not in the history, which could not be written: on a full disk, an empty file still fits.

Its time says when, its name of which cluster; beside the folder of the entries, it can be written where that cannot.
"""

import datetime
import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from pvc_cli.connections.cluster_id import ClusterId
from pvc_cli.connections.order import moment_after, name_at
from pvc_cli.connections.resolve import FILE
from pvc_cli.files import make_folder

_SUFFIX = ".missed"
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


class Missed(NamedTuple):
    """The last change of a cluster that is not in the history."""

    id: str
    """What it would be called."""
    time: float
    """In seconds since 1970."""
    key: str
    """What :func:`_key` returns of its cluster; empty if that may be any."""

    def is_of(self, cluster: ClusterId) -> bool:
        """Tell whether it is known to be a change of *cluster*."""
        return bool(self.key) and self.key == _key(cluster)

    def may_be_of(self, cluster: ClusterId) -> bool:
        """Tell whether it may be a change of *cluster*."""
        return not self.key or not _key(cluster) or self.is_of(cluster)


def note_missed(folder: Path, cluster: ClusterId) -> None:
    """Remember that a change of *cluster* begins that is not in the history.

    :param folder: where the entries are.
    :raises OSError: if that cannot be written, either.
    """
    now = time.time()
    try:
        moment = moment_after(folder, now)
    except OSError:
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    key = _key(cluster)
    marker = folder.with_name(f"{folder.name}-{key}{_SUFFIX}" if key else f"{folder.name}{_SUFFIX}")
    make_folder(marker.parent)
    os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    nanoseconds = round(moment.timestamp() * 1e6) * 1000
    os.utime(marker, ns=(nanoseconds, nanoseconds))


def list_missed(folder: Path) -> list[Missed]:
    """Return of each cluster the last change that is not in the history, the latest first.

    :raises OSError: if they cannot be read.
    """
    try:
        markers = [path for path in folder.parent.iterdir() if path.name.endswith(_SUFFIX)]
    except FileNotFoundError:
        return []
    return sorted((_missed(path, path.stat().st_mtime_ns // 1000) for path in markers), reverse=True)


def _missed(marker: Path, microseconds: int) -> Missed:
    moment = _EPOCH + datetime.timedelta(microseconds=microseconds)
    return Missed(name_at(moment), microseconds / 1e6, marker.name.removesuffix(_SUFFIX).partition("-")[2])


def _key(cluster: ClusterId) -> str:
    """Return what tells *cluster* from others in the name of a file; empty if nothing does."""
    if cluster.hosts.startswith(FILE):
        return hashlib.sha256(os.fsencode(cluster.hosts)).hexdigest()[:16]
    return cluster.mark or ""
