import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import click

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.documents import changed_document
from pvc_cli.cluster.naming import name_changes
from pvc_cli.cluster.tree_documents import difference_document
from pvc_cli.cluster.undo import changes_of_gone
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.dry_run import done_lines
from pvc_cli.commands._common.entries import Told, entry_argument, entry_document, tell
from pvc_cli.commands._common.times import time_text
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.entry import Entry
from pvc_cli.connections.history import find_entry, list_entries
from pvc_cli.errors import NotFoundError, PvcError, RefusedError, quoted, quoted_whole
from pvc_cli.output.writer import Document, Output
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.undo import Changed

_NOTHING = "-"
_UNFINISHED = "Unfinished: pvc ended before it knew whether it had changed this"
_RUNNING = "Running: pvc does not know yet whether it has changed this"
_MOMENT = 2.0
"""How many seconds the cluster may take to tell names."""


class _Named(NamedTuple):
    """What was changed, and what may have been, by name."""

    made: list[ItemDifference]
    unfinished: list[ItemDifference]
    gone: frozenset[str] = frozenset()
    """The paths of those changes whose item was deleted since, or created again."""

    @property
    def every(self) -> list[ItemDifference]:
        """All of it."""
        return [*self.made, *self.unfinished]


def _key_and_value(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, str] | None:
    key, equals, value = (text or "").partition("=")
    if text is not None and not (key and equals):
        raise click.BadParameter("expected KEY=VALUE, such as domain.state=start")
    return (key, value) if equals else None


@click.command("show")
@entry_argument
@click.option(
    "--was", metavar="KEY=VALUE", callback=_key_and_value, help="Show only the items whose KEY had this VALUE before."
)
@click.option("--paths", is_flag=True, help="Show every znode, before and after.")
@secrets_option
@output_option
@pass_context
def command(context: Context, name: str, was: tuple[str, str] | None, paths: bool, secrets: bool) -> None:
    """Show what one command changed.

    ID is one of 'pvc history list', or its beginning, or last. Names are those of today, or of then for what is gone;
    what another cluster had, or one that does not answer, is shown by paths. So is what was unfinished when the
    command was killed, or lost the cluster.

    \b
    Examples:
      pvc vm tag add web-01 blue && pvc history show last
      pvc vm tag add web-01 red && pvc history show last --paths
      pvc vm stop web-01 && pvc history show last --was domain.state=start -o name | pvc vm start -
    """
    entry, recorded = find_entry(name)
    made, unfinished = (
        [change if secrets else _masked(change) for change in sorted(found)]
        for found in (recorded.made, recorded.unfinished)
    )
    (told,) = tell([entry], list_entries())
    output = context.output
    by_paths = (paths or secrets) and output.style == "table"
    named = None if by_paths and not was else _by_name(context, entry, made, unfinished)
    if was:
        named = _that_were(entry, named, *was)
        made, unfinished = _of(made, named.made), _of(unfinished, named.unfinished)
        named = None if by_paths else named
    output.show(
        lambda: _document(told, made, unfinished, named),
        names=lambda: _names([*made, *unfinished], named),
        table=lambda: "\n\n".join(_blocks(output, told, made, named and named.made, unfinished)),
    )


def _that_were(entry: Entry, named: _Named | None, key: str, value: str) -> _Named:
    """Return the items whose *key* had *value* before, for a command that takes names.

    A VM that was deleted since, or created again, is left out: its name is nobody's, or another's.

    :raises RefusedError: if the cluster does not tell names.
    :raises NotFoundError: if there is no such item.
    """
    if named is None:
        raise RefusedError(f"cannot tell what {entry.id} changed: its cluster is another one, or does not answer")
    made, unfinished = (
        [item for item in part if _was(item, key, value) and not any(c.path in named.gone for c in item.changes)]
        for part in (named.made, named.unfinished)
    )
    if not made and not unfinished:
        raise NotFoundError(
            f"{entry.id} changed nothing whose {key} was {quoted(value)}: see 'pvc history show {entry.id}'"
        )
    return _Named(made, unfinished)


