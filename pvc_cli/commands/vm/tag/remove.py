"""``pvc vm tag remove``."""

from __future__ import annotations

import click

from pvc_cli.cluster.vms.tagging import plan_remove
from pvc_cli.commands._common.options import dry_run_option, output_option, pass_context
from pvc_cli.commands.vm.tag._change import Selection, carry_out, chosen_vms, selection_options, split_words
from pvc_cli.connections.session import connect
from pvc_cli.context import Context
from pvc_cli.output.writer import Format


@click.command("remove")
@selection_options
@click.option("--force", is_flag=True, help="Remove protected and system tags, too.")
@click.option("--if-exists", is_flag=True, help="A VM that has no such tag is fine.")
@dry_run_option
@output_option
@pass_context
def command(
    context: Context,
    selection: Selection,
    force: bool,
    if_exists: bool,
    dry_run: bool,
    style: Format,
) -> int:
    """Take tags off virtual machines.

    VM, and the options instead of it, are those of 'pvc vm tag add'. A protected or a system tag stays
    without --force.

    \b
    Examples:
      pvc vm tag remove web-01 blue
      pvc vm tag remove -g old old --force
    """
    vms, tags = split_words(context, selection)
    plan = plan_remove(tags, force=force, if_exists=if_exists)
    with connect(context) as handler:
        return carry_out(context, handler, chosen_vms(handler, vms, selection), plan, dry_run=dry_run, style=style)
