"""What one of several clusters answers, each thing with the name of the cluster in front."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pvc_cli.output.cells import Row
from pvc_cli.output.writer import Document

CLUSTER = "CLUSTER"


class Columns(NamedTuple):
    """The columns of a table, as :meth:`~pvc_cli.output.writer.Output.table` takes them."""

    headers: Sequence[str]
    wide: Sequence[str] = ()
    wrap: int | None = None
    below: int | None = None


class Gathered:
    """What one cluster answers, and what is said of it meanwhile."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.columns = Columns((CLUSTER,))
        self.rows: list[Row] = []
        self.documents: list[Document] = []
        self.names: list[str] = []
        self.said: list[str] = []
        self.answered = False
        self.things = ""
        """What it shows, in the plural, if that was said."""
        self.count = 0

    def add_rows(self, columns: Columns, rows: Iterable[Row]) -> None:
        """Add the rows of a table with these *columns*."""
        wrap, below = (None if at is None else at + 1 for at in columns[2:])
        self.columns = Columns((CLUSTER, *columns.headers), columns.wide, wrap, below)
        self.rows += [(self.cluster, *row) for row in rows]

    def add_documents(self, found: Document | Iterable[Document]) -> None:
        """Add one document, or many."""
        documents: Iterable[Mapping[str, Any]] = [found] if isinstance(found, Mapping) else found
        self.documents += [{"cluster": self.cluster, **document} for document in documents]

    def add_names(self, names: Iterable[str]) -> None:
        """Add names: with the cluster in front, no command takes one for a thing of another cluster."""
        self.names += [f"{self.cluster}:{name}" for name in names]
