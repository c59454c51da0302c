"""``pvc sriov vf claim``, ``release`` and ``audit``: which VM uses which virtual function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pvc_cli.commands import complete
from pvc_cli.commands.changes import show_changes
from pvc_cli.commands.options import dry_run_option, output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED, InvalidInputError, quoted
from pvc_cli.output import Cell, Format, Output

if TYPE_CHECKING:
    from pvc_cli.cluster.sriov.audit import Finding
    from pvc_cli.cluster.sriov.claims import ClaimType
    from pvc_cli.zk import Transaction


@click.command("claim")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@click.argument("vm", shell_complete=complete.vms)
@click.option("--mac", help="The address of the VM's interface (what the VM's XML says).")
@click.option(
    "--type",
    "kind",
    type=click.Choice(("direct", "hostdev")),
    help="How the VM uses it (what the VM's XML says, else direct).",
)
@dry_run_option
@output_option
@pass_context
def claim(
    context: Context,
    node: str,
    name: str,
    vm: str,
    mac: str | None,
    kind: ClaimType | None,
    dry_run: bool,
    style: Format,
) -> None:
    """Note that VM uses a virtual function. Of all who try at once, one gets it.

    A VM that uses one as hostdev cannot be migrated live: its migration method becomes shutdown.

    \b
    Example:
      pvc sriov vf claim pvchv1 ens1f0v1 web-01 --type hostdev
    """
    from pvc_cli.cluster.roster import find
    from pvc_cli.cluster.sriov.claims import check_mac, claim
    from pvc_cli.cluster.sriov.functions import find_vfs

    if mac is not None:
        check_mac(mac)
    with context.connect() as handler:
        (vf,) = find_vfs(handler, node, [_one(name)])
        (holder,) = find(handler, [_one(vm)])
        at = handler.read(("domain.node", holder.uuid))
        transaction = claim(handler, vf, holder, mac=mac, kind=kind, dry_run=dry_run)
    if at != node:
        context.output.warning(f"VM {holder.name} is on node {quoted(at or '')}, not on {node}")
    _report(context.output, style, transaction, f"{node} {vf.phy}", f"claimed for {holder.name}", dry_run=dry_run)


@click.command("release")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="VF", shell_complete=complete.vfs)
@click.option("--force", is_flag=True, help="Even though a running VM has it.")
@dry_run_option
@output_option
@pass_context
def release(context: Context, node: str, name: str, force: bool, dry_run: bool, style: Format) -> None:
    """Note that nobody uses a virtual function.

    Refused while the VM that it was claimed for runs on NODE and has it in its XML. The VM's migration
    method stays as it is.

    \b
    Example:
      pvc sriov vf release pvchv1 ens1f0v1
    """
    from pvc_cli.cluster.sriov.claims import release
    from pvc_cli.cluster.sriov.functions import find_vfs

    with context.connect() as handler:
        (vf,) = find_vfs(handler, node, [_one(name)])
        transaction = release(handler, vf, force=force, dry_run=dry_run)
    _report(context.output, style, transaction, f"{node} {vf.phy}", "released", dry_run=dry_run)


def _one(word: str) -> str:
    """Return *word* if it can mean one thing only."""
    from pvc_cli.cluster.roster import is_one

    if not is_one(word):
        raise InvalidInputError(f"{quoted(word)} may mean several: give one name")
    return word


def _report(output: Output, style: Format, transaction: Transaction, what: str, done: str, *, dry_run: bool) -> None:
    """Say what became of one VF; its changes are the result where a program asks for one."""
    if dry_run:
        show_changes(output, style, transaction.changes)
        output.message(
            f"{what}: would be {done}." if transaction.changes else f"{what}: unchanged: it is already so."
        )
        return
    if style != "table":
        status = "changed" if transaction.changes else "unchanged"
        node, vf = what.split()
        output.show(style, lambda: {"node": node, "phy": vf, "status": status}, names=lambda: [vf], table=str)
    output.message(f"{what}: {done}." if transaction.changes else f"{what}: unchanged: it is already so.")


@click.command("audit")
@click.argument("node", required=False, shell_complete=complete.nodes)
@click.option("--fix", is_flag=True, help="Repair what is certain: stale claims, and use that only lacks its claim.")
@dry_run_option
@output_option
@pass_context
def audit(context: Context, node: str | None, fix: bool, dry_run: bool, style: Format) -> None:
    """Compare claims with what the VMs' XML says and where the VMs are, on NODE or on all nodes.

    Exit code 1 if anything is wrong and stays so.

    \b
    Examples:
      pvc sriov vf audit
      pvc sriov vf audit pvchv1 --fix --dry-run
    """
    from pvc_cli.cluster.documents import finding_document
    from pvc_cli.cluster.sriov.audit import audit, repair

    output = context.output
    with context.connect() as handler:
        findings = audit(handler, node)
        if fix and dry_run:
            show_changes(output, style, [change for f in findings if f.repair for change in f.repair.changes])
            fixed = []
        else:
            fixed = [finding for finding in findings if fix and repair(finding)]
            output.show(
                style,
                lambda: {"findings": [finding_document(f, fixed=f in fixed) for f in findings]},
                names=lambda: dict.fromkeys(finding.vf for finding in findings),
                table=lambda: output.table(
                    ("NODE", "VF", "FINDING", "DETAIL", "REPAIR"), [_row(f, fixed=f in fixed) for f in findings]
                ),
            )
    certain = sum(finding.repair is not None for finding in findings)
    if not findings:
        output.message("All claims agree with what the VMs use.")
    elif fix and not dry_run:
        output.message(f"{len(fixed)} of {len(findings)} repaired.")
    elif certain:
        output.message(f"{len(findings)} found; --fix would repair {certain}.")
    if len(fixed) < len(findings):
        click.get_current_context().exit(EXIT_REFUSED)


def _row(finding: Finding, *, fixed: bool) -> list[str | Cell]:
    repair = Cell("done", "green") if fixed else "--fix" if finding.repair else "by hand"
    return [finding.node, finding.vf, Cell(finding.kind, "yellow"), finding.detail, repair]
