import click

from pvc_cli.cluster.resource_documents import storage_document
from pvc_cli.cluster.storage.model import Snapshot
from pvc_cli.cluster.storage.query import find_place, list_snapshots
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.storage._show import figure, size_cell
from pvc_cli.commands.storage.volume._place import pool_option
from pvc_cli.output.cells import Row

_HEADERS = ("POOL", "VOLUME", "SNAPSHOT", "SIZE")


@click.command("list")
@click.argument("words", metavar="[POOL] [VOLUME] [PATTERN]", nargs=-1, shell_complete=complete.pools_and_volumes)
@pool_option
@list_options(*_HEADERS, things="snapshots")
@pass_context
def command(context: Context, words: tuple[str, ...], pool: str | None) -> None:
    """List the snapshots of VOLUME, of POOL, or of all volumes.

    PATTERN is a regular expression found anywhere in the snapshot's name. A last word that does not name a pool, or a
    volume of POOL, is a PATTERN.

    \b
    Examples:
      pvc storage volume snapshot list vms db-01_root
      pvc storage snapshot list nightly -o name
    """
    with connect_to_list(context) as handler:
        place = find_place(handler, words, pool, volumes=True)
        show_records(
            context.output,
            list_snapshots(handler, place.pool, place.volume, place.pattern),
            documents=for_each(storage_document),
            names=for_each(lambda found: f"{found.pool}/{found.volume}@{found.snapshot}"),
            headers=_HEADERS,
            rows=rows_of(_row),
            nothing="No snapshot matches." if place.pattern else "No snapshots.",
        )


def _row(found: Snapshot) -> Row:
    return [found.pool, found.volume, found.snapshot, size_cell(figure(found.stats, "size"))]
