"""Show a dry run by the names of what would be changed: equal changes of many things in one line."""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.documents import changes_document
from pvc_cli.cluster.naming import name_parts
from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.planned import PlannedItem, check_written
from pvc_cli.cluster.vms.judged import read_judged
from pvc_cli.commands._common.changes import show_changes
from pvc_cli.commands._common.differences import brief_changes
from pvc_cli.commands._common.selected import noted_filters
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.plan_file import save_plan
from pvc_cli.errors import InvalidInputError, printable
from pvc_cli.output.terminal import columns_of
from pvc_cli.output.writer import Document, Output
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.places import locate
from pvc_cli.zk.written import WrittenPart, write_parts

_COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}
_KINDS = {"vm": "VM", "osd": "OSD", "vf": "VF", "pf": "PF", "other": "znode"}
_FIRST = 8
"""How many names stand for many where the width is unknown."""


class _Wording(NamedTuple):
    """How to say what is or was changed."""

    added: str
    removed: str
    changed: str
    more: str = "-o name"
    """The option that shows all names, where a line has room for some."""


_WOULD = _Wording("would create", "would delete", "would change")
_WILL = _Wording("will create", "will delete", "will change")
_DONE = _Wording("created", "deleted", "changed", more="--paths")


def show_dry_run(
    output: Output,
    handler: ZKHandler,
    parts: Sequence[Part],
    document: Callable[[], Document],
    names: Callable[[], Iterable[str]],
    *,
    refused: bool = False,
) -> None:
    """Show what *parts* would change: by names, or, where that is asked for, by paths.

    :param document: the command's document; what tells it as a dry run is added.
    :param refused: whether anything was refused: if nothing is left to do then, there is no plan to write.
    """
    if output.plan and refused and not any(part.transaction.changes for part in parts):
        output.message(f"No plan was written to {output.plan}: nothing is left to do.")
    elif output.plan:
        _write_plan(output, output.plan, handler, parts)
    changes = [change.masked() for part in parts for change in part.transaction.changes]
    if output.by_paths and output.style == "table":
        show_changes(output, changes)
        return
    output.show(
        lambda: {"dry_run": True, **changes_document(changes), **document()},
        names=names,
        table=lambda: "\n".join(would_lines(output, name_parts(handler, parts))),
    )


def show_change(
    output: Output,
    handler: ZKHandler,
    parts: Sequence[Part],
    document: Callable[[], Document],
    names: Callable[[], Iterable[str]],
    *,
    dry_run: bool,
    refused: bool = False,
) -> None:
    """Show what *parts* would change, or have changed: to a person, messages tell that.

    :param refused: whether anything was refused.
    """
    if dry_run:
        show_dry_run(output, handler, parts, document, names, refused=refused)
    elif output.style != "table":
        output.show(document, names=names, table=str)


def refuse_plan(output: Output) -> None:
    """Refuse ``--plan`` for what is planned again while it is carried out.

    :raises InvalidInputError: if it is given.
    """
    if output.plan:
        raise InvalidInputError("this is planned again when it is carried out, and cannot be a file: use --dry-run")


def _write_plan(output: Output, file: str, handler: ZKHandler, parts: Sequence[Part]) -> None:
    written = write_parts(handler.store, [(p.name, p.transaction.ops) for p in parts if p.transaction.changes])
    written = _with_selection(handler, written)
    check_written(handler, [PlannedItem(part) for part in written])
    save_plan(
        Path(file), identify(handler), handler.base, ["pvc", *sys.argv[1:]], written, overwrite=output.overwrite
    )
    if not written:
        # A script goes on to apply it.
        output.message(f"Nothing would be changed: the plan in {file} does nothing.")
        return
    output.message(f"Plan written to {file}: carry it out with 'pvc apply {shlex.quote(file)}'.")


