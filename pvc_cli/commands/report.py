from __future__ import annotations

import sys
from pathlib import Path

import click

from pvc_cli.cluster.overview import read_overview
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.file_names import OutputFile
from pvc_cli.connections.resolve import resolve
from pvc_cli.files import cannot_write, write_file
from pvc_cli.report.page import render_report


@click.command("report")
@click.argument("file", type=OutputFile(allow_dash=True))
@click.option("--title", metavar="NAME", help="Name of the cluster on the page [default: its connection or servers].")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@pass_context
def command(context: Context, file: str, title: str | None, overwrite: bool) -> None:
    """Write a page on the whole cluster to FILE, as HTML.

    It shows health, problems, nodes, VMs, the SR-IOV map, faults, schema versions and ZooKeeper. It needs no network
    and loads nothing. Use - as FILE for standard output. A new file is readable only by its owner; one that is
    replaced keeps its owner and mode.

    \b
    Examples:
      pvc report cluster.html
      pvc report --title lab --overwrite cluster.html
    """
    name = title or context.connection or resolve(context.connection, context.coordinators).label
    with connect_to_list(context) as handler:
        page = render_report(read_overview(handler), name)
        context.output.end_wait()
        if file == "-":
            sys.stdout.writelines(page)
            return
        try:
            write_file(Path(file), page, overwrite=overwrite)
        except OSError as error:
            raise cannot_write(file, error) from None
    context.output.message(f"Report written to {file}.")
