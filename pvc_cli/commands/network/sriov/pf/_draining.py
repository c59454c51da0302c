"""Wait until nobody uses a VF of a PF, and show who does."""

from collections.abc import Sequence

from pvc_cli.cluster.sriov.draining import VfUser, blocking, read_pf_users, wait_until_drained
from pvc_cli.cluster.values import Json
from pvc_cli.cluster.waiting import require_daemons
from pvc_cli.commands._common.listing import rows_of, show_records
from pvc_cli.commands._common.waits import refuse_in_sandbox
from pvc_cli.output.cells import Cell, flag_cell
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

HEADERS = ("VF", "VM", "STATE", "NODE", "CLAIMED", "IN XML", "BLOCKS")


def wait(output: Output, handler: ZKHandler, node: str, name: str, timeout: float) -> list[VfUser]:
    """Wait up to *timeout* seconds, saying for whom, and return who uses the VFs then."""
    require_daemons(handler)
    if timeout and blocking(read_pf_users(handler, node, name)):
        refuse_in_sandbox(handler, "use --dry-run to see who uses the VFs")
    wait_until_drained(handler, node, name, timeout, lambda users, left: _tell(output, users, left))
    return read_pf_users(handler, node, name)


def show_users(output: Output, node: str, name: str, users: Sequence[VfUser], more: Json | None = None) -> None:
    """Show who uses the VFs; *more* goes into the document."""
    drained = not blocking(users)
    show_records(
        output,
        users,
        documents=lambda shown: {
            "node": node,
            "phy": name,
            "drained": drained,
            "users": [user._asdict() for user in shown],
            **(more or {}),
        },
        names=lambda shown: [user.name for user in blocking(shown)],
        headers=HEADERS,
        rows=rows_of(_row),
        nothing="",
    )


def still_used(left: Sequence[VfUser], timeout: float) -> str:
    """Return what to say if the time is over."""
    return (
        f"still used by {count(left)} after {timeout:g} s: stop or move them, and release claims with 'pvc sriov vf"
        " release'"
    )


def count(left: Sequence[VfUser]) -> str:
    """Return how many VMs *left* are, or which one it is."""
    names = list(dict.fromkeys(user.name for user in left))
    return f"{len(names)} VMs" if len(names) != 1 else f"VM {names[0] or '?'}"


def _tell(output: Output, users: list[VfUser], left: float) -> None:
    names = dict.fromkeys(user.name or "?" for user in users)
    output.message(f"Waiting {left:.0f} s for {', '.join(names)}.")


def _row(user: VfUser) -> list[str | Cell]:
    flags = [flag_cell(flag) for flag in (user.claimed, user.in_xml)]
    blocks = flag_cell(user.blocks, colours=("green", "yellow"))
    return [user.vf or "?", user.name or "?", user.state or "?", user.node or "?", *flags, blocks]
