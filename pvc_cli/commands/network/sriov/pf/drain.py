import click

from pvc_cli.cluster.sriov.draining import VfUser, read_pf_users, wait_until_drained
from pvc_cli.cluster.sriov.model import find_pf
from pvc_cli.cluster.waiting import require_daemons
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.listing import list_options, show_records
from pvc_cli.commands._common.values import Seconds
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import Cell, Output

_HEADERS = ("VF", "VM", "STATE", "CLAIMED", "IN XML", "BLOCKS")


@click.command("drain")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="PF", shell_complete=complete.pfs)
@click.option(
    "--wait-timeout", "patience", type=Seconds(min=0), default=300.0, metavar="SECONDS",
    help="How long to wait [default: 300].",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show who uses the VFs, and do not wait.")
@list_options(*_HEADERS, things="users", takes_several=False)
@pass_context
def command(context: Context, node: str, name: str, patience: float, dry_run: bool) -> int:
    """Wait until nobody uses a VF of a PF, as before its VFs are removed.

    Changes nothing: move or stop the VMs that are shown, and release what is claimed. Exit 1 if somebody still uses a
    VF when the time is over. New claims are not kept away.

    \b
    Examples:
      pvc sriov pf drain pvchv1 ens1f0 --dry-run
      pvc sriov pf drain pvchv1 ens1f1 --wait-timeout 600
    """
    output = context.output
    with connect(context) as handler:
        find_pf(handler, node, name)
        users = read_pf_users(handler, node, name)
        if not dry_run:
            require_daemons(handler)
            wait_until_drained(handler, node, name, patience, lambda left: _tell(output, left))
            users = read_pf_users(handler, node, name)
    drained = not any(user.blocks for user in users)
    show_records(
        output,
        users,
        documents=lambda shown: {
            "node": node,
            "phy": name,
            "drained": drained,
            "users": [user._asdict() for user in shown],
        },
        names=lambda shown: [user.name for user in shown if user.blocks],
        headers=_HEADERS,
        rows=lambda shown: [(user, _row(user)) for user in shown],
        nothing="",
    )
    if drained:
        output.message(f"{node} {name}: nobody uses its VFs.")
    elif dry_run:
        output.message(f"{node} {name}: would wait for {_count(users)}.")
    else:
        output.error(
            f"{node} {name}: still used by {_count(users)} after {patience:g} s: stop or move them, and release"
            " claims with 'pvc sriov vf release'"
        )
    return 0 if drained or dry_run else EXIT_REFUSED


def _count(users: list[VfUser]) -> str:
    names = list(dict.fromkeys(user.name for user in users if user.blocks))
    return f"{len(names)} VMs" if len(names) != 1 else f"VM {names[0] or '?'}"


def _tell(output: Output, left: list[VfUser]) -> None:
    if left:
        names = dict.fromkeys(user.name or "?" for user in left)
        output.message(f"Waiting for {', '.join(names)}.")


def _row(user: VfUser) -> list[str | Cell]:
    flags = [("no", "yes")[flag] for flag in (user.claimed, user.in_xml)]
    blocks = Cell("yes", "yellow") if user.blocks else Cell("no", "green")
    return [user.vf or "?", user.name or "?", user.state or "?", *flags, blocks]
