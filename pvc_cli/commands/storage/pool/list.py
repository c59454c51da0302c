import click

from pvc_cli.cluster.resource_documents import storage_document
from pvc_cli.cluster.storage.model import Pool
from pvc_cli.cluster.storage.query import list_pools
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context, pattern_argument
from pvc_cli.commands._common.listing import show_list
from pvc_cli.commands.storage._show import count_text, figure, percent_text, size_text
from pvc_cli.output.writer import Cell, known

_HEADERS = ("NAME", "TIER", "PGS", "VOLUMES", "STORED", "FREE", "FULL", "OBJECTS", "DEGRADED")


@click.command("list")
@pattern_argument
@output_option
@pass_context
def command(context: Context, pattern: str | None) -> None:
    """List pools.

    PATTERN is a regular expression found anywhere in the name.

    \b
    Example:
      pvc storage pool list
    """
    with connect_to_list(context) as handler:
        show_list(
            context.output,
            list_pools(handler, pattern),
            document=storage_document,
            name=lambda pool: pool.name,
            headers=_HEADERS,
            row=_row,
            nothing="No pool matches." if pattern else "No pools.",
        )


def _row(pool: Pool) -> list[str | Cell]:
    share = figure(pool.stats, "used_percent")
    return [
        pool.name,
        known(pool.tier),
        known(pool.pgs),
        str(pool.volume_count),
        size_text(figure(pool.stats, "stored_bytes")),
        size_text(figure(pool.stats, "free_bytes")),
        # Ceph calls it a percentage, and means a share of 1.
        percent_text(None if share is None else 100 * share),
        count_text(pool.stats, "num_objects"),
        count_text(pool.stats, "num_objects_degraded"),
    ]
