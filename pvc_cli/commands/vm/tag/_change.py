"""What adding and removing tags share."""

from collections.abc import Sequence
from functools import partial

import click

from pvc_cli.cluster.documents import outcomes_document
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.meant import NO_LONGER, while_meant
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.tagging import Outcome, Plan, change_tags, refuse_all
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context
from pvc_cli.commands._common.dry_run import show_change
from pvc_cli.commands._common.progress import progress_bar
from pvc_cli.commands._common.refusals import Refusal, dry_run_mark, say_counts, say_refusals
from pvc_cli.commands._common.selecting import Selection, selection_options
from pvc_cli.errors import EXIT_REFUSED, quoted
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

_FEW = 10


def _complete_words(context: click.Context, parameter: click.Parameter, incomplete: str) -> complete.Candidates:
    """Offer VMs for the first word, unless options select them, then tags; to remove, those that the VMs have."""
    given = context.params
    if any(given.get(name) for name in ("everything", *Filters._fields)):
        return complete.tags(context, parameter, incomplete)
    if not given.get("words"):
        return complete.vms(context, parameter, incomplete)
    of_vms = context.info_name == "remove"
    return (complete.tags_of_vms if of_vms else complete.tags)(context, parameter, incomplete)


tag_options = selection_options(
    click.argument("words", metavar="VM TAG…", nargs=-1, shell_complete=_complete_words),
    every="Select all VMs; every argument is a TAG.",
)


force_name_option = click.option(
    "--force-name", is_flag=True, help="Take a tag whose name a shell, a filter or pvc itself could misread."
)


def split_words(context: Context, selection: Selection) -> tuple[list[str], list[str]]:
    """Return which VMs are named, none if options select them, and the tags."""
    words = selection.words
    named, tags = ((), words) if selection.by_options else (words[:1], words[1:])
    if not tags:
        vm = "" if selection.by_options else "a VM, --all or a filter, and "
        raise click.UsageError(f"expected {vm}at least one TAG")
    return context.names(named), context.names(tags, commas=False)


def name_tags(tags: Sequence[str]) -> str:
    """Return what a question calls *tags*."""
    return f"{'tag' if len(tags) == 1 else 'tags'} {', '.join(map(quoted, tags))}"


def held(plan: Plan, selection: Selection) -> Plan:
    """Return *plan* for VMs that options may have selected: those that no longer match are refused."""
    return while_meant(plan, selection.filters, lambda handler, step: refuse_all(handler, step, NO_LONGER))


def carry_out(context: Context, handler: ZKHandler, vms: Sequence[VmRef], plan: Plan, *, dry_run: bool) -> int:
    """Carry *plan* out on *vms* and say what became of it; exit 1 if anything was refused or failed."""
    with progress_bar(context.output, shown=len(vms) > _FEW and not dry_run) as progress:
        result = change_tags(handler, vms, plan, dry_run=dry_run, on_progress=progress)
    output = context.output

    def names() -> list[str]:
        return list(dict.fromkeys(o.vm.name for o in result.outcomes if o.status == "changed"))

    refused = any(outcome.status in ("refused", "failed") for outcome in result.outcomes)
    document = partial(outcomes_document, result.outcomes)
    show_change(output, handler, result.parts, document, names, dry_run=dry_run, refused=refused)
    _show_outcomes(output, result.outcomes, dry_run=dry_run)
    return max((error.exit_code for error in result.errors), default=EXIT_REFUSED if refused else 0)


def _show_outcomes(output: Output, outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    """Say on standard error what became of *outcomes*."""
    for outcome in outcomes if len(outcomes) <= _FEW else ():
        if outcome.status == "unchanged":
            output.message(
                f"{dry_run_mark(dry_run)}{outcome.vm.name}: tag {quoted(outcome.tag)} unchanged: {outcome.detail}."
            )
        elif outcome.status == "changed" and not dry_run:
            output.message(f"{outcome.vm.name}: tag {quoted(outcome.tag)} {outcome.detail}.")
    vms = {outcome.vm for outcome in outcomes}
    things = f"{len(outcomes)} tags of {len(vms)} {'VM' if len(vms) == 1 else 'VMs'}"
    several = len(outcomes) > len(vms)
    say_counts(output, [one.status for one in outcomes], dry_run=dry_run, things=things if several else "")
    refusals = [
        Refusal(one.vm.name, one.status, one.detail, f"tag {quoted(one.tag)}" if one.tag else "")
        for one in outcomes
        if one.status in ("refused", "failed")
    ]
    say_refusals(output, refusals)
