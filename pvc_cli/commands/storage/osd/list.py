import click

from pvc_cli.cluster.resource_documents import storage_document
from pvc_cli.cluster.storage.model import Osd
from pvc_cli.cluster.storage.query import list_osds
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, pattern_argument
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.storage._show import count_cell, figure, percent_cell, size_cell
from pvc_cli.output.cells import Cell, Row, flag_cell, optional_cell

_HEADERS = ("ID", "NODE", "DEVICE", "DB DEV", "UP", "IN", "SIZE", "USED", "FREE", "FULL", "PGS")
_KIB = 1024


@click.command("list")
@pattern_argument
@list_options(*_HEADERS, things="OSDs")
@pass_context
def command(context: Context, pattern: str | None) -> None:
    """List OSDs.

    PATTERN is a regular expression found anywhere in the ID.

    \b
    Examples:
      pvc storage osd list
      pvc storage osd list '^1$' -o json
    """
    with connect_to_list(context) as handler:
        show_records(
            context.output,
            list_osds(handler, pattern),
            documents=for_each(storage_document),
            names=for_each(lambda osd: osd.id),
            headers=_HEADERS,
            rows=rows_of(_row),
            nothing="No OSD matches." if pattern else "No OSDs.",
        )


def _row(osd: Osd) -> Row:
    stats = osd.stats
    size = figure(stats, "kb")
    return [
        osd.id,
        osd.node,
        osd.device,
        optional_cell(osd.db_device),
        _flag(osd, "up"),
        _flag(osd, "in"),
        size_cell(size, unit=_KIB),
        _space(osd, "used", "kb_used"),
        _space(osd, "avail", "kb_avail"),
        # Of an unknown size, PVC's 0 % says nothing.
        percent_cell(None if size is None else figure(stats, "utilization")),
        count_cell(stats, "pgs"),
    ]


def _flag(osd: Osd, name: str) -> Cell:
    value = figure(osd.stats, name)
    return flag_cell(None if value is None else bool(value), colours=("red", "green"))


def _space(osd: Osd, text: str, number: str) -> Cell:
    """Return a size: Ceph's number, in KiB, or else what PVC keeps with a unit of its own."""
    value = (osd.stats or {}).get(text)
    size = size_cell(figure(osd.stats, number), unit=_KIB)
    return Cell(value) if size.value is None and isinstance(value, str) else size
