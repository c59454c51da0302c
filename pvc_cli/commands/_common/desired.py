"""Read files of desired state, and carry them out: the same for the whole cluster and for VFs alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from pvc_cli.cluster.controls import Outcome, control
from pvc_cli.cluster.desired.matching import match_state
from pvc_cli.cluster.desired.model import State, VfWish, VmWish, Wish
from pvc_cli.cluster.desired.plans import KEPT, plan_state
from pvc_cli.cluster.desired.reading import read_state
from pvc_cli.cluster.sriov.agents import read_agents
from pvc_cli.cluster.vms.metadata import KEYS
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.commands._common.agents import SET_IS_KEPT, warn_of_agents
from pvc_cli.commands._common.command import options_into
from pvc_cli.commands._common.file_names import File
from pvc_cli.commands._common.node_limits import warn_of_limits
from pvc_cli.commands._common.outcomes import show_outcome
from pvc_cli.commands._common.progress import MANY, Deed, ask_many, asks, progress_bar
from pvc_cli.connections.plan_file import is_plan
from pvc_cli.context import Context
from pvc_cli.errors import ConfigError
from pvc_cli.files import cannot_read
from pvc_cli.output.writer import Document, Output
from pvc_cli.zk import ZKHandler

_FEW = 3
STATE_NAMES = ("-f", "--file", "file")
state_option = click.option(
    *STATE_NAMES, required=True, metavar="STATE",
    type=File(allow_dash=True),
    help="File to apply; - reads standard input.",
)  # fmt: skip


class Limits(NamedTuple):
    """How far a file may go."""

    prune: bool = False
    force: bool = False
    any_name: bool = False
    yes: bool = False


limit_options = options_into(
    Limits,
    "limits",
    click.option("--prune", is_flag=True, help="Remove tags that a listed VM has and the file does not name."),
    click.option("--force", is_flag=True, help="Prune protected and system tags, too; make system tags user tags."),
    click.option(
        "--force-name", "any_name", is_flag=True,
        help="Take new tags whose names a shell, a filter or pvc itself could misread.",
    ),
    click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation."),
)  # fmt: skip


def read_file(context: Context, file: str) -> State:
    """Return what a file of desired state says; - is standard input.

    :raises ConfigError: naming the line, if it is not such a file, or cannot be read.
    """
    source = "standard input" if file == "-" else file
    try:
        text = context.read_stdin() if file == "-" else Path(file).read_text("utf-8", errors="surrogateescape")
    except OSError as error:
        raise cannot_read(source, error) from None
    if is_plan(text):
        raise ConfigError(f"{source} is a plan: drop -f to carry it out")
    return read_state(text, source)


def apply_state(
    output: Output,
    handler: ZKHandler,
    state: State,
    limits: Limits,
    *,
    dry_run: bool,
    settle: Callable[[Outcome[Wish]], Outcome[Wish]] | None = None,
) -> int:
    """Bring VMs and VFs in line with *state* and say what became of each; exit 1 if one was refused or failed.

    :param settle: waits for those that act on it, and returns what came of that.
    """
    wishes = match_state(handler, state, prune=limits.prune, any_name=limits.any_name)
    plan = plan_state(force=limits.force)
    if asks(len(wishes), yes=limits.yes, dry_run=dry_run):
        first = control(handler, wishes, plan, dry_run=True)
        changed = [one.item for one in first.controls if one.status == "changed"]
        deed = Deed("bring", f"in line with {state.source}")
        ask_many(deed, _kinds(changed), changed, yes=limits.yes, dry_run=dry_run)
    with progress_bar(output, shown=len(wishes) > MANY and not dry_run) as progress:
        outcome = control(handler, wishes, plan, dry_run=dry_run, on_progress=progress)
    warn_of_limits(output, handler, _new_limits(handler, outcome))
    if settle and not dry_run:
        outcome = settle(outcome)
    code = 0
    unchanged = all(one.status == "unchanged" for one in outcome.controls)
    if not unchanged or output.style != "table":
        code = show_outcome(output, handler, outcome, dry_run=dry_run)
    if unchanged or len(outcome.controls) > MANY:
        _say_kept(output, outcome)
    if unchanged:
        _say_unchanged(output, state, [one.item for one in outcome.controls])
    if handler.is_live and not (dry_run or settle):
        _warn_of_agents(output, handler, outcome)
    return code


def _new_limits(handler: ZKHandler, outcome: Outcome[Wish]) -> dict[VmRef, Sequence[str]]:
    """Return the node limits that are changed."""
    return {
        one.item.vm: one.item.metadata.node_limit or ()
        for one in outcome.controls
        if isinstance(one.item, VmWish)
        and handler.schema.path((KEYS["node_limit"], one.item.uuid)) in {change.path for change in one.changes}
    }


def _warn_of_agents(output: Output, handler: ZKHandler, outcome: Outcome[Wish]) -> None:
    """Warn of each node with a changed VF on which no agent applies that now."""
    changed = [one.item for one in outcome.controls if one.status == "changed"]
    nodes = [wish.vf.node for wish in changed if isinstance(wish, VfWish)]
    if nodes:
        warn_of_agents(output, read_agents(handler, nodes), SET_IS_KEPT)


def _say_kept(output: Output, outcome: Outcome[Wish]) -> None:
    """Say which tags pruning left, those of many VMs in one line."""
    names: dict[str, list[str]] = {}
    for one in outcome.controls:
        if tags := one.detail.partition(KEPT)[2]:
            names.setdefault(tags, []).append(one.name)
    for tags, vms in names.items():
        more = f" and {len(vms) - _FEW} more" if len(vms) > _FEW else ""
        output.message(f"Kept without --force: {tags} of {', '.join(vms[:_FEW])}{more}.")


def _say_unchanged(output: Output, state: State, items: list[Wish]) -> None:
    what = f"{_count(items)} {'is' if len(items) == 1 else 'are'} as it says" if items else "it names no VM and no VF"
    output.message(f"Nothing to change by {state.source}: {what}.")


def _kinds(wishes: list[Wish]) -> str:
    """Return what *wishes* are for: VMs, VFs or both."""
    return " and ".join(dict.fromkeys("VMs" if isinstance(wish, VmWish) else "VFs" for wish in wishes))


def _count(wishes: list[Wish]) -> str:
    """Return how many VMs and VFs *wishes* are for, in words."""
    vms = sum(isinstance(wish, VmWish) for wish in wishes)
    counts = ((vms, "VM"), (len(wishes) - vms, "VF"))
    return " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count)


def show_state(output: Output, document: Document) -> None:
    """Print a file of desired state, as YAML unless JSON is wanted."""
    output.style = "yaml" if output.style == "table" else output.style
    output.show(lambda: document, names=tuple, table=str)
