from functools import partial

import click

from pvc_cli.cluster.vms.disable import ONCE_STOPPED, disable
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.held import held
from pvc_cli.commands._common.outcomes import show_outcome
from pvc_cli.commands._common.progress import Deed, progress_bar
from pvc_cli.commands._common.selecting import Selection, chosen_vms, confirm_many, named_vms, vms_options
from pvc_cli.commands._common.values import Seconds
from pvc_cli.commands._common.waits import refuse_in_sandbox


@click.command("disable")
@vms_options()
@click.option("--force", is_flag=True, help="Stop running VMs at once; disable others whatever their state is.")
@click.option(
    "--wait-timeout", type=Seconds(min=0), default=300.0, metavar="SECONDS",
    help="How long to wait for VMs that shut down [default: 300].",
)  # fmt: skip
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, selection: Selection, force: bool, wait_timeout: float, dry_run: bool) -> int:
    """Disable VMs: they are not started until someone starts them.

    VMs are selected as in 'pvc vm start'. A running VM is shut down first, and disabled once it has stopped.

    \b
    Example:
      pvc vm disable lab-02 --dry-run
    """
    names, output = named_vms(context, selection), context.output
    with connect(context) as handler:
        vms = chosen_vms(output, handler, names, selection)
        if vms and not (dry_run or force):
            refuse_in_sandbox(handler, "use --force to stop running VMs at once")
        confirm_many(Deed("disable"), vms, selection, dry_run=dry_run)
        with progress_bar(output, shown=bool(vms) and not (dry_run or force)) as progress:
            outcome = disable(
                handler,
                vms,
                held=partial(held, selection=selection),
                force=force,
                timeout=wait_timeout,
                dry_run=dry_run,
                on_progress=progress,
                on_wait=output.message,
            )
        if dry_run and (running := sum(one.detail == ONCE_STOPPED for one in outcome.controls)):
            vms_are = "1 running VM" if running == 1 else f"{running} running VMs"
            output.message(f"Dry run: {vms_are} would be shut down first, and disabled once stopped.")
        return show_outcome(output, handler, outcome, dry_run=dry_run)
