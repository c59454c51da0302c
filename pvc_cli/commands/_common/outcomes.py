"""Carry out what changes things, and say what became of each: the same way in every command."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import click
from click.core import ParameterSource

from pvc_cli.cluster.controls import Control, Item, Outcome, Plan, control
from pvc_cli.cluster.documents import controls_document
from pvc_cli.cluster.waiting import Goal, wait_for
from pvc_cli.commands._common.command import options_into
from pvc_cli.commands._common.dry_run import show_change
from pvc_cli.commands._common.progress import MANY, progress_bar
from pvc_cli.commands._common.refusals import Refusal, dry_run_mark, is_verbose, say_counts, say_refusals
from pvc_cli.commands._common.values import Seconds
from pvc_cli.commands._common.waits import refuse_in_plan, require_wait
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

_FEW = 10
"""So many things are named one by one; of more, -v does so."""


class Patience(NamedTuple):
    """Whether to wait until the daemons have done what they were told, and how many seconds at most."""

    wait: bool = False
    wait_timeout: float = 300.0


def _require_wait(context: click.Context, parameter: click.Parameter, seconds: float) -> float:
    """Check that there is something to wait for so long."""
    given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    if given and not context.params.get("wait"):
        raise click.UsageError("--wait-timeout goes with --wait: give both")
    return seconds


NO_PATIENCE = Patience()
wait_options = options_into(
    Patience,
    "patience",
    click.option("-w", "--wait", is_flag=True, is_eager=True, help="Wait until it is done."),
    click.option(
        "--wait-timeout", type=Seconds(min=0), default=NO_PATIENCE.wait_timeout, metavar="SECONDS",
        callback=_require_wait, help="How long to wait with --wait [default: 300].",
    ),
)  # fmt: skip


def carry_out(
    output: Output,
    handler: ZKHandler,
    items: Sequence[Item],
    plan: Plan[Item],
    *,
    dry_run: bool,
    change: Callable[..., Outcome[Item]] = control,
    goal: Goal[Item] | None = None,
    patience: Patience = NO_PATIENCE,
) -> int:
    """Carry *plan* out on *items* and say what became of each; exit 1 if one was refused or failed.

    :param change: what carries it out; it is given *handler*, *items* and *plan*.
    :param goal: when it is done, to wait for that if *patience* says so.
    """
    if patience.wait:
        refuse_in_plan(output)
    waited = goal if items and patience.wait and not dry_run else None
    if waited:
        require_wait(handler)
    with progress_bar(output, shown=len(items) > MANY and not dry_run) as progress:
        outcome = change(handler, items, plan, dry_run=dry_run, on_progress=progress)
    if waited:
        outcome = wait(output, handler, outcome, waited, patience)
    return show_outcome(output, handler, outcome, dry_run=dry_run)


def wait(
    output: Output, handler: ZKHandler, outcome: Outcome[Item], goal: Goal[Item], patience: Patience
) -> Outcome[Item]:
    """Wait until everything in *outcome* has reached *goal*, and show how far it is."""
    output.message("Waiting for the daemons.")
    with progress_bar(output) as progress:
        return wait_for(handler, outcome, goal, patience.wait_timeout, progress)


def show_outcome(output: Output, handler: ZKHandler, outcome: Outcome[Item], *, dry_run: bool) -> int:
    """Say what became of what was to be changed, and return the exit code."""

    def names() -> list[str]:
        return [control.name for control in outcome.controls if control.status == "changed"]

    refused = any(control.status in ("refused", "failed") for control in outcome.controls)
    document = partial(controls_document, outcome.controls)
    show_change(output, handler, outcome.parts, document, names, dry_run=dry_run, refused=refused)
    _say(output, outcome.controls, dry_run=dry_run)
    return max((error.exit_code for error in outcome.errors), default=EXIT_REFUSED if refused else 0)


def _say(output: Output, controls: Sequence[Control[Item]], *, dry_run: bool) -> None:
    changed, verbose = sum(one.status == "changed" for one in controls), is_verbose()
    for one in controls:
        named = verbose or len(controls) <= _FEW or (one.status == "changed" and changed <= _FEW)
        # A dry run has shown by itself what would be changed.
        if named and one.status == "changed" and not dry_run:
            output.message(f"{one.name}: {one.detail}.")
        elif named and one.status == "unchanged":
            output.message(f"{dry_run_mark(dry_run)}{one.name}: unchanged: {one.detail}.")
    say_counts(output, [one.status for one in controls], dry_run=dry_run)
    refusals = [Refusal(one.name, one.status, one.detail) for one in controls if one.status in ("refused", "failed")]
    say_refusals(output, refusals)
