from dataclasses import replace

import click

from pvc_cli.cluster.controls import Control, Outcome
from pvc_cli.cluster.desired.model import VfWish, Wish
from pvc_cli.cluster.sriov.applied import require_reports, wait_until_applied
from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.commands._common.command import Context, connect, dry_run_option, pass_context, result_option, yes_option
from pvc_cli.commands._common.desired import Limits, apply_state, read_file, state_option
from pvc_cli.commands._common.waits import refuse_in_plan
from pvc_cli.commands.network.sriov._reports import shortfalls
from pvc_cli.commands.network.sriov.vf._shared import wait_option
from pvc_cli.errors import PvcError
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler


@click.command("apply")
@state_option
@wait_option
@yes_option
@dry_run_option
@result_option
@pass_context
def command(context: Context, file: str, wait: float | None, yes: bool, dry_run: bool) -> int:
    """Apply a file of VF settings.

    STATE is a file as for 'pvc apply'; its VMs are left alone. --wait waits and exits as in 'pvc sriov vf set'.

    \b
    Example:
      pvc sriov vf export > vfs.yaml && pvc sriov vf apply -f vfs.yaml --dry-run
    """
    output = context.output
    if wait is not None:
        refuse_in_plan(output)
    state = read_file(context, file)
    if state.vms:
        output.message(f"Left alone: the VMs of {state.source}; 'pvc apply' sets them, too.")
    vfs_alone = state._replace(vms=())
    with connect(context) as handler:
        if wait is None:
            return apply_state(output, handler, vfs_alone, Limits(yes=yes), dry_run=dry_run)
        if not dry_run:
            require_reports(handler)
        patience = wait

        def settle(outcome: Outcome[Wish]) -> Outcome[Wish]:
            return _settle(output, handler, outcome, patience)

        return apply_state(output, handler, vfs_alone, Limits(yes=yes), dry_run=dry_run, settle=settle)


def _settle(output: Output, handler: ZKHandler, outcome: Outcome[Wish], wait: float) -> Outcome[Wish]:
    """Wait for the cards, and return *outcome* with the VFs failed whose cards do not have what was set."""
    settings = {
        one.item.vf: one.item.settings
        for one in outcome.controls
        if isinstance(one.item, VfWish) and one.status in ("changed", "unchanged")
    }
    if not settings:
        return outcome
    output.message("Waiting for the card.")
    short = shortfalls(*wait_until_applied(handler, settings, wait), wait)
    return Outcome(tuple(_tell(one, short) for one in outcome.controls), (*outcome.errors, *short.values()))


def _tell(one: Control[Wish], short: dict[VfRef, PvcError]) -> Control[Wish]:
    """Return what became of a VF, now that its card was waited for; what was written is kept in any case."""
    if not isinstance(one.item, VfWish) or one.status not in ("changed", "unchanged"):
        return one
    if error := short.get(one.item.vf):
        return replace(one, status="failed", detail=str(error))
    return replace(one, detail=f"{one.detail}; the card has it")
