"""An entry of the history: the file that says what a command changed."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pvc_cli import identity
from pvc_cli.connections.cluster_id import ClusterId
from pvc_cli.connections.entry_file import FORMAT, SUFFIX, Gap, Recorded, Wanted, decode_head, read_changes
from pvc_cli.errors import PvcError, RefusedError
from pvc_cli.files import cannot_read, state_folder
from pvc_cli.zk.undo import things_of

State = Literal["", "running", "interrupted", "ended", "unfinished"]
_GAPS: dict[Gap, tuple[str, str]] = {
    "too large": ("incomplete", "changed more than its entry holds"),
    "unwritable": ("incomplete", "changed more than could be written to its entry"),
    "damaged": ("damaged", "changed more than its entry holds, of which a part was cut off"),
    "newer": ("of a newer pvc", "was made by a newer pvc, which this one cannot read"),
}
"""What an entry with a gap is called, and what its command did."""
_NO_GAP = ("", "")


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that changed something, as the head of its file tells."""

    id: str
    time: float
    """In seconds since 1970, by the clock of then."""
    cluster: ClusterId
    user: str
    command: tuple[str, ...]
    path: Path
    undoes: str = ""
    """The ID of the entry that it undid, if it was an undo."""
    order: float = 0.0
    """When it was, in the order of all entries: the time, unless the clock was set back."""
    state: State = ""
    """What became of the command; unfinished if it could not find out what it changed, empty if nothing tells."""
    gap: Gap = ""
    """Why it lacks something of what was changed."""
    size: int | None = None
    """How much of its file counts, if not all."""
    process: str = ""
    """The process that runs the command, or ran it."""
    things: int | None = None
    """How many things it changed, if its head tells."""

    def read(self, wanted: Wanted | None = None) -> Recorded:
        """Return what it changed.

        :param wanted: the znodes that are asked for; all by default.
        :raises NotFoundError: if it is gone.
        :raises ConfigError: if it cannot be read.
        :raises RefusedError: if it is damaged, or of a newer pvc.
        """
        if self.gap == "newer":
            raise RefusedError(f"{self.id} was written by a newer pvc: use that one, or update this one")
        return read_changes(self.path, self.size, wanted)

    @property
    def place(self) -> tuple[float, str]:
        """What entries are sorted by: those of the same moment by their IDs."""
        return self.order, self.id

    @property
    def changed(self) -> int | None:
        """How many things it is known to have changed: VMs, nodes, VFs and others; None if nothing tells."""
        if self.things is None:
            with suppress(PvcError):
                return len(things_of(self.read().made))
        return self.things

    @property
    def is_unfinished(self) -> bool:
        """Whether it may have changed more than it is known to have."""
        if self.state == "ended" or self.gap == "newer":
            return False
        with suppress(PvcError):
            return bool(self.read().unfinished)
        return True

    @property
    def why_incomplete(self) -> str:
        """Why its file lacks something of what was changed, as in "it changed more …"; empty if it lacks nothing."""
        return _GAPS.get(self.gap, _NO_GAP)[1]

    @property
    def wholeness(self) -> str:
        """What its file is called if it lacks something, as in ``incomplete``; empty if it lacks nothing."""
        return _GAPS.get(self.gap, _NO_GAP)[0]

    @property
    def how_it_ended(self) -> str:
        """How the command ended, if not as it should, or that it still runs; else empty."""
        if self.state == "running":
            return f"is still running ({self.process})"
        if self.state == "unfinished":
            return "lost the cluster or was stopped"
        return "was interrupted" if self.state == "interrupted" or self.is_unfinished else ""


def history_folder() -> Path:
    """Return the folder of the entries."""
    return state_folder() / "history"


def entry_files() -> list[Path]:
    """Return the files of all entries, and whatever else is called so.

    :raises ConfigError: if their folder cannot be read.
    """
    folder = history_folder()
    try:
        return [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cannot_read(folder, error) from None


def load_entry(path: Path) -> Entry | None:
    """Return the entry in a file, or None if it is not one, or only half of one.

    :raises OSError: if it cannot be read.
    """
    head, size, running = decode_head(path)
    try:
        time = float(head["time"])
        written = int(head.get("size", 0)) or size
        return Entry(
            path.name.removesuffix(SUFFIX),
            time,
            ClusterId(str(head["cluster"]), head.get("cluster_id")),
            str(head["user"]),
            tuple(map(str, head["command"])),
            path,
            str(head.get("undoes") or ""),
            float(head.get("order", time)),
            _state_of(head, running=running),
            _gap_of(head, size, written),
            written,
            _process(head),
            None if (things := head.get("things")) is None else int(things),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _state_of(head: Mapping[str, Any], *, running: bool) -> State:
    # One that was killed says that it runs.
    if head.get("ended") == "running":
        return "running" if running else "interrupted"
    state: State = head.get("ended", "")
    return state


def _gap_of(head: Mapping[str, Any], size: int, written: int) -> Gap:
    if int(head.get("format", 1)) > FORMAT:
        return "newer"
    if size < written:
        return "damaged"
    gap: Gap = head.get("gap", "")
    return gap


def _process(head: Mapping[str, Any]) -> str:
    """Return which process runs, or ran, the command; one on another machine shares the home."""
    pid, host = head.get("pid"), head.get("host")
    return f"pid {pid}" if host == identity.host() else f"pid {pid} on {host}"
