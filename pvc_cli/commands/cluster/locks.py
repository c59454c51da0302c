from __future__ import annotations

import click

from pvc_cli.cluster.locks import LockQueue, list_locks
from pvc_cli.cluster.server_documents import lock_document
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.commands._common.times import time_text
from pvc_cli.output.writer import Cell, Row

_HEADERS = ("LOCK", "VM", "WHO", "STATE", "SINCE")


@click.command("locks")
@output_option
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
    output.show(
        lambda: map(lock_document, found),
        names=lambda: [lock.name for lock in found],
        table=lambda: output.table(_HEADERS, [row for lock in found for row in _rows(lock)]),
    )
    if not found:
        output.message("Nobody holds a lock.")
    if any(place.stuck for lock in found for place in lock.queue):
        output.message("What is stuck belongs to no session: remove it with 'pvc schema apply --prune'.")


def _rows(lock: LockQueue) -> list[Row]:
    rows: list[Row] = []
    for place in lock.queue:
        state = Cell("stuck", "red") if place.stuck else _HELD[place.holds]
        rows.append([lock.key, lock.item, place.who or "unknown", state, time_text(place.since)])
    return rows


_HELD = {True: Cell("holds", "green"), False: Cell("waits", "yellow"), None: Cell("holds or waits", "yellow")}
