"""What a command is handed: which cluster, how long to wait for it, and where its output goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pvc_cli.errors import InvalidInputError
from pvc_cli.output import Output

if TYPE_CHECKING:
    from pathlib import Path

    from pvc_cli.zk import ZKHandler, ZKSchema


@dataclass(slots=True)
class Context:
    """The global options of one run, and what follows from them."""

    connection: str | None = None
    coordinators: str | None = None
    timeout: float = 10.0
    schema_dir: str | None = None
    verbose: bool = False
    output: Output = field(default_factory=Output)
    _stdin_read: bool = False

    @contextmanager
    def connect(
        self, report: Callable[[str], None] | None = None, pvc_config: Path | None = None
    ) -> Iterator[ZKHandler]:
        """Open a session with the cluster that is meant, for the time of a ``with`` block.

        :param report: is told what happens to the session; messages, if they are wanted, where none is given.
        :param pvc_config: a node's PVC configuration that may say which cluster, instead of this machine's.
        :raises ConfigError: if none is named.
        :raises UnreachableError: if it does not answer.
        """
        # Imported here: what needs no cluster need not load the code that finds one.
        from pathlib import Path

        from pvc_cli.audit import announce_once
        from pvc_cli.settings import resolve
        from pvc_cli.zk import ZKHandler

        target = resolve(self.connection, self.coordinators, pvc_config)
        if self.verbose:
            self.output.message(f"The cluster is {target.hosts}, from {target.origin}.")
        schema_dir = Path(self.schema_dir) if self.schema_dir else None
        if target.file:
            with _open_backup(target.file, schema_dir) as handler:
                yield handler
            return
        with ZKHandler(
            target.hosts,
            access=target.access,
            timeout=self.timeout,
            session_timeout=self.timeout,
            report=report or (self.output.message if self.verbose else None),
            before_change=announce_once(target.hosts),
            schema_dir=schema_dir,
        ) as handler:
            yield handler

    def schema(self, version: int | None = None) -> ZKSchema:
        """Return the schema of *version*, by default the newest that is known; no cluster is asked.

        :raises SchemaError: if the version is not known.
        """
        from pathlib import Path

        from pvc_cli.zk.schema import find_schema

        return find_schema(version, Path(self.schema_dir) if self.schema_dir else None)

    def is_file(self) -> bool:
        """Tell whether the cluster that is meant is a backup file."""
        from pvc_cli.settings import resolve

        return resolve(self.connection, self.coordinators).file is not None

    def names(self, words: Sequence[str], *, commas: bool = True) -> list[str]:
        """Return *words* with ``-`` replaced by the lines of standard input.

        :param commas: whether commas separate names, too.
        :raises InvalidInputError: if standard input is wanted twice, or there are no names in it.
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
            raise InvalidInputError("'-' can be given only once: standard input is read by then")
        self._stdin_read = True
        names = [name for line in sys.stdin if (name := line.strip())]
        if not names:
            raise InvalidInputError("standard input holds no names: give it one a line")
        return names


@contextmanager
def _open_backup(path: Path, schema_dir: Path | None) -> Iterator[ZKHandler]:
    """Open a backup in place of a cluster; what is changed is saved at the end, if nothing goes wrong."""
    from pvc_cli.zk import ZKHandler
    from pvc_cli.zk.snapshot import SnapshotStore

    store = SnapshotStore.open(path)
    yield ZKHandler.over(store, schema_dir=schema_dir)
    store.save()
