from collections.abc import Callable, Iterable, Mapping, Sequence

import click

from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.sriov.agents import read_agents
from pvc_cli.cluster.sriov.applied import Applied, require_reports, wait_until_applied
from pvc_cli.cluster.sriov.documents import settings_document
from pvc_cli.cluster.sriov.model import Value, VfRef
from pvc_cli.cluster.sriov.settings import LINK_STATES, RANGES, Setting, change_settings, check_settings
from pvc_cli.cluster.sriov.usage import read_holders
from pvc_cli.commands._common.agents import SET_IS_KEPT, warn_of_agents
from pvc_cli.commands._common.command import (
    Command,
    Context,
    connect,
    dry_run_option,
    output_option,
    pass_context,
    yes_option,
)
from pvc_cli.commands._common.dry_run import show_dry_run
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands._common.refusals import dry_run_mark, say_counts
from pvc_cli.commands._common.values import Number
from pvc_cli.commands._common.waits import refuse_in_plan
from pvc_cli.commands.network.sriov._reports import shortfalls, show_applied
from pvc_cli.commands.network.sriov.vf._shared import vf_words, vfs_argument, wait_option, written_word
from pvc_cli.errors import printable
from pvc_cli.output.writer import Output

_FEW = 10
"""How many VFs are named one by one although nothing is to be changed on them."""
_SHOWN = 3
"""So many VMs stand for all in a question."""


def _number(option: str, name: str, text: str, metavar: str | None = None) -> Callable[[Command], Command]:
    return click.option(option, name, type=Number(0, RANGES[name]), metavar=metavar, help=text)


@click.command("set")
@vfs_argument
@_number("--vlan-id", "vlan_id", "VLAN ID; 0 for none.")
@_number("--qos-prio", "vlan_qos", "Priority in the VLAN.")
@_number("--tx-min", "tx_rate_min", "Guaranteed transmit rate, in Mbit/s.", "MBPS")
@_number("--tx-max", "tx_rate_max", "Maximum transmit rate, in Mbit/s; 0 for no limit.", "MBPS")
@click.option("--link-state", type=click.Choice(LINK_STATES), help="Link: follow the PF's, or force it up or down.")
@click.option("--spoof-check/--no-spoof-check", default=None, help="Drop packets sent with another MAC address.")
@click.option("--trust/--no-trust", default=None, help="Let the VM change the MAC and see all traffic.")
@click.option("--query-rss/--no-query-rss", default=None, help="Let the VM read the card's RSS configuration.")
@yes_option
@wait_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context, /, words: tuple[str, ...], wait: float | None, yes: bool, dry_run: bool, **given: Value | None
) -> int:
    """Change settings of VFs; omitted ones stay.

    VF is a name, a list with commas, a pattern in quotes, or - for names from standard input. NODE/VF is one word for
    both. All changes are written together or not at all; the agent of the node applies them to the card.

    With --wait, exit 1 if the driver refuses a setting, 4 if the agent does not answer in time, and 5 if another
    client changed a setting again. A node that is down or never had an agent is not waited for: exit 4. In all cases
    but 5, what was written is kept, and applied once that is possible.

    \b
    Examples:
      pvc sriov vf set pvchv1 ens1f0v1 --vlan-id 101 --qos-prio 2
      pvc sriov vf set pvchv1 'ens1f0v*' --tx-max 1000 --no-trust --dry-run
      pvc sriov vf list --unused -o name | pvc sriov vf set - --no-trust
    """
    output = context.output
    if wait is not None:
        refuse_in_plan(output)
    settings = check_settings(given)
    wanted = vf_words(context, words)
    with connect(context) as handler:
        vfs = wanted.find(handler)
        if wait is not None and not dry_run:
            require_reports(handler)
        holders = read_holders(handler, vfs)
        deed = Deed("change settings of", _in_use(holders))
        ask_many(deed, "VFs", [vf.name for vf in vfs], yes=yes, dry_run=dry_run)
        transaction, changed = change_settings(handler, vfs, settings, dry_run=dry_run)

        def set_vfs() -> Iterable[str]:
            return dict.fromkeys(setting.vf.name for setting in changed)

        agents = read_agents(handler, [vf.node for vf in vfs]) if handler.is_live else {}
        if dry_run:
            parts = [Part(", ".join(f"{vf.node}/{vf.phy}" for vf in vfs), transaction)]
            show_dry_run(
                output, handler, parts, lambda: settings_document(transaction, vfs, changed, agents), set_vfs
            )
        _say(output, vfs, changed, holders, dry_run=dry_run)
        if dry_run:
            return 0
        # Those that are not waited for are told of as the answer.
        expected = {node: agent for node, agent in agents.items() if not agent.is_absent}
        if changed:
            warn_of_agents(output, agents if wait is None else expected, SET_IS_KEPT)
        applied: list[Applied] = []
        if wait is not None:
            if expected:
                output.message("Waiting for the card.")
            applied, agents = wait_until_applied(handler, dict.fromkeys(vfs, settings), wait)
    short = shortfalls(applied, agents, wait or 0)
    if output.style != "table":
        failed = {vf: str(error) for vf, error in short.items()}
        output.show(
            lambda: settings_document(transaction, vfs, changed, agents, applied, failed), names=set_vfs, table=str
        )
    return show_applied(output, applied, short)


def _in_use(holders: Mapping[VfRef, str]) -> str:
    """Return which VMs use VFs that are to be set, for the question; empty if none does."""
    if not holders:
        return ""
    names = list(dict.fromkeys(map(printable, holders.values())))
    more = ", …" if len(names) > _SHOWN else ""
    return f"of which {len(holders)} {'is' if len(holders) == 1 else 'are'} used by {', '.join(names[:_SHOWN])}{more}"


def _say(
    output: Output, vfs: Sequence[VfRef], changed: Sequence[Setting], holders: Mapping[VfRef, str], *, dry_run: bool
) -> None:
    """Say what was changed on each VF, and who uses it; a dry run has shown the settings already."""
    statuses = []
    for vf in vfs:
        done = [f"{s.name} {written_word(s.old)} -> {written_word(s.new)}" for s in changed if s.vf == vf]
        user = f" (used by {printable(holders[vf])})" if vf in holders else ""
        statuses.append("changed" if done else "unchanged")
        if done and not dry_run:
            output.message(f"{vf.name}{user}: changed {', '.join(done)}.")
        elif done and user:
            output.message(f"would change settings under a VM: {vf.name}{user}")
        elif not done and len(vfs) <= _FEW:
            output.message(f"{dry_run_mark(dry_run)}{vf.name}: unchanged.")
    say_counts(output, statuses, dry_run=dry_run)
