"""What a command is given: global options, output, and names from standard input."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from pvc_cli.errors import InvalidInputError
from pvc_cli.output.writer import Output


class _StdinNames:
    """The names on standard input: it can be read once, and several clusters may be asked about them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._names: list[str] | None = None

    def read(self) -> list[str]:
        """Return the lines that are not empty."""
        with self._lock:
            if self._names is None:
                self._names = [name for line in sys.stdin if (name := line.strip())]
            return list(self._names)


@dataclass(slots=True)
class Context:
    """The global options of one command."""

    connection: str | None = None
    coordinators: str | None = None
    timeout: float = 10.0
    refused_timeout: float | None = None
    """How long servers that all refuse connections are waited for, if not as long as *timeout*."""
    lock_timeout: float = 30.0
    schema_dir: str | None = None
    write: bool = False
    """Whether a backup file in a cluster's place may be changed."""
    verbose: bool = False
    confirm: str | None = None
    """The cluster that the command may change, if it was confirmed: its connection's name, or its servers."""
    changing: bool = False
    """Whether the command is one that changes the cluster, and no dry run."""
    sent: bool = False
    """Whether it was about to send a change, or has made one in a file: it may have changed something."""
    changed: bool = False
    """Whether it has changed something, for certain."""
    unattended: bool = False
    """Whether a daemon runs, which nobody confirms."""
    cluster: str = ""
    """What the cluster is called that was connected to last."""
    connected: bool = False
    """Whether a session is open, or was."""
    undoes: str = ""
    """The change that the command undoes, by its ID in the history."""
    masked: Mapping[int, str] = field(default_factory=dict)
    """The places of secrets in the command line, and what is written down there."""
    signals: Sequence[int] = ()
    """The signals received so far."""
    output: Output = field(default_factory=Output)
    _stdin_read: bool = False
    _stdin: _StdinNames = field(default_factory=_StdinNames)

    def words(self) -> list[str]:
        """Return the command line as it is written down, in the log and in the history."""
        return ["pvc", *(self.masked.get(place, word) for place, word in enumerate(sys.argv[1:]))]

    def on(self, connection: str, output: Output) -> Context:
        """Return the context of the same command on one of several clusters; all get the same standard input."""
        return replace(
            self, connection=connection, cluster=connection, connected=False, output=output, _stdin_read=False
        )

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

    @property
    def stdin_used(self) -> bool:
        """Whether standard input was read, so that no answer can come from there."""
        return self._stdin_read

    def read_stdin(self) -> str:
        """Return all of standard input."""
        self._stdin_read = True
        return sys.stdin.read()

    def read_value(self) -> str:
        """Return the one value that standard input has: all of it, but the newline at its end.

        :raises InvalidInputError: if there is nothing, as from a program that failed.
        """
        text = self.read_stdin()
        if not text:
            raise InvalidInputError("no value on standard input: send one, or give '' for an empty value")
        return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text

    def _stdin_names(self) -> list[str]:
        if self._stdin_read:
            raise InvalidInputError("'-' can be used only once: it reads all of standard input")
        self._stdin_read = True
        names = self._stdin.read()
        if not names:
            raise InvalidInputError("no names on standard input: expected one per line")
        return names
