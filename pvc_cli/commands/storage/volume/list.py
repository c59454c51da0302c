import click

from pvc_cli.cluster.resource_documents import storage_document
from pvc_cli.cluster.storage.model import Volume
from pvc_cli.cluster.storage.query import find_place, list_volumes
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.storage._show import count_cell, figure, size_cell
from pvc_cli.commands.storage.volume._place import pool_option
from pvc_cli.output.cells import Row, list_cell

_HEADERS = ("POOL", "NAME", "SIZE", "OBJECTS", "SNAPSHOTS", "FEATURES")


@click.command("list")
@click.argument("words", metavar="[POOL] [PATTERN]", nargs=-1, shell_complete=complete.pools)
@pool_option
@list_options(*_HEADERS, things="volumes")
@pass_context
def command(context: Context, words: tuple[str, ...], pool: str | None) -> None:
    """List the volumes of POOL, or of all pools.

    PATTERN is a regular expression found anywhere in the volume's name. A single word that does not name a pool is a
    PATTERN.

    \b
    Examples:
      pvc storage volume list vms
      pvc storage volume list '^db-' -o name
      pvc storage volume list --count-by pool
    """
    with connect_to_list(context) as handler:
        place = find_place(handler, words, pool)
        show_records(
            context.output,
            list_volumes(handler, place.pool, place.pattern),
            documents=for_each(storage_document),
            names=for_each(lambda volume: f"{volume.pool}/{volume.name}"),
            headers=_HEADERS,
            rows=rows_of(_row),
            nothing="No volume matches." if place.pattern else "No volumes.",
        )


def _row(volume: Volume) -> Row:
    stats = volume.stats or {}
    features = stats.get("features")
    return [
        volume.pool,
        volume.name,
        size_cell(figure(stats, "size")),
        count_cell(stats, "objects"),
        count_cell(stats, "snapshot_count"),
        list_cell(features) if isinstance(features, list) else None,
    ]
