"""Show what a change of a whole tree would do: by the names of what it changes, or by paths."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.documents import change_document, items_document
from pvc_cli.cluster.tree_changes import item_of, name_tree
from pvc_cli.cluster.tree_documents import changed_item_document
from pvc_cli.cluster.values import Json
from pvc_cli.commands._common.changes import show_changes, summarise
from pvc_cli.commands._common.dry_run import say_items, things, would_lines
from pvc_cli.errors import printable
from pvc_cli.output.writer import Document, Output
from pvc_cli.zk import Change, ZKHandler

_FIRST = 3
_WHAT = {"changed": "to change", "added": "to create", "removed": "to delete"}


def show_tree(
    output: Output, handler: ZKHandler, changes: Callable[[], Iterable[Change]], *, secrets: bool = False
) -> None:
    """Show what *changes*, made anew by each call, would change, after a summary.

    :param secrets: show secrets, too.
    """
    if output.by_paths and (output.tabular or output.style == "name"):
        if output.tabular:
            summarise(output, changes(), "Dry run: ")
        show_changes(output, changes(), secrets=secrets)
        return
    items = name_tree(handler, changes(), secrets=secrets)
    if output.tabular:
        for text in _summary(items):
            output.message(f"Dry run: {text}")
    output.show(
        lambda: _document(handler, changes, items, secrets=secrets),
        names=lambda: (item.name for item in items.values()),
        table=lambda: "\n".join(would_lines(output, items.values())),
    )


def say_tree(output: Output, handler: ZKHandler, changes: Iterable[Change]) -> None:
    """Say by names what *changes* are about to change, unless quiet is wanted."""
    if not output.quiet:
        say_items(output, name_tree(handler, changes).values())


def sum_up(output: Output, handler: ZKHandler, changes: Iterable[Change]) -> str:
    """Say how many things of each kind *changes* change, with the first names; return the numbers in words."""
    items = name_tree(handler, changes, values=False)
    for text in _summary(items):
        output.message(f"  {text}")
    return ", ".join(f"{count} {_WHAT[status]}" for status, count, _ in _counted(items))


def _summary(items: Mapping[str, ItemDifference]) -> Iterator[str]:
    for status, count, names in _counted(items):
        more = ", …" if len(names) > _FIRST else ""
        of = "" if names == ["cluster"] else f" ({', '.join(map(printable, names[:_FIRST]))}{more})"
        yield f"{count} {_WHAT[status]}{of}"


def _counted(items: Mapping[str, ItemDifference]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield what becomes of things, how many of which kind, and their names."""
    groups: dict[tuple[str, str], list[str]] = {}
    for item in items.values():
        groups.setdefault((item.status, item.kind), []).append(item.name)
    for (status, kind), names in groups.items():
        yield status, things(kind, len(names)), names


def tree_document(handler: ZKHandler, changes: Callable[[], Iterable[Change]], *, secrets: bool) -> Document:
    """Return the document of a change of a whole tree, before it is made: the items of its dry run."""
    document = _document(handler, changes, name_tree(handler, changes(), secrets=secrets), secrets=secrets)
    return {name: document[name] for name in ("items", "counts")}


def show_done(output: Output, document: Document) -> None:
    """Show programs the document of a change that was made; people are told otherwise."""
    output.show(lambda: document, names=lambda: [item["name"] for item in document["items"]], table=str)


def _document(
    handler: ZKHandler,
    changes: Callable[[], Iterable[Change]],
    items: Mapping[str, ItemDifference],
    *,
    secrets: bool,
) -> Document:
    """Return the document of a dry run. There may be many changes: each is in it twice, and in memory once."""
    every: list[Json] = []
    own: dict[str, list[Json]] = {top: [] for top in items}
    for change in changes():
        document = change_document(change if secrets else change.masked())
        every.append(document)
        own[item_of(handler, change.path, items)].append(document)
    listed = (changed_item_document(item, own[top]) for top, item in items.items())
    return {"dry_run": True, "changes": every, **items_document(listed)}
