from pathlib import Path

import click

from pvc_cli.agent.documents import cards_document, sync_document
from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.agent.status import report_of
from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.sriov.report import PfReport
from pvc_cli.commands._common.command import (
    Context,
    connect,
    dry_run_option,
    never_asks_option,
    output_option,
    pass_context,
)
from pvc_cli.commands._common.dry_run import refuse_plan, show_dry_run
from pvc_cli.commands.network.sriov.agent._agent import config_option, make_agent, node_option
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.cells import Row

_HEADERS = ("PF", "WANTED", "PRESENT", "IN SYNC", "REFUSED", "DRIFTED", "ORPHANED")


@click.command("sync")
@node_option
@config_option
@click.option("--prune", is_flag=True, help="Remove orphaned PFs and VFs from the tree, even used ones.")
@never_asks_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, node: str | None, config: Path | None, prune: bool, dry_run: bool) -> int:
    """Run one full round of the agent.

    A dry run shows the changes to the tree and to the cards, and what would still be wrong. Stop a running agent
    first: a node has only one. What a round finds is shown here only; 'vf list' and 'agent status' show what a
    running agent reports.

    Exit code 1 if VFs are missing, a driver refused a setting, the configuration has an unknown key or no device, or
    something failed. A dry run cannot tell what drivers will refuse.

    \b
    Examples:
      pvc sriov agent sync --dry-run
      pvc sriov agent sync
    """
    output = context.output
    with LinuxKernel() as kernel:
        agent = make_agent(kernel, node, config)
        with connect(context, pvc_config=config) as handler:
            if dry_run:
                refuse_plan(output)
                transactions, steps = agent.plan(handler, prune=prune)
                report = report_of(agent)
                parts = [Part(agent.node, transaction) for transaction in transactions]
                show_dry_run(
                    output,
                    handler,
                    parts,
                    lambda: {"cards": cards_document(steps), "problems": report.problems},
                    lambda: [change.path for part in parts for change in part.transaction.changes],
                )
                for step in steps:
                    output.message(f"would set {step}")
                if report.problems or any(vf.refused for vf in report.vfs.values()):
                    output.error(report.message)
                    return EXIT_REFUSED
                return 0
            needs_retry = agent.reconcile_node(handler, prune=prune)
    report = report_of(agent)
    output.show(
        lambda: {"node": agent.node} | sync_document(report, agent.done),
        names=lambda: list(report.vfs),
        table=lambda: output.table(_HEADERS, [_row(phy, pf) for phy, pf in report.pfs.items()]),
    )
    if not report.healthy:
        output.message("Shown here only: 'pvc sriov agent status' and 'vf list' show what a running agent reports.")
    if report.healthy and not needs_retry:
        output.message(f"{report.message}.")
        return 0
    retry = "; some changes failed, and may succeed later: rerun this command" if needs_retry else ""
    output.error(f"{report.message}{retry}")
    return EXIT_REFUSED


def _row(phy: str, pf: PfReport) -> Row:
    return [phy, pf.wanted, pf.present, pf.in_sync, pf.refused, pf.drifted, pf.orphaned]