def _was(item: ItemDifference, key: str, value: str) -> bool:
    is_gone = item.kind == "vm" and item.name == item.id
    return not is_gone and any(key in change.words[::2] and change.before == value for change in item.changes)


def _of(changes: Sequence[Changed], items: Sequence[ItemDifference]) -> list[Changed]:
    """Return those of *changes* that are of *items*."""
    paths = {change.path for item in items for change in item.changes}
    return [change for change in changes if change.path in paths]


def _document(told: Told, made: Sequence[Changed], unfinished: Sequence[Changed], named: _Named | None) -> Document:
    """Return the document of an entry; names are null where the cluster does not tell them."""
    items = {key.path: item for item in (named.every if named else ()) for key in item.changes}
    values = {change.path: change for change in made}
    return {
        **entry_document(told),
        "items": [_item_document(item, values) for item in named.made] if named else None,
        "changes": [_change_document(change, items.get(change.path)) for change in made],
        "unfinished": [_change_document(change, items.get(change.path)) for change in unfinished],
    }


def _item_document(item: ItemDifference, values: Mapping[str, Changed]) -> Document:
    """Return the document of what was changed of an item, with the values as they are in the tree."""
    document = difference_document(item)
    changes = [change | changed_document(values[change["path"]]) for change in document["changes"]]
    uuid = {"uuid": item.id} if item.kind == "vm" else {}
    return document | uuid | {"changes": changes}


def _change_document(change: Changed, item: ItemDifference | None) -> Document:
    return {"kind": item and item.kind, "name": item and item.name, **changed_document(change)}


def _names(changes: Sequence[Changed], named: _Named | None) -> list[str]:
    """Return the names of what was changed, or the paths, if names are not known; each once."""
    if named is None:
        return [change.path for change in changes]
    return list(dict.fromkeys(item.name for item in named.every))


def _blocks(
    output: Output,
    told: Told,
    changes: Sequence[Changed],
    items: Sequence[ItemDifference] | None,
    unfinished: Sequence[Changed],
) -> Iterator[str]:
    """Yield what is shown, block by block: *items* are the changes by name, if names are known."""
    entry = told.entry
    yield output.fields(
        [
            ("Time", time_text(entry.time)),
            ("Cluster", _cluster(told)),
            ("User", entry.user),
            ("Command", shlex.join(entry.command)),
            *([("Undoes", entry.undoes)] if entry.undoes else []),
            *([(f"{told.undone.capitalize()} by", told.undone_by)] if told.undone_by else []),
            *([("State", entry.how_it_ended)] if entry.how_it_ended else []),
            *([("Incomplete", entry.why_incomplete)] if entry.why_incomplete else []),
        ]
    )
    if changes:
        yield _table(output, changes) if items is None else "\n".join(done_lines(output, items))
    if unfinished:
        running = entry.state == "running"
        yield f"{_RUNNING}." if running else f"{_UNFINISHED}: 'pvc undo {entry.id} --dry-run' tells."
        yield _table(output, unfinished)


def _cluster(told: Told) -> str:
    """Return the servers of the cluster, after the name if there is one."""
    hosts = told.entry.cluster.hosts
    return f"{told.connection} ({hosts})" if told.connection else hosts


def _by_name(context: Context, entry: Entry, made: Sequence[Changed], unfinished: Sequence[Changed]) -> _Named | None:
    """Return the changes by item, if the cluster that had them is the one in use, and answers."""
    try:
        with connect(replace(context, timeout=min(context.timeout, _MOMENT))) as handler:
            if not entry.cluster.is_same(identify(handler)):
                return None
            gone = changes_of_gone(handler, [*made, *unfinished])
            return _Named(name_changes(handler, made), name_changes(handler, unfinished), gone)
    except PvcError:
        return None


def _table(output: Output, changes: Sequence[Changed]) -> str:
    return output.table(("PATH", "BEFORE", "AFTER"), [[c.path, _text(c.before), _text(c.after)] for c in changes])


def _text(value: bytes | None) -> str:
    return _NOTHING if value is None else quoted_whole(value.decode("utf-8", "replace"))


def _masked(change: Changed) -> Changed:
    before, after = (value and mask(change.path, value) for value in (change.before, change.after))
    return change._replace(before=before, after=after)
