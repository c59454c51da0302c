from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from pvc_cli.cluster.documents import status_document
from pvc_cli.cluster.health.metrics import status_metrics
from pvc_cli.cluster.health.model import ClusterStatus
from pvc_cli.cluster.health.status import cluster_status
from pvc_cli.commands._common.clusters import on_each
from pvc_cli.commands._common.command import (
    Context,
    connect_to_list,
    output_option_with_metrics,
    pass_context,
    watch_option,
)
from pvc_cli.commands._common.servers import SERVER_HEADERS, server_row
from pvc_cli.commands._common.values import Number
from pvc_cli.commands._common.watching import turns
from pvc_cli.errors import EXIT_REFUSED, PvcError, hint_in
from pvc_cli.output.cells import Cell, Row
from pvc_cli.output.failure import error_document
from pvc_cli.output.writer import Output
from pvc_cli.program import own_commands, own_hints

if TYPE_CHECKING:
    from pvc_cli.zk import ZKHandler
    from pvc_cli.zk.watch import Watcher

_NODE_KEYS = (
    "node.keepalive",
    "node.state.daemon",
    "node.state.router",
    "node.state.domain",
    "node.monitoring.health",
)
_CLUSTER_KEYS = ("base.config.maintenance", "base.config.primary_node", "base.storage.health")


@click.command("status")
@click.option(
    "--min-health",
    type=Number(0, 100),
    metavar="PERCENT",
    help="Exit 1 only if PVC's health number is lower [default: if there is any problem].",
)
@watch_option
@output_option_with_metrics
@on_each
@pass_context
def command(context: Context, min_health: int | None, watch: bool) -> int:
    """Check the health of the cluster; exit 1 if there are problems.

    Checks ZooKeeper, nodes, VMs, faults, storage, schema, locks and SR-IOV; the most serious problem comes first.
    Notes are not problems. The health is PVC's own number: 100 percent, less what the faults take that nobody has
    acknowledged.

    \b
    Examples:
      pvc cluster status || echo 'wake the admin'
      pvc cluster status --min-health 50
      pvc cluster status -o prometheus --min-health 0 > pvc.prom
    """
    output, fine = context.output, True
    if watch and output.style == "prometheus":
        raise click.UsageError("--watch and -o prometheus exclude each other: figures are read anew each time")
    try:
        with connect_to_list(context) as handler, turns(output, handler, _arm, watch=watch) as each:
            for _ in each:
                with each.turn():
                    found = cluster_status(handler)
                    fine = found.healthy if min_health is None else found.health >= min_health
                    _show(output, found)
    except PvcError as error:
        if output.gathered and not output.gathered.answered:
            _show_unknown(output, error)
        raise
    return each.code or (0 if fine else EXIT_REFUSED)


def _show(output: Output, found: ClusterStatus) -> None:
    output.show(
        lambda: status_document(found),
        names=lambda: [problem.what for problem in found.problems],
        table=lambda: _line(output, found) if output.gathered else _screen(output, found),
        metrics=lambda: status_metrics(found),
    )


def _line(output: Output, status: ClusterStatus) -> str:
    """Return a cluster's line among others, with its most serious problem."""
    worst = next((problem.what for problem in status.problems if problem.serious), "")
    health = Cell(f"{status.health} %", value=status.health)
    return _row(output, [_state(status), health, len(status.nodes), sum(status.vms.values()), worst])


def _show_unknown(output: Output, error: PvcError) -> None:
    """Show among others a cluster whose status *error* hides: nothing is more serious."""
    message = own_hints(str(error))
    # What to do is said with the error itself.
    what = message.removesuffix(hint_in(message) or "").rstrip(":;, ")
    output.show(
        lambda: error_document(error.kind, message, error.exit_code),
        names=lambda: [what],
        table=lambda: _row(output, [Cell(error.kind.replace("_", " "), "red"), "", "", "", Cell(what, "red")]),
    )


def _row(output: Output, row: Row) -> str:
    return output.table(("STATUS", "HEALTH", "NODES", "VMS", "MOST SERIOUS"), [row], wrap=4)


def _state(status: ClusterStatus) -> Cell:
    wrong = sum(problem.serious for problem in status.problems)
    return Cell("healthy", "green") if status.healthy else Cell(f"{wrong} problem{'s' if wrong != 1 else ''}", "red")


def _screen(output: Output, status: ClusterStatus) -> str:
    nodes = Counter(node.daemon_state or "unknown" for node in status.nodes)
    fields = output.fields(
        [
            ("Status", _state(status)),
            ("Health", f"{status.health} %"),
            ("Nodes", _counted(nodes)),
            ("Primary", status.primary_text),
            ("VMs", _counted(status.vms)),
            ("OSDs", _counted(status.osds)),
            ("Schema", f"version {status.schema_version}"),
            *([("ZooKeeper", status.servers.summary)] if status.servers else []),
        ]
    )
    rows: list[list[str | Cell]] = [
        [
            Cell("problem", "red") if problem.serious else Cell("note", "yellow"),
            problem.what,
            own_commands(problem.see),
        ]
        for problem in status.problems
    ]
    problems = output.table(("", "WHAT", "SEE"), rows, wrap=1, below=2)
    return "\n\n".join(part for part in (fields, _servers(output, status), problems) if part)


def _servers(output: Output, status: ClusterStatus) -> str:
    """Return the table of ZooKeeper's servers; empty for one alone, of which all is said."""
    found = status.servers
    if found is None or len(found.servers) < 2:
        return ""
    return output.table(SERVER_HEADERS, [server_row(server, found) for server in found.servers])


def _counted(counts: Mapping[str, int]) -> str:
    found = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{sum(counts.values())} ({found})" if found else "none"


def _arm(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch what changes when something goes wrong; running daemons' keepalives have all else looked at again."""
    watcher.watch(children=["base.node", "base.domain", "base.faults", "base.osd"])
    parts = {
        "base.node": _NODE_KEYS,
        "base.domain": ("domain.state",),
        "base.faults": ("faults.status",),
        "base.osd": ("osd.stats",),
    }
    found = handler.children_many(parts)
    items = zip(parts.values(), found, strict=True)
    watcher.watch(
        values=[*_CLUSTER_KEYS, *((key, name) for keys, names in items for name in names or () for key in keys)]
    )
