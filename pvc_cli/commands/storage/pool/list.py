import click

from pvc_cli.cluster.resource_documents import storage_document
from pvc_cli.cluster.storage.model import Pool
from pvc_cli.cluster.storage.query import list_pools
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, pattern_argument
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.storage._show import count_cell, figure, percent_cell, size_cell
from pvc_cli.output.cells import Row

_HEADERS = ("NAME", "TIER", "PGS", "VOLUMES", "STORED", "FREE", "FULL", "OBJECTS", "DEGRADED")


@click.command("list")
@pattern_argument
@list_options(*_HEADERS, things="pools")
@pass_context
def command(context: Context, pattern: str | None) -> None:
    """List pools.

    PATTERN is a regular expression found anywhere in the name.

    \b
    Example:
      pvc storage pool list
    """
    with connect_to_list(context) as handler:
        show_records(
            context.output,
            list_pools(handler, pattern),
            documents=for_each(storage_document),
            names=for_each(lambda pool: pool.name),
            headers=_HEADERS,
            rows=rows_of(_row),
            nothing="No pool matches." if pattern else "No pools.",
        )


def _row(pool: Pool) -> Row:
    share = figure(pool.stats, "used_percent")
    return [
        pool.name,
        pool.tier,
        pool.pgs,
        pool.volume_count,
        size_cell(figure(pool.stats, "stored_bytes")),
        size_cell(figure(pool.stats, "free_bytes")),
        # Ceph calls it a percentage, and means a share of 1.
        percent_cell(None if share is None else 100 * share),
        count_cell(pool.stats, "num_objects"),
        count_cell(pool.stats, "num_objects_degraded"),
    ]
