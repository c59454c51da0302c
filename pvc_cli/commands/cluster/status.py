from collections import Counter
from collections.abc import Mapping

import click

from pvc_cli.cluster.documents import status_document
from pvc_cli.cluster.health import ClusterStatus, cluster_status
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.commands._common.values import Number
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import Cell, Output


@click.command("status")
@click.option(
    "--min-health",
    type=Number(0, 100),
    metavar="PERCENT",
    help="Exit 1 only if PVC's health number is lower [default: if there is any problem].",
)
@output_option
@pass_context
def command(context: Context, min_health: int | None) -> int:
    """Check the health of the cluster; exit 1 if there are problems.

    Checks nodes, VMs, faults, storage, schema and SR-IOV. Notes are not problems. The health is PVC's own number: 100
    percent, less what the faults take that nobody has acknowledged.

    \b
    Examples:
      pvc cluster status || echo 'wake the admin'
      pvc cluster status --min-health 50
    """
    output = context.output
    with connect_to_list(context) as handler:
        found = cluster_status(handler)
        output.show(
            lambda: status_document(found),
            names=lambda: [problem.what for problem in found.problems],
            table=lambda: _screen(output, found),
        )
    fine = found.healthy if min_health is None else found.health >= min_health
    return 0 if fine else EXIT_REFUSED


def _screen(output: Output, status: ClusterStatus) -> str:
    states = Counter(node.daemon_state or "unknown" for node in status.nodes)
    wrong = sum(problem.serious for problem in status.problems)
    fields = output.fields(
        [
            (
                "Status",
                Cell("healthy", "green")
                if status.healthy
                else Cell(f"{wrong} problem{'s' if wrong != 1 else ''}", "red"),
            ),
            ("Health", f"{status.health} %"),
            ("Nodes", _counted(states)),
            ("Primary", status.primary or "none"),
            ("VMs", _counted(status.vms)),
            ("Schema", f"version {status.version}"),
        ]
    )
    rows: list[list[str | Cell]] = [
        [Cell("problem", "red") if problem.serious else Cell("note", "yellow"), problem.what, problem.see]
        for problem in status.problems
    ]
    return "\n\n".join(part for part in (fields, output.table(("", "WHAT", "SEE"), rows)) if part)


def _counted(counts: Mapping[str, int]) -> str:
    found = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{sum(counts.values())} ({found})" if found else "none"
