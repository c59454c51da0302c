import click

from pvc_cli.cluster.sriov.claims import check_mac, claim
from pvc_cli.cluster.sriov.model import find_vfs
from pvc_cli.cluster.sriov.users import CLAIM_TYPES, ClaimType
from pvc_cli.cluster.vms.query import find
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context
from pvc_cli.commands.network.sriov.vf._shared import one_name, show_claim
from pvc_cli.errors import quoted


@click.command("claim")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@click.argument("vm", shell_complete=complete.vms)
@click.option("--mac", help="MAC address of the VM's interface [default: from its XML].")
@click.option(
    "--type",
    "kind",
    type=click.Choice(CLAIM_TYPES),
    help="How the VM uses the VF [default: from its XML, else direct].",
)
@click.option("--force", is_flag=True, help="Claim it even if another VM uses it without a claim, or may do so.")
@dry_run_option
@output_option
@pass_context
def command(
    context: Context,
    node: str,
    name: str,
    vm: str,
    mac: str | None,
    kind: ClaimType | None,
    force: bool,
    dry_run: bool,
) -> None:
    """Assign a VF to a VM (atomic).

    Of several claims at once, exactly one succeeds. Refused if another VM on NODE runs with it, or may: PVC claims no
    VF when it defines a VM. A VM that uses the VF as hostdev cannot be migrated live: its migration method becomes
    shutdown.

    \b
    Example:
      pvc sriov vf claim pvchv1 ens1f0v1 web-01 --type hostdev
    """
    if mac is not None:
        check_mac(mac)
    with connect(context) as handler:
        (vf,) = find_vfs(handler, node, [one_name(name)])
        (holder,) = find(handler, [one_name(vm)])
        at = handler.read(("domain.node", holder.uuid))
        transaction = claim(handler, vf, holder, mac=mac, kind=kind, force=force, dry_run=dry_run)
        if at != node:
            context.output.warning(f"VM {holder.name} is on node {quoted(at or '')}, not on {node}")
        show_claim(context.output, handler, transaction, vf, f"claimed for {holder.name}", dry_run=dry_run)
