import click

from pvc_cli.cluster.sriov.claims import release
from pvc_cli.cluster.sriov.model import find_vfs
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context
from pvc_cli.commands.network.sriov.vf._shared import one_name, show_claim


@click.command("release")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@click.option("--force", is_flag=True, help="Release it even under a running VM.")
@dry_run_option
@output_option
@pass_context
def command(context: Context, node: str, name: str, force: bool, dry_run: bool) -> None:
    """Mark a VF unused.

    Refused while its VM runs on NODE, or migrates from there, and has it in its XML, or has an unreadable one. The
    VM's migration method stays as it is.

    \b
    Example:
      pvc sriov vf release pvchv1 ens1f0v1
    """
    with connect(context) as handler:
        (vf,) = find_vfs(handler, node, [one_name(name)])
        transaction = release(handler, vf, force=force, dry_run=dry_run)
        show_claim(context.output, handler, transaction, vf, "released", dry_run=dry_run)
