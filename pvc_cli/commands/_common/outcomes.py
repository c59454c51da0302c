"""Say what became of what was to be changed, the same way for every command."""

from collections import Counter
from collections.abc import Sequence

from pvc_cli.cluster.controls import Outcome, Plan, control
from pvc_cli.cluster.documents import controls_document
from pvc_cli.commands._common.changes import show_changes
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

_FEW = 20


def carry_out(output: Output, handler: ZKHandler, names: Sequence[str], plan: Plan, *, dry_run: bool) -> int:
    """Carry *plan* out on the things called *names* and say what became of each; exit 1 if one was refused."""
    return show_outcome(output, control(handler, names, plan, dry_run=dry_run), dry_run=dry_run)


def show_outcome(output: Output, outcome: Outcome, *, dry_run: bool) -> int:
    """Say what became of what was to be changed, and return the exit code."""
    if dry_run:
        show_changes(output, outcome.changes)
    elif output.style != "table":
        output.show(
            lambda: controls_document(outcome.controls),
            names=lambda: [c.name for c in outcome.controls if c.status == "changed"],
            table=str,
        )
    refused = _say(output, outcome, dry_run=dry_run)
    return max((error.exit_code for error in outcome.errors), default=EXIT_REFUSED if refused else 0)


def _say(output: Output, outcome: Outcome, *, dry_run: bool) -> bool:
    counts = Counter[str](control.status for control in outcome.controls)
    refused = 0
    for one in outcome.controls:
        if one.status in ("refused", "failed"):
            refused += 1
            if refused <= _FEW:
                output.error(f"{one.name}: {one.status}: {one.detail}")
        elif len(outcome.controls) <= _FEW:
            done = f"would be {one.detail}" if dry_run else one.detail
            output.message(f"{one.name}: {done if one.status == 'changed' else f'unchanged: {one.detail}'}.")
    if refused > _FEW:
        output.error(f"{refused - _FEW} more refused or failed: -o json lists them all")
    if len(outcome.controls) > 1:
        kinds = ("changed", "unchanged", "refused", *(["failed"] if counts["failed"] else []))
        output.message(f"{'Dry run: ' if dry_run else ''}{', '.join(f'{counts[kind]} {kind}' for kind in kinds)}.")
    return bool(refused)
