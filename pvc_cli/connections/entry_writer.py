"""Write the file of one change while its command runs: locked, and on the disk before anything is sent."""

import datetime
import fcntl
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pvc_cli import identity
from pvc_cli.connections.entry_file import (
    SUFFIX,
    Ended,
    Gap,
    encode_head,
    encode_intention,
    encode_mark,
    encode_outcome,
)
from pvc_cli.connections.order import TICK, moment_after, name_at
from pvc_cli.files import make_folder, put_new, sync_folder
from pvc_cli.zk.undo import Changed


class EntryWriter:
    """Writes one file, and holds its lock: by that others tell that its command runs, until it ends or is killed.

    :param folder: where to create it; it is created, too, if needed.
    :param facts: what is known of the command.
    :raises OSError: if it cannot be written; there is none then.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        make_folder(folder)
        now = time.time()
        moment = moment_after(folder, now)
        self._gap: Gap = ""
        self._size = self._batches = 0
        self._rooms: dict[int, int] = {}
        # Without the suffix it is not an entry yet: until it is locked and has its head, it would look damaged.
        self.path = folder / f".{name_at(moment)}.{os.getpid()}.{identity.host()}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o600)
        who = {"pid": os.getpid(), "host": identity.host()}
        try:
            with suppress(OSError):  # some file systems have no locks: it looks interrupted there while it runs
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._append(encode_head({"time": now, "order": moment.timestamp(), **facts, **who}))
            self._publish(folder, moment)
            sync_folder(folder)
        except OSError:
            self.delete()
            raise

    def _publish(self, folder: Path, moment: datetime.datetime) -> None:
        """Give the file its name: that of *moment*, or the next that is free."""
        while True:
            path = folder / f"{name_at(moment)}{SUFFIX}"
            try:
                put_new(self.path, path)
            except FileExistsError:  # another command began in the same microsecond
                moment += TICK
            else:
                self.path = path
                return

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    @property
    def is_open(self) -> bool:
        """Whether the outcome of an intention is not known yet."""
        return bool(self._rooms)

    def intend(self, changes: Sequence[Changed]) -> int:
        """Write what is about to be changed, and wait until it is on the disk.

        :returns: the number to tell the outcome by.
        :raises OSError: if that fails; the file is as it was.
        """
        line, room = encode_intention(changes)
        at = self._size + room
        self._append(line)
        os.fdatasync(self._descriptor)
        number, self._batches = self._batches, self._batches + 1
        self._rooms[number] = at
        return number

    def settle(self, number: int, changed: Sequence[Changed]) -> None:
        """Write what was done of an intention, in the room that it has for that."""
        self._put(encode_outcome(number, changed), self._rooms[number])
        del self._rooms[number]

    def lacks(self, gap: Gap) -> None:
        """Mark the file as one that lacks what is changed from now on."""
        self._gap = gap
        self._put(encode_mark("running", gap, 0), 0)

    def end(self, things: int) -> None:
        """Mark how its command ended, and release the lock.

        :param things: how many things it is known to have changed.
        """
        ended: Ended = "unfinished" if self._rooms else "ended"
        try:
            self._put(encode_mark(ended, self._gap, self._size, things), 0)
        finally:
            os.close(self._descriptor)

    def delete(self) -> None:
        """Delete the file: there is nothing to undo."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        try:
            self._put(data, self._size)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def _put(self, data: bytes, at: int) -> None:
        left = memoryview(data)
        while left:
            written = os.pwrite(self._descriptor, left, at)
            left, at = left[written:], at + written
