import shlex
from typing import NamedTuple

import click

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.history import changes_of, path_of
from pvc_cli.cluster.sriov.model import VfRef, find_vfs, read_vfs
from pvc_cli.cluster.sriov.names import split_pair
from pvc_cli.cluster.tree_documents import difference_document
from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.differences import brief_changes
from pvc_cli.commands._common.entries import readable_entries
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import time_text
from pvc_cli.commands.network.sriov._reports import explain
from pvc_cli.commands.network.sriov.vf._shared import one_name, vf_words, vfs_argument
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.entry import Entry
from pvc_cli.connections.entry_file import Wanted
from pvc_cli.errors import InvalidItemError, PvcError
from pvc_cli.output.writer import Document, Output
from pvc_cli.zk import ZKHandler

_HEADERS = ("TIME", "BY", "CHANGE", "COMMAND")


class _Event(NamedTuple):
    """What was done to a VF, or what became of it."""

    time: float
    by: str
    change: str
    command: str
    document: Document


@click.command("history")
@vfs_argument
@list_options(*_HEADERS, takes_several=False, things="changes")
@pass_context
def command(context: Context, words: tuple[str, ...]) -> None:
    """Show what changed on a VF, the latest first.

    Shows what you changed with pvc on this machine, as 'pvc history list' has it, and since when the VF is as the
    agent of its node reports. What others wrote to the tree is recorded nowhere.

    \b
    Example:
      pvc sriov vf set pvchv1 ens1f0v1 --vlan-id 100 && pvc sriov vf history pvchv1 ens1f0v1
    """
    wanted = vf_words(context, words)
    name = one_name(wanted.names[0]) if wanted.is_one else one_name(",".join(wanted.names))
    vf = VfRef(wanted.node, name) if wanted.node is not None else VfRef(*split_pair(name))
    with connect(context) as handler:
        require_node(handler, vf.node)
        try:
            events = [*_reported(handler, vf), *_made(context.output, handler, vf)]
        except InvalidItemError:
            # No VF ever had such a name.
            events = []
        if not events:
            find_vfs(handler, vf.node, [vf.phy])
    show_records(
        context.output,
        sorted(events, key=lambda event: -event.time),
        documents=for_each(lambda event: event.document),
        names=for_each(lambda event: event.document.get("id") or "-"),
        headers=_HEADERS,
        wrap=_HEADERS.index("CHANGE"),
        rows=rows_of(lambda event: [time_text(event.time), event.by, event.change, event.command]),
        nothing=f"Nothing is known to have changed on {vf.node}/{vf.phy}.",
    )


def _made(output: Output, handler: ZKHandler, vf: VfRef) -> list[_Event]:
    """Return the changes that this user's history has."""
    events: list[_Event] = []
    here, top = identify(handler), path_of(handler, vf)
    if top is None:
        return events
    for entry in readable_entries(output):
        if not entry.cluster.is_same(here):
            continue
        if entry.why_incomplete:
            output.warning(f"what {entry.id} changed is incomplete: {entry.why_incomplete}")
        try:
            recorded = entry.read(Wanted(top))
        except PvcError as error:
            output.warning(str(error))
            continue
        items = [changes_of(handler, vf, changes) for changes in (recorded.made, recorded.unfinished)]
        events += [
            _event(entry, item, unfinished=unfinished)
            for item, unfinished in zip(items, (False, True), strict=True)
            if item
        ]
    return events


def _event(entry: Entry, item: ItemDifference, *, unfinished: bool) -> _Event:
    document = {
        "time": entry.time,
        "source": "pvc",
        "id": entry.id,
        "user": entry.user,
        "command": list(entry.command),
        "status": item.status,
        "unfinished": unfinished,
        "changes": difference_document(item)["changes"],
    }
    change = "; ".join(brief_changes(item)) if item.status == "changed" else item.status
    change = f"perhaps: {change}" if unfinished else change
    return _Event(entry.time, entry.user, change, shlex.join(entry.command), document)


def _reported(handler: ZKHandler, vf: VfRef) -> list[_Event]:
    """Return since when the VF is as its node's agent reports."""
    found = read_vfs(handler, [vf])
    agent: Agent = read_agents(handler, [vf.node])[vf.node]
    report = agent.vf(vf.phy)
    if not report:
        return []
    state = report.state.replace("_", " ")
    why = explain(found[0], report) if found else ""
    document = {"time": report.since, "source": "agent", "state": report.state, "reason": why or None}
    return [_Event(report.since, f"agent of {vf.node}", f"{state}: {why}" if why else state, "", document)]
