"""Carry out a plan that was written to a file."""

from pathlib import Path

from pvc_cli.cluster.planned import PlannedItem, carry_out_written, check_written, judge_all
from pvc_cli.commands._common.command import connect
from pvc_cli.commands._common.dry_run import say_parts
from pvc_cli.commands._common.outcomes import show_outcome
from pvc_cli.commands._common.progress import MANY, Deed, ask_many, progress_bar
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.plan_file import load_plan
from pvc_cli.context import Context


def apply_plan(context: Context, file: str, *, yes: bool, dry_run: bool) -> int:
    """Do what the plan in *file* says, or nothing if its base has changed before; return the exit code."""
    output, plan = context.output, load_plan(Path(file))
    with connect(context) as handler:
        plan.require(identify(handler), handler.base)
        items = [PlannedItem(part) for part in plan.parts]
        check_written(handler, items)
        outcome = judge_all(handler, items)
        changing = [one for one in outcome.controls if one.status == "changed"]
        if not (changing or outcome.errors) and output.style == "table":
            output.message(f"Nothing to do: all of {file} is done already." if items else f"{file} changes nothing.")
            return 0
        if changing and not dry_run:
            say_parts(output, handler, outcome.parts)
            deed = Deed(f"carry out {file} on")
            ask_many(deed, "items", [one.item for one in changing], yes=yes, dry_run=False)
            with progress_bar(output, shown=len(changing) > MANY) as progress:
                outcome = carry_out_written(handler, items, on_progress=progress, on_wait=output.message)
        code = show_outcome(output, handler, outcome, dry_run=dry_run)
    if outcome.errors and not (changing or dry_run):
        output.message("Nothing was changed: a plan is not begun unless all of it can be done.")
    return code
