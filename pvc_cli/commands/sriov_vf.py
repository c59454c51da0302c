"""``pvc sriov vf``: look at virtual functions and configure them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pvc_cli.commands import complete
from pvc_cli.commands.changes import show_changes
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import dry_run_option, output_option, pass_context, watch_option
from pvc_cli.commands.watching import turns
from pvc_cli.context import Context
from pvc_cli.output import Cell, Format, Output, known

if TYPE_CHECKING:
    from pvc_cli.cluster.sriov.functions import Vf, VfConfig
    from pvc_cli.zk import ZKHandler
    from pvc_cli.zk.watch import Watcher

_HEADERS = ("NODE", "VF", "VLAN", "QOS", "TX MIN", "TX MAX", "LINK", "SPOOF", "TRUST", "RSS", "USED BY")
_WORDS = {True: "on", False: "off"}


@click.group(
    cls=LazyGroup,
    lazy={
        "audit": ("pvc_cli.commands.sriov_claim:audit", "Compare claims with what the VMs really use."),
        "claim": ("pvc_cli.commands.sriov_claim:claim", "Note that a VM uses a virtual function."),
        "release": ("pvc_cli.commands.sriov_claim:release", "Note that nobody uses a virtual function."),
    },
)
def vf() -> None:
    """Configure virtual functions, and say which VM uses which."""


@vf.command("list")
@click.argument("node", required=False, shell_complete=complete.nodes)
@click.argument("pf", required=False, shell_complete=complete.pfs)
@click.option("--used/--unused", default=None, help="Only those that a VM uses, or that none does.")
@watch_option
@output_option
@pass_context
def list_(context: Context, node: str | None, pf: str | None, used: bool | None, watch: bool, style: Format) -> None:
    """List the virtual functions of NODE, or of all nodes; with PF, only that one's.

    \b
    Examples:
      pvc sriov vf list
      pvc sriov vf list pvchv1 ens1f0 --unused -o name
    """
    from pvc_cli.cluster.sriov.functions import find_pf, list_vfs, user_names

    def arm(handler: ZKHandler, watcher: Watcher) -> None:
        from pvc_cli.cluster.sriov.functions import WATCHED_KEYS

        nodes = [node] if node else handler.children("base.node") or []
        watcher.watch(children=["base.node", *(("node.sriov.vf", name) for name in nodes)])
        vfs = list_vfs(handler, node, pf)
        watcher.watch(values=[("node.sriov.vf", vf.node, key, vf.phy) for vf in vfs for key in WATCHED_KEYS])

    with context.connect() as handler:
        if node and pf:
            find_pf(handler, node, pf)
        with turns(context.output, handler, arm, style, watch=watch) as each:
            for _ in each:
                found = [vf for vf in list_vfs(handler, node, pf) if used in (None, vf.used)]
                _show_list(context.output, found, user_names(handler, found) if style == "table" else {}, style)


def _show_list(output: Output, vfs: list[Vf], users: dict[str, str], style: Format) -> None:
    from pvc_cli.cluster.documents import vf_document

    output.show(
        style,
        lambda: [vf_document(vf) for vf in vfs],
        names=lambda: dict.fromkeys(vf.phy for vf in vfs),
        table=lambda: output.table(_HEADERS, [[vf.node, vf.phy, *_cells(vf.config), _user(vf, users)] for vf in vfs]),
    )
    if not vfs:
        output.message("No VFs.")


def _cells(config: VfConfig) -> list[str | Cell]:
    return [
        known(config.vlan_id),
        known(config.vlan_qos),
        known(config.tx_rate_min),
        known(config.tx_rate_max),
        known(config.link_state),
        _word(config.spoof_check),
        _word(config.trust),
        _word(config.query_rss),
    ]


def _user(vf: Vf, users: dict[str, str]) -> str | Cell:
    return users.get(vf.used_by, "?") if vf.used else Cell("free", "green")


@vf.command("info")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@output_option
@pass_context
def info(context: Context, node: str, name: str, style: Format) -> None:
    """Show all that is known of a virtual function.

    On the node itself, and with the agent's extra installed, each setting is shown beside what the kernel says
    it is; a driver may not say so of all.

    \b
    Example:
      pvc sriov vf info pvchv1 ens1f0v0
    """
    from pvc_cli.agent.actual import read_actual
    from pvc_cli.cluster.documents import vf_document
    from pvc_cli.cluster.sriov.functions import find_vfs, user_names

    output = context.output
    names = context.names([name])
    with context.connect() as handler:
        found = find_vfs(handler, node, names)
        users = user_names(handler, found) if style == "table" else {}
    actual = read_actual(found)
    documents = [vf_document(vf, actual.get(vf.phy)) for vf in found]
    output.show(
        style,
        lambda: documents[0] if len(documents) == 1 and names == [documents[0]["phy"]] else documents,
        names=lambda: [vf.phy for vf in found],
        table=lambda: "\n\n".join(_details(output, vf, users, actual.get(vf.phy)) for vf in found),
    )


def _details(output: Output, vf: Vf, users: dict[str, str], actual: VfConfig | None) -> str:
    from pvc_cli.cluster.sriov.functions import SETTINGS

    fields = output.fields(
        [
            ("Node", vf.node),
            ("VF", vf.phy),
            ("PF", vf.pf),
            ("PCI address", str(vf.pci) or "?"),
            ("MTU", known(vf.mtu)),
            ("MAC", vf.mac if vf.mac == vf.phy_mac else f"{vf.mac} (of the card: {vf.phy_mac})"),
            ("Used by", f"{users.get(vf.used_by, '?')} {vf.used_by}" if vf.used else Cell("nobody", "green")),
        ]
    )
    rows: list[list[str | Cell]] = []
    for setting in SETTINGS:
        wanted, is_ = (None if config is None else getattr(config, setting) for config in (vf.config, actual))
        same = is_ in (None, wanted)
        rows.append([setting, _word(wanted), *([Cell(_word(is_), "" if same else "red")] if actual else [])])
    headers = ("SETTING", "WANTED", "ACTUAL") if actual else ("SETTING", "WANTED")
    return f"{fields}\n\n{output.table(headers, rows)}"


def _word(value: object) -> str:
    return _WORDS[value] if isinstance(value, bool) else known(value)


@vf.command("set")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@click.option("--vlan-id", type=click.IntRange(0, 4094), help="The VLAN; 0 is none.")
@click.option("--qos-prio", "vlan_qos", type=click.IntRange(0, 7), help="The priority in the VLAN.")
@click.option(
    "--tx-min",
    "tx_rate_min",
    type=click.IntRange(0, 2**31 - 1),
    metavar="MBPS",
    help="The rate that it may always send at, in Mbit/s.",
)
@click.option(
    "--tx-max",
    "tx_rate_max",
    type=click.IntRange(0, 2**31 - 1),
    metavar="MBPS",
    help="The rate that it may send at most, in Mbit/s; 0 is no limit.",
)
@click.option(
    "--link-state", type=click.Choice(("auto", "enable", "disable")), help="Its link: the PF's, or up, or down."
)
@click.option("--spoof-check/--no-spoof-check", default=None, help="Drop what it sends under another MAC.")
@click.option("--trust/--no-trust", default=None, help="Let it change its MAC and see all traffic.")
@click.option("--query-rss/--no-query-rss", default=None, help="Let it read the card's RSS configuration.")
@dry_run_option
@output_option
@pass_context
def set_(
    context: Context,
    /,
    node: str,
    name: str,
    dry_run: bool,
    style: Format,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Change settings of virtual functions; what is not given stays.

    VF is a name, a list with commas, a pattern in quotes, or - for names from standard input. All is written
    together, or nothing; the agent on NODE applies it to the card.

    \b
    Examples:
      pvc sriov vf set pvchv1 ens1f0v1 --vlan-id 101 --qos-prio 2
      pvc sriov vf set pvchv1 'ens1f0v*' --tx-max 1000 --no-trust --dry-run
    """
    from pvc_cli.cluster.documents import settings_document
    from pvc_cli.cluster.sriov.functions import VfConfig, find_vfs
    from pvc_cli.cluster.sriov.settings import check_config, set_configs

    output = context.output
    config = VfConfig(**settings)
    check_config(config)
    names = context.names([name])
    with context.connect() as handler:
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
        output.message(
            f"{node} {vf.phy}: {f'{would} ' + ', '.join(done) if done else 'unchanged: it is already so'}."
        )
