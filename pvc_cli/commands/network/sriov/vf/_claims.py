"""What claim and release share."""

from __future__ import annotations

from pvc_cli.cluster.vms.query import is_one
from pvc_cli.commands._common.changes import show_changes
from pvc_cli.errors import InvalidInputError, quoted
from pvc_cli.output.writer import Format, Output
from pvc_cli.zk import Transaction


def one_name(word: str) -> str:
    """Return *word* if it can mean one thing only."""
    if not is_one(word):
        raise InvalidInputError(f"{quoted(word)} may mean several: give one name")
    return word


def show_claim(
    output: Output, style: Format, transaction: Transaction, what: str, done: str, *, dry_run: bool
) -> None:
    """Say what became of one VF; its changes are the result where a program asks for one."""
    if dry_run:
        show_changes(output, style, transaction.changes)
        output.message(f"{what}: would be {done}." if transaction.changes else f"{what}: unchanged: already set.")
        return
    if style != "table":
        status = "changed" if transaction.changes else "unchanged"
        node, vf = what.split()
        output.show(style, lambda: {"node": node, "phy": vf, "status": status}, names=lambda: [vf], table=str)
    output.message(f"{what}: {done}." if transaction.changes else f"{what}: unchanged: already set.")
