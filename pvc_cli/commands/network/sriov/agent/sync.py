from pathlib import Path

import click

from pvc_cli.agent.figures import pf_figures
from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.commands._common.changes import show_changes
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context
from pvc_cli.commands.network.sriov.agent._agent import config_option, make_agent, node_option
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import known


@click.command("sync")
@node_option
@config_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, node: str | None, config: Path | None, dry_run: bool) -> int:
    """Run one full round of the agent.

    A dry run shows the changes to the tree and to the cards, except those of VFs that would be created first.

    Exit code 1 if a card lacks VFs, a driver refused a setting, or something failed.

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
                changes, actions = agent.plan(handler)
                show_changes(output, changes)
                for action in actions:
                    output.message(f"would set {action}")
                return 0
            needs_retry = agent.reconcile_node(handler)
    pfs = pf_figures(agent.config, agent.memory)
    output.show(
        lambda: {"node": agent.node, "pfs": [pf._asdict() for pf in pfs]},
        names=lambda: [pf.phy for pf in pfs],
        table=lambda: output.table(
            ("PF", "WANTED", "PRESENT", "IN SYNC", "REFUSED"),
            [[pf.phy, str(pf.wanted), str(pf.present), str(pf.in_sync), known(pf.refused)] for pf in pfs],
        ),
    )
    counts = agent.memory.counts()
    output.message(f"{counts}.")
    if needs_retry:
        output.warning("some changes failed, and may succeed later: rerun this command")
    missing = any(pf.present < pf.wanted for pf in pfs)
    return EXIT_REFUSED if missing or needs_retry or counts.refused else 0
