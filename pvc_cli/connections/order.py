"""Give changes names that sort in their order, whatever the clock does."""

import datetime
from pathlib import Path

from pvc_cli.connections.entry_file import SUFFIX

TICK = datetime.timedelta(microseconds=1)
_NAME = "%Y%m%d-%H%M%S-%fZ"


def name_at(moment: datetime.datetime) -> str:
    """Return what a change is called that begins at *moment*."""
    return moment.strftime(_NAME)


def moment_after(folder: Path, now: float) -> datetime.datetime:
    """Return the time *now*, or, if the clock was set back since the last change, right after that one's.

    :param folder: where the entries are.
    :raises OSError: if it cannot be read.
    """
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    # Those of earlier versions are named in local time, without a Z.
    for name in sorted((p.name for p in folder.iterdir() if p.name.endswith(f"Z{SUFFIX}")), reverse=True):
        try:
            last = datetime.datetime.strptime(name.removesuffix(SUFFIX), _NAME).replace(tzinfo=datetime.UTC)
        except ValueError:
            continue
        if last.year < datetime.MAXYEAR:  # beyond, no name is left
            return max(moment, last + TICK)
    return moment
