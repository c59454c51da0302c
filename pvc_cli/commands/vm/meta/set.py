from collections.abc import Sequence

import click

from pvc_cli.cluster.vms.metadata import (
    METHODS,
    MOST_MS,
    NODE_SELECTORS,
    MetadataChange,
    check_metadata,
    plan_metadata,
)
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import (
    Context,
    connect,
    dry_run_option,
    options_into,
    output_option,
    pass_context,
    yes_option,
)
from pvc_cli.commands._common.held import held
from pvc_cli.commands._common.node_limits import warn_of_limits
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands._common.selecting import Selection, chosen_vms, confirm_many, named_vms, vms_options
from pvc_cli.commands._common.values import Number
from pvc_cli.errors import InvalidInputError, NotFoundError, quoted
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

_VALUES = ("yes", "no", "true", "false", "on", "off", "1", "0")


def _nodes(_context: click.Context, _parameter: click.Parameter, given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(dict.fromkeys(filter(None, (part.strip() for part in given.split(",")))))


@click.command("set")
@vms_options()
@options_into(
    MetadataChange,
    "change",
    click.option(
        "--limit", "node_limit", metavar="NODE,…", callback=_nodes, shell_complete=complete.listed_nodes,
        help="Nodes that it may run on; empty for all.",
    ),
    click.option("--node-selector", type=click.Choice(NODE_SELECTORS), help="How PVC chooses a node for it."),
    click.option("--autostart/--no-autostart", "node_autostart", default=None, help="Start it when its node starts."),
    click.option("--method", "migration_method", type=click.Choice(METHODS), help="How it is migrated."),
    click.option(
        "--max-downtime", "migration_max_downtime", type=Number(min=0, max=MOST_MS), metavar="MS",
        help="Longest downtime of a live migration.",
    ),
    click.option("--profile", metavar="PROFILE", help="The provisioner's profile."),
)  # fmt: skip
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, selection: Selection, change: MetadataChange, dry_run: bool) -> int:
    """Set the metadata of VMs.

    VMs are selected as in 'pvc vm start'.

    \b
    Examples:
      pvc vm meta set db-01 --limit pvchv1,pvchv3 --node-selector memprov
      pvc vm meta set -g production --autostart --dry-run
    """
    names = named_vms(context, selection)
    if change == MetadataChange():
        raise click.UsageError("expected something to set, such as --limit or --autostart")
    if change.profile == "-":
        raise InvalidInputError("'-' is not a profile: give its name")
    with connect(context) as handler:
        check_metadata(handler, change)
        vms = _chosen_vms(context.output, handler, names, selection, change)
        warn_of_limits(context.output, handler, dict.fromkeys(vms, change.node_limit or ()))
        confirm_many(Deed("set metadata of"), vms, selection, dry_run=dry_run)
        return carry_out(context.output, handler, vms, held(plan_metadata(change), selection), dry_run=dry_run)


def _chosen_vms(
    output: Output, handler: ZKHandler, names: Sequence[str], selection: Selection, change: MetadataChange
) -> list[VmRef]:
    """Return the VMs to change.

    :raises InvalidInputError: if what names no VM was meant as the value of a switch.
    """
    try:
        return chosen_vms(output, handler, names, selection)
    except NotFoundError:
        if change.node_autostart is not None and (values := [name for name in names if name.lower() in _VALUES]):
            raise InvalidInputError(
                f"--autostart takes no value such as {quoted(values[0])}: use --autostart or --no-autostart"
            ) from None
        raise
