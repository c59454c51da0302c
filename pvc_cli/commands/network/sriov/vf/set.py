"""``pvc network sriov vf set``."""

from __future__ import annotations

import click

from pvc_cli.cluster.documents import settings_document
from pvc_cli.cluster.sriov.model import VfConfig, find_vfs
from pvc_cli.cluster.sriov.settings import check_config, set_configs
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.changes import show_changes
from pvc_cli.commands._common.options import dry_run_option, options_into, output_option, pass_context
from pvc_cli.connections.session import connect
from pvc_cli.context import Context
from pvc_cli.output.writer import Format, known

_rate = click.IntRange(0, 2**31 - 1)


@click.command("set")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@options_into(
    VfConfig,
    "config",
    click.option("--vlan-id", type=click.IntRange(0, 4094), help="The VLAN; 0 is none."),
    click.option("--qos-prio", "vlan_qos", type=click.IntRange(0, 7), help="The priority in the VLAN."),
    click.option(
        "--tx-min",
        "tx_rate_min",
        type=_rate,
        metavar="MBPS",
        help="The rate that it may always send at, in Mbit/s.",
    ),
    click.option(
        "--tx-max",
        "tx_rate_max",
        type=_rate,
        metavar="MBPS",
        help="The rate that it may send at most, in Mbit/s; 0 is no limit.",
    ),
    click.option(
        "--link-state", type=click.Choice(("auto", "enable", "disable")), help="Its link: the PF's, or up, or down."
    ),
    click.option("--spoof-check/--no-spoof-check", default=None, help="Drop what it sends under another MAC."),
    click.option("--trust/--no-trust", default=None, help="Let it change its MAC and see all traffic."),
    click.option("--query-rss/--no-query-rss", default=None, help="Let it read the card's RSS configuration."),
)
@dry_run_option
@output_option
@pass_context
def command(context: Context, node: str, name: str, config: VfConfig, dry_run: bool, style: Format) -> None:
    """Change settings of virtual functions; what is not given stays.

    VF is a name, a list with commas, a pattern in quotes, or - for names from standard input. All is written
    together, or nothing; the agent on NODE applies it to the card.

    \b
    Examples:
      pvc sriov vf set pvchv1 ens1f0v1 --vlan-id 101 --qos-prio 2
      pvc sriov vf set pvchv1 'ens1f0v*' --tx-max 1000 --no-trust --dry-run
    """
    output = context.output
    check_config(config)
    names = context.names([name])
    with connect(context) as handler:
        vfs = find_vfs(handler, node, names)
        transaction, changed = set_configs(handler, vfs, config, dry_run=dry_run)
    if dry_run:
        show_changes(output, style, transaction.changes)
    elif style != "table":
        output.show(
            style,
            lambda: settings_document(vfs, changed),
            names=lambda: dict.fromkeys(setting.vf.phy for setting in changed),
            table=str,
        )
    would = "would change" if dry_run else "changed"
    for vf in vfs:
        done = [f"{s.name} {known(s.old)} -> {s.new}" for s in changed if s.vf == vf]
        output.message(f"{node} {vf.phy}: {f'{would} ' + ', '.join(done) if done else 'unchanged: already set'}.")
