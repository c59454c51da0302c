"""Write the history of what this user changes: what is about to be changed first, then what was."""

import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pvc_cli import identity
from pvc_cli.connections.history import SUFFIX, entry_files, history_folder, load_entry
from pvc_cli.zk.undo import Changed, Settle
from pvc_cli.zk.written import encode_value

MOST_ENTRIES = 500
MOST_BYTES = 32 << 20
"""How large a command's entry may be; what is larger cannot be undone from it."""
_FEW = 100
"""How many znodes a command changes at most that may take all of it back."""


class Recorder:
    """Writes the entry of one command, once it changes something.

    A history that cannot be written stops no change: it says so once. What takes back all that it changed, such as a
    claim that a VM got in the way of, has no entry: nothing is left to undo.

    :param facts: returns what is known of the command and its cluster by the time of its first change.
    """

    def __init__(
        self,
        cluster: str,
        command: Sequence[str],
        on_error: Callable[[str], object],
        facts: Callable[[], Mapping[str, str | None]] = dict,
    ) -> None:
        self._header = {"cluster": cluster, "user": identity.user(), "command": list(command)}
        self._facts = facts
        self._on_error = on_error
        self._path: Path | None = None
        self._batches = 0
        self._open: set[int] = set()
        self._failed = False
        self._net: dict[str, Changed] | None = {}
        """What the few znodes that it changed were at first, and are now; None if they are more."""

    def record(self, changes: Sequence[Changed]) -> Settle:
        """Append what is about to be changed: whoever is killed then leaves an entry that says so.

        :returns: what appends what was changed of it.
        """
        if changes and not self._failed:
            with self._warning():
                return self._begin(changes)
        return lambda _: None

    def _begin(self, changes: Sequence[Changed]) -> Settle:
        if self._path is None:
            self._path = _new_entry({**self._header, **self._facts()})
        if self._path.stat().st_size > MOST_BYTES:
            self._failed = True
            _append(self._path, {"truncated": True})
            return lambda _: None
        number = self._batches
        values = [[c.path, encode_value(c.before), encode_value(c.after)] for c in changes]
        _append(self._path, {"intended": values})
        self._batches += 1
        self._open.add(number)
        return lambda changed: self._settle(number, changed)

    def _settle(self, number: int, changed: Sequence[Changed]) -> None:
        if self._path is None:
            return
        self._open.discard(number)
        taken_back = self._is_taken_back(changed)
        with self._warning():
            if taken_back and not self._open:
                self._path.unlink()
                self._path, self._batches = None, 0
            elif not self._failed:
                marks = [[c.version, c.czxid] for c in changed]
                _append(self._path, {"open": len(self._open), "of": number, "done": marks})

    @contextmanager
    def _warning(self) -> Iterator[None]:
        """Say that the history cannot be written, and give it up."""
        try:
            yield
        except OSError as error:
            self._failed = True
            self._on_error(f"the change cannot be undone later, for its history cannot be written: {error.strerror}")

    def _is_taken_back(self, changes: Sequence[Changed]) -> bool:
        """Tell whether all is as it was before the command, now that *changes* were made, too."""
        if self._net is not None:
            self._net |= {c.path: self._net[c.path].then(c) if c.path in self._net else c for c in changes}
            if len(self._net) > _FEW:
                self._net = None
        return self._net is not None and all(change.before == change.after for change in self._net.values())


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="ascii") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _prune() -> None:
    """Make room for one entry more: files that are not entries go first, then the oldest."""
    files = entry_files()
    if len(files) >= MOST_ENTRIES:
        times = {path: entry.time for path in files if (entry := load_entry(path))}
        for old in sorted(files, key=lambda path: times.get(path, 0.0))[: len(files) - MOST_ENTRIES + 1]:
            old.unlink(missing_ok=True)


def _new_entry(header: dict[str, Any]) -> Path:
    folder = history_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _prune()
    now = time.time()
    name = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%d-%H%M%S-%fZ")
    path = folder / f"{name}{SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        file.write(json.dumps({"id": name, "time": now, **header}) + "\n")
    return path