def _with_selection(handler: ZKHandler, parts: Sequence[WrittenPart]) -> list[WrittenPart]:
    """Return *parts* with what the VMs that they change were selected by in their bases."""
    places = [[locate(handler.schema, op.path) for op in part.steps] for part in parts]
    vms = [list(dict.fromkeys(place.item for place in own if place.group == "domain")) for own in places]
    judged = read_judged(handler, [vm for own in vms for vm in own], noted_filters())
    bases = [{path: seen for vm in own for path, seen in judged.get(vm, {}).items()} for own in vms]
    return [part._replace(base=base | dict(part.base)) for part, base in zip(parts, bases, strict=True)]


def say_parts(output: Output, handler: ZKHandler, parts: Sequence[Part]) -> None:
    """Say by names what *parts* are about to change."""
    say_items(output, name_parts(handler, parts))


def say_items(output: Output, items: Iterable[ItemDifference]) -> None:
    """Say what is about to be changed."""
    for line in _lines(output, items, columns_of(sys.stderr), _WILL, plain=True):
        output.message(line)


def would_lines(output: Output, items: Iterable[ItemDifference]) -> Iterator[str]:
    """Yield lines that say what would be changed."""
    return _lines(output, items, columns_of(sys.stdout), _WOULD)


def done_lines(output: Output, items: Iterable[ItemDifference]) -> Iterator[str]:
    """Yield lines that say what was changed."""
    return _lines(output, items, columns_of(sys.stdout), _DONE)


def _lines(
    output: Output, items: Iterable[ItemDifference], width: int | None, wording: _Wording, *, plain: bool = False
) -> Iterator[str]:
    """Yield lines of what is changed, each of them complete in itself."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for item in items:
        texts = brief_changes(item) if item.status == "changed" else ()
        if texts or item.status != "changed":
            groups.setdefault((item.status, item.kind, texts), []).append(printable(item.name))
    for (status, kind, texts), names in groups.items():
        mark: str = getattr(wording, status)
        painted = mark if plain else output.paint(mark, _COLOURS[status])
        for line in _group(kind, texts, names, width and width - len(mark) - 1, wording.more):
            yield f"{painted} {line}"


def things(kind: str, count: int) -> str:
    """Return in words how many things of a kind there are."""
    word = _KINDS.get(kind, kind)
    return word if kind == "cluster" else f"{count} {word}{'' if count == 1 else 's'}"


def _group(kind: str, texts: Sequence[str], names: Sequence[str], width: int | None, more: str) -> Iterator[str]:
    if len(names) == 1:
        # VMs, VFs and PFs go by their names alone; a new or deleted one does not.
        bare = kind == "cluster" or (texts and kind in ("vm", "vf", "pf"))
        own = names[0] if bare else f"{_KINDS.get(kind, kind)} {names[0]}"
        yield from _packed(own, texts, width)
        return
    head = things(kind, len(names))
    *most, last = _packed(head, texts, width)
    yield from most
    yield from _with_names(last, names, width, more)


def _packed(head: str, texts: Sequence[str], width: int | None) -> Iterator[str]:
    """Yield lines of *head* and as many of *texts* as fit into each."""
    line = head
    for text in texts:
        if line == head:
            line = f"{head}: {text}"
        elif width is not None and len(line) + 2 + len(text) > width:
            yield line
            line = f"{head}: {text}"
        else:
            line = f"{line}; {text}"
    yield line


def _with_names(line: str, names: Sequence[str], width: int | None, more: str) -> Iterator[str]:
    """Yield *line* with as many of *names* as fit."""
    every = f"{line} ({', '.join(names)})"
    if (len(every) <= width) if width is not None else len(names) <= _FIRST:
        yield every
        return
    shown = names[:_FIRST]
    while width is not None and len(shown) > 1 and len(_some(line, shown, more)) > width:
        shown = shown[:-1]
    yield _some(line, shown, more)


def _some(line: str, shown: Sequence[str], more: str) -> str:
    return f"{line} ({', '.join(shown)}, …; all: {more})"
