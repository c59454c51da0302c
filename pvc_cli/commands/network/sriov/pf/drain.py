from pathlib import Path

import click

from pvc_cli.cluster.sriov.draining import blocking, read_pf_users
from pvc_cli.cluster.sriov.model import find_pf
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, pass_context, yes_option
from pvc_cli.commands._common.listing import list_options
from pvc_cli.commands._common.values import Seconds
from pvc_cli.commands.network.sriov.agent._agent import config_option
from pvc_cli.commands.network.sriov.pf._draining import HEADERS, count, show_users, still_used, wait
from pvc_cli.commands.network.sriov.pf._named import named_pf
from pvc_cli.commands.network.sriov.pf._resizing import resize_pf
from pvc_cli.errors import EXIT_REFUSED


@click.command("drain")
@click.argument("node", shell_complete=complete.pf_words)
@click.argument("name", metavar="PF", required=False, shell_complete=complete.pfs)
@click.option("--resize", is_flag=True, help="Then give the PF the configured number of VFs; run it on the node.")
@click.option(
    "--wait-timeout", "timeout", type=Seconds(min=0), default=300.0, metavar="SECONDS",
    help="How long to wait, for VMs and then for the card [default: 300].",
)  # fmt: skip
@config_option
@yes_option
@click.option("--dry-run", is_flag=True, help="Show who uses the VFs, and do not wait.")
@list_options(*HEADERS, things="users", takes_several=False)
@pass_context
def command(
    context: Context,
    node: str,
    name: str | None,
    resize: bool,
    timeout: float,
    config: Path | None,
    yes: bool,
    dry_run: bool,
) -> int:
    """Wait until no VM uses a PF's VFs, before they are removed.

    NODE/PF is one word for both. Changes nothing: move or stop the VMs that are shown, and release what is claimed.
    Exit 1 if a VM still uses a VF when the time is over. Meanwhile, VFs can still be claimed.

    With --resize, on the node itself, the VFs are then removed, and the number in its configuration is created, if it
    is another one: by the agent, or without one as by 'pvc sriov agent sync'. VFs get their settings back.

    \b
    Examples:
      pvc sriov pf drain pvchv1 ens1f0 --dry-run
      pvc sriov pf drain pvchv1 ens1f1 --wait-timeout 600
      pvc sriov pf drain pvchv1 ens1f0 --resize
    """
    context.changing = resize and not dry_run
    output = context.output
    node, name = named_pf(node, name)
    with connect(context, pvc_config=config if resize else None) as handler:
        if resize:
            return resize_pf(output, handler, node, name, config, timeout, yes=yes, dry_run=dry_run)
        find_pf(handler, node, name)
        users = read_pf_users(handler, node, name)
        if output.tabular:  # people see for whom it waits; a document says how it ended
            show_users(output, node, name, users)
        if not dry_run:
            users = wait(output, handler, node, name, timeout)
    left = blocking(users)
    if not output.tabular:
        show_users(output, node, name, users)
    if not left:
        output.message(f"{node}/{name}: nobody uses its VFs.")
    elif dry_run:
        output.message(f"{node}/{name}: would wait for {count(left)}.")
    else:
        output.error(f"{node}/{name}: {still_used(left, timeout)}")
    return EXIT_REFUSED if left and not dry_run else 0
