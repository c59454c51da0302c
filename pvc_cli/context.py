"""What a command is given: global options, output, and names from standard input."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from pvc_cli.errors import InvalidInputError
from pvc_cli.output.writer import Output


@dataclass(slots=True)
class Context:
    """The global options of one command."""

    connection: str | None = None
    coordinators: str | None = None
    timeout: float = 10.0
    lock_timeout: float = 30.0
    schema_dir: str | None = None
    write: bool = False
    """Whether a backup file in a cluster's place may be changed."""
    verbose: bool = False
    confirm: str | None = None
    """The cluster that the command may change, if it was confirmed: its connection's name, or its servers."""
    changing: bool = False
    """Whether the command is one that changes the cluster, and no dry run."""
    unattended: bool = False
    """Whether a daemon runs, which nobody confirms."""
    cluster: str = ""
    """What the cluster is called that was connected to last."""
    connected: bool = False
    """Whether a session is open, or was."""
    undoes: str = ""
    """The change that the command undoes, by its ID in the history."""
    signals: Sequence[int] = ()
    """The signals received so far."""
    output: Output = field(default_factory=Output)
    _stdin_read: bool = False
    _stdin: list[str] = field(default_factory=list)

    def turn_to(self, connection: str) -> None:
        """Let the command run, once more, on another cluster."""
        self.connection = self.cluster = connection
        self.connected = self._stdin_read = False

    def names(self, words: Sequence[str], *, commas: bool = True) -> list[str]:
        """Return *words* with ``-`` replaced by the lines of standard input.

        :param commas: whether commas separate names, too.
        :raises InvalidInputError: if standard input is used twice or has no names.
        """
        names: list[str] = []
        for word in words:
            if word == "-":
                names += self._stdin_names()
            elif commas:
                names += [part for part in word.split(",") if part] or [word]
            else:
                names.append(word)
        return names

    def _stdin_names(self) -> list[str]:
        if self._stdin_read:
            raise InvalidInputError("'-' can be used only once: it reads all of standard input")
        self._stdin_read = True
        self._stdin = self._stdin or [name for line in sys.stdin if (name := line.strip())]
        if not self._stdin:
            raise InvalidInputError("no names on standard input: expected one per line")
        return list(self._stdin)
