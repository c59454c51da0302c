from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pvc_cli.cluster.locks import LockQueue, list_locks
from pvc_cli.cluster.server_documents import lock_document
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import age_text, time_text
from pvc_cli.output.cells import Cell, Row

if TYPE_CHECKING:
    from pvc_cli.zk.contenders import Contender

_HEADERS = ("LOCK", "VM", "WHO", "STATE", "SINCE")


@click.command("locks")
@list_options(*_HEADERS, things="places")
@pass_context
def command(context: Context) -> None:
    """Show who holds PVC's locks, and who waits for them.

    These are the locks of the schema, of the primary coordinator, of fencing, and of each VM's state and migration.
    A stuck place in a queue belongs to no session, and blocks those behind it for ever.

    \b
    Example:
      pvc cluster locks
    """
    with connect_to_list(context) as handler:
        found = list_locks(handler)
    output = context.output
    show_records(
        output,
        [(lock, place) for lock in found for place in lock.queue],
        documents=lambda places: map(lock_document, dict.fromkeys(lock for lock, _ in places)),
        names=for_each(lambda pair: pair[0].name),
        headers=_HEADERS,
        rows=rows_of(lambda pair: _row(*pair)),
        nothing="Nobody holds a lock.",
    )
    if any(place.stuck for lock in found for place in lock.queue):
        output.message("What is stuck belongs to no session: remove it with 'pvc schema apply --prune'.")


def _row(lock: LockQueue, place: Contender) -> Row:
    state = Cell("stuck", "red") if place.stuck else _HELD[place.holds]
    return [lock.key, lock.item, place.who or "unknown", state, _since(place)]


def _since(place: Contender) -> Cell:
    """Return since when somebody has a place, and how long that is."""
    text = time_text(place.since)
    return Cell(f"{text} ({age_text(time.time() - place.since)} ago)", value=text) if place.since else Cell(text)


_HELD = {True: Cell("holds", "green"), False: Cell("waits", "yellow"), None: Cell("holds or waits", "yellow")}
