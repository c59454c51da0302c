import click

from pvc_cli.cluster.sriov.claims import release
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands.network.sriov.vf._shared import change_each, show_claims, vf_words, vfs_argument


@click.command("release")
@vfs_argument
@click.option("--force", is_flag=True, help="Release it even under a running VM.")
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, words: tuple[str, ...], force: bool, yes: bool, dry_run: bool) -> int:
    """Mark a VF unused.

    Refused while its VM runs on NODE, or migrates from there, and has it in its XML, or has an unreadable one. The
    VM's migration method stays as it is.

    NODE/VF is one word for both, and - reads these from standard input. Of several VFs, each is released by itself.

    \b
    Examples:
      pvc sriov vf release pvchv1 ens1f0v1
      pvc sriov vf release pvchv1/ens1f0v1 --dry-run
    """
    wanted = vf_words(context, words)
    with connect(context) as handler:
        vfs = wanted.find(handler)
        ask_many(Deed("release"), "VFs", [vf.name for vf in vfs], yes=yes, dry_run=dry_run)
        done = change_each(vfs, lambda vf: release(handler, vf, force=force, dry_run=dry_run))
        return show_claims(context.output, handler, done, "released", dry_run=dry_run)
