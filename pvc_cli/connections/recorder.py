"""Write the history of what this user changes: what is about to be changed first, then what was."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pvc_cli import identity
from pvc_cli.connections.cluster_id import ClusterId
from pvc_cli.connections.entry import entry_files, history_folder, load_entry
from pvc_cli.connections.entry_writer import EntryWriter
from pvc_cli.connections.missed import note_missed
from pvc_cli.errors import PvcError
from pvc_cli.zk.undo import Changed, Settle, things_of

MOST_ENTRIES = 500
MOST_BYTES = 32 << 20
"""How large a command's entry may be; what is beyond cannot be undone from it."""
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
        self._hosts = cluster
        self._head = {"cluster": cluster, "user": identity.user(), "command": list(command)}
        self._facts = facts
        self._on_error = on_error
        self._writer: EntryWriter | None = None
        self._failed = False
        self._net: dict[str, Changed] | None = {}
        """What the few znodes that it changed were at first, and are now; None if they are more."""
        self._things: set[str] = set()
        """What it changed, if that is more than a few znodes."""

    def record(self, changes: Sequence[Changed]) -> Settle:
        """Append what is about to be changed: whoever is killed then leaves an entry that says so.

        :returns: what appends what was changed of it.
        """
        if changes and not self._failed:
            try:
                return self._begin(changes)
            except (OSError, PvcError) as error:
                self._give_up(error)
        return lambda _: None

    def close(self) -> None:
        """Mark the entry as that of a command that has ended."""
        writer, self._writer = self._writer, None
        if writer:
            with suppress(OSError):  # it looks interrupted then, as does a killed one
                net = self._net or {}
                writer.end(len(self._things | things_of([c for c in net.values() if c.before != c.after])))

    def _begin(self, changes: Sequence[Changed]) -> Settle:
        if self._writer is None:
            make_room()
            self._writer = EntryWriter(history_folder(), {**self._head, **self._facts()})
        writer = self._writer
        if writer.size > MOST_BYTES:
            self._failed = True
            writer.lacks("too large")
            size = f"{MOST_BYTES >> 20} MiB"
            self._on_error(f"only a part of the change can be undone later: its history takes more than {size}")
            return lambda _: None
        number = writer.intend(changes)
        return lambda changed: self._settle(writer, number, changed)

    def _settle(self, writer: EntryWriter, number: int, changed: Sequence[Changed]) -> None:
        taken_back = self._is_taken_back(changed)
        try:
            writer.settle(number, changed)
            if taken_back and not writer.is_open and not self._failed:
                self._writer = None
                writer.delete()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError | PvcError) -> None:
        """Say that the history cannot be written, and mark what is there as incomplete, or that nothing is."""
        self._failed = True
        what = "the change"
        if self._writer:
            what = "only a part of the change"
            with suppress(OSError):
                self._writer.lacks("unwritable")
        else:
            with suppress(OSError, PvcError):
                note_missed(history_folder(), ClusterId(self._hosts, self._facts().get("cluster_id")))
        cannot = "can" if self._writer else "cannot"
        why = error.strerror if isinstance(error, OSError) else error
        self._on_error(f"{what} {cannot} be undone later, for its history cannot be written: {why}")

    def _is_taken_back(self, changes: Sequence[Changed]) -> bool:
        """Tell whether all is as it was before the command, now that *changes* were made, too."""
        if self._net is not None:
            self._net |= {c.path: self._net[c.path].then(c) if c.path in self._net else c for c in changes}
            if len(self._net) > _FEW:
                self._things |= things_of([*self._net.values()])
                self._net = None
        else:
            self._things |= things_of(changes)
        return self._net is not None and all(change.before == change.after for change in self._net.values())


def make_room() -> None:
    """Make room for one entry more: files that are not entries go first, then the oldest; what runs keeps its own."""
    files = entry_files()
    if len(files) < MOST_ENTRIES:
        return
    order = dict.fromkeys(files, 0.0)
    for path in files:
        with suppress(OSError):
            if entry := load_entry(path):
                order[path] = float("inf") if entry.state == "running" else entry.order
    for old in sorted(files, key=order.__getitem__)[: len(files) - MOST_ENTRIES + 1]:
        if order[old] != float("inf"):
            old.unlink(missing_ok=True)
