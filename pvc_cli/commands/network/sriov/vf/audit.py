from collections.abc import Sequence

import click

from pvc_cli.cluster.documents import finding_document, item_document, items_document
from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.sriov.arrivals import ArrivedError
from pvc_cli.cluster.sriov.audit import Finding, audit, repair
from pvc_cli.cluster.sriov.names import split_pair
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, pass_context, yes_option
from pvc_cli.commands._common.dry_run import show_dry_run
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands._common.refusals import Refusal, say_refusals
from pvc_cli.errors import EXIT_REFUSED, PvcError, RefusedError
from pvc_cli.output.cells import Cell
from pvc_cli.output.writer import Document

Failure = tuple[Finding, PvcError]
_HEADERS = ("NODE", "VF", "FINDING", "DETAIL", "REPAIR")
_FINE = "All claims agree with what the VMs use."


@click.command("audit")
@click.argument("node", required=False, shell_complete=complete.pf_words)
@click.argument("pf", required=False, shell_complete=complete.pfs)
@click.option("--fix", is_flag=True, help="Release stale claims, and claim what a VM uses.")
@yes_option
@dry_run_option
@list_options(*_HEADERS, things="findings", takes_several=False)
@pass_context
def command(context: Context, node: str | None, pf: str | None, fix: bool, yes: bool, dry_run: bool) -> int:
    """Compare claims with the VMs' XML and nodes.

    Checks NODE, its PF, or all nodes; NODE/PF is one word for both. Exits 1 if a finding remains.

    \b
    Examples:
      pvc sriov vf audit
      pvc sriov vf audit pvchv1 --fix --dry-run
    """
    output = context.output
    if node and "/" in node and pf is None:
        node, pf = split_pair(node)
    if not fix and (output.plan or yes or dry_run):
        raise click.UsageError("--dry-run, --plan and --yes go with --fix: an audit alone changes nothing")
    if fix and dry_run and (output.layout.asks or output.style in ("wide", "csv")):
        raise click.UsageError("a dry run shows changes: it takes no columns, order or count, nor -o wide or csv")
    context.changing = fix and not dry_run
    with connect(context) as handler:
        findings = audit(handler, node, pf)
        certain = [f"{finding.node}/{finding.vf}" for finding in findings if finding.repair]
        if fix:
            ask_many(Deed("repair the claims of"), "VFs", certain, yes=yes, dry_run=dry_run)
        fixed: list[Finding] = []
        failures: list[Failure] = []
        if fix and dry_run:
            parts = [Part(f"{f.node}/{f.vf}", f.repair) for f in findings if f.repair]
            show_dry_run(
                output,
                handler,
                parts,
                lambda: {**_document(findings, []), **_repairs(findings, [f for f in findings if f.repair])},
                lambda: [part.name for part in parts],
                refused=len(certain) < len(findings),
            )
        else:
            if fix:
                fixed, failures = _repair(findings)
            show_records(
                output,
                findings,
                documents=lambda shown: {
                    **_document(shown, fixed),
                    **(_repairs(shown, fixed, failures) if fix else {}),
                },
                names=for_each(lambda finding: f"{finding.node}/{finding.vf}"),
                headers=_HEADERS,
                wrap=_HEADERS.index("DETAIL"),
                rows=rows_of(lambda finding: _row(finding, fixed=finding in fixed)),
                nothing=_FINE,
            )
    if not findings:
        if fix and dry_run:
            output.message(_FINE)
    elif fix and not dry_run:
        output.message(f"{len(fixed)} of {len(findings)} repaired.")
    elif certain:
        noun = "finding" if len(findings) == 1 else "findings"
        output.message(f"{len(findings)} {noun}; --fix would repair {len(certain)}.")
    say_refusals(output, [Refusal(f"{f.node}/{f.vf}", "failed", str(error)) for f, error in failures])
    return max((error.exit_code for _, error in failures), default=EXIT_REFUSED if len(fixed) < len(findings) else 0)


def _repair(findings: Sequence[Finding]) -> tuple[list[Finding], list[Failure]]:
    """Return the findings that were repaired, and those whose repair another VM got in the way of."""
    fixed: list[Finding] = []
    failures: list[Failure] = []
    for finding in findings:
        try:
            fixed += [finding] if repair(finding) else []
        except (RefusedError, ArrivedError) as error:
            failures.append((finding, error))
    return fixed, failures


def _document(findings: Sequence[Finding], fixed: Sequence[Finding]) -> Document:
    return {"findings": [finding_document(finding, fixed=finding in fixed) for finding in findings]}


def _repairs(findings: Sequence[Finding], fixed: Sequence[Finding], failures: Sequence[Failure] = ()) -> Document:
    """Return what becomes of each VF that is repaired, or would be."""
    why = {(finding.node, finding.vf): str(error) for finding, error in failures}
    return items_document(
        item_document(
            f"{finding.node}/{finding.vf}",
            "changed" if finding in fixed else "failed" if finding.repair else "refused",
            why.get((finding.node, finding.vf), "something changed meanwhile: rerun")
            if finding.repair
            else f"{finding.detail}: repair it by hand",
            finding.repair.changes if finding.repair and finding in fixed else [],
        )
        for finding in findings
    )


def _row(finding: Finding, *, fixed: bool) -> list[str | Cell]:
    repair = Cell("done", "green") if fixed else "--fix" if finding.repair else "by hand"
    return [finding.node, finding.vf, Cell(finding.kind, "yellow"), finding.detail, repair]
