"""Remember that a change is not in the history, which could not be written: on a full disk, an empty file still fits.

Its time says when; beside the folder of the entries, it can be written where that folder cannot.
"""

import datetime
import os
import time
from pathlib import Path

from pvc_cli.connections.order import moment_after, name_at
from pvc_cli.files import make_folder


def note_missed(folder: Path) -> None:
    """Remember that a change begins that is not in the history.

    :param folder: where the entries are.
    :raises OSError: if that cannot be written, either.
    """
    now = time.time()
    try:
        moment = moment_after(folder, now)
    except OSError:
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    marker = _marker(folder)
    make_folder(marker.parent)
    os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    nanoseconds = round(moment.timestamp() * 1e6) * 1000
    os.utime(marker, ns=(nanoseconds, nanoseconds))


def last_missed(folder: Path) -> str:
    """Return what the last change that is not in the history would be called; empty if there is none.

    :raises OSError: if that cannot be read.
    """
    try:
        microseconds = _marker(folder).stat().st_mtime_ns // 1000
    except FileNotFoundError:
        return ""
    epoch = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return name_at(epoch + datetime.timedelta(microseconds=microseconds))


def _marker(folder: Path) -> Path:
    return folder.with_suffix(".missed")
