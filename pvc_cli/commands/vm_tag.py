"""``pvc vm tag``: classify virtual machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from pvc_cli.commands import complete
from pvc_cli.commands.changes import progress_bar, show_changes
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import dry_run_option, limit_options, output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED, quoted
from pvc_cli.output import Cell, Format, Output

if TYPE_CHECKING:
    from pvc_cli.cluster.bulk import Outcome
    from pvc_cli.cluster.roster import VmRef
    from pvc_cli.cluster.tagging import Plan
    from pvc_cli.zk import ZKHandler

_ALIASES = {"get": "list"}
_FEW = 10


class _TagGroup(LazyGroup):
    """The tag commands, with PVC's own word for listing."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name or its other name."""
        return super().get_command(ctx, _ALIASES.get(cmd_name, cmd_name))


@click.group(cls=_TagGroup)
def tag() -> None:
    """Put tags on virtual machines, list them, take them off."""


@tag.command("list")
@click.argument("vms", metavar="[VM]…", nargs=-1, shell_complete=complete.vms)
@output_option
@pass_context
def list_tags(context: Context, vms: tuple[str, ...], style: Format) -> None:
    """List the tags of virtual machines, or, without VM, every tag in the cluster and how many VMs bear it.

    \b
    Examples:
      pvc vm tag list
      pvc vm tag list web-01 -o json
    """
    from pvc_cli.cluster.roster import is_one

    names = context.names(vms)
    with context.connect() as handler:
        if vms:
            _list_of_vms(context, handler, names, style, alone=len(vms) == 1 and is_one(vms[0]))
        else:
            _list_of_cluster(context, handler, style)


def _list_of_vms(context: Context, handler: ZKHandler, names: list[str], style: Format, *, alone: bool) -> None:
    from pvc_cli.cluster.documents import tags_document
    from pvc_cli.cluster.roster import find
    from pvc_cli.cluster.tags import read_tags

    found = find(handler, names)
    tags = read_tags(handler, [vm.uuid for vm in found])
    pairs = [(vm, tag) for vm in found for tag in tags.get(vm.uuid, ())]
    documents = [tags_document(vm, tags.get(vm.uuid, ())) for vm in found]
    output = context.output
    output.show(
        style,
        lambda: documents[0] if alone else documents,
        names=lambda: dict.fromkeys(tag.name for _, tag in pairs),
        table=lambda: output.table(
            ("VM", "TAG", "TYPE", "PROTECTED"),
            [[vm.name, tag.name, tag.type, Cell("yes", "yellow") if tag.protected else "no"] for vm, tag in pairs],
        ),
    )
    if not pairs:
        output.message("No tags.")


def _list_of_cluster(context: Context, handler: ZKHandler, style: Format) -> None:
    from pvc_cli.cluster.tags import count_tags

    found = count_tags(handler)
    output = context.output
    output.show(
        style,
        lambda: [tag._asdict() for tag in found],
        names=lambda: dict.fromkeys(tag.name for tag in found),
        table=lambda: output.table(("TAG", "TYPE", "VMS"), [[t.name, t.type, str(t.vms)] for t in found]),
    )
    if not found:
        output.message("No tags.")


def _selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says on which VMs to work: a first argument, or options instead."""
    return click.argument("words", metavar="VM TAG…", nargs=-1, required=True, shell_complete=_complete_words)(
        click.option("--all", "everything", is_flag=True, help="All VMs; every argument is a TAG then.")(
            limit_options(command)
        )
    )


def _complete_words(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Offer VMs for the first word, unless options select them, and tags for the others."""
    given = context.params
    selected = any(given.get(name) for name in ("everything", "node", "state", "tags"))
    first = not selected and not given.get("words")
    return (complete.vms if first else complete.tags)(context, parameter, incomplete)


@tag.command("add")
@_selection_options
@click.option(
    "-p", "--protected/--no-protected", "protected", default=None,
    help="Guard the tag against removal, or no longer; not given, an existing tag stays as it is.",
)  # fmt: skip
@click.option(
    "--type", "kind", type=click.Choice(("user", "system")), default="user", help="The type of the tag (user)."
)
@click.option("--force", is_flag=True, help="Turn a system tag into a user tag.")
@dry_run_option
@output_option
@pass_context
def add(
    context: Context,
    /,
    protected: bool | None,
    kind: Literal["user", "system"],
    force: bool,
    dry_run: bool,
    style: Format,
    **selection: Any,  # noqa: ANN401
) -> None:
    """Put tags on virtual machines.

    VM is a name, a UUID, a list with commas, a pattern in quotes, or - for names from standard input. With
    --all, -t, -s or -g there is no VM, and every argument is a TAG.

    \b
    Examples:
      pvc vm tag add web-01 blue
      pvc vm tag add 'web-*' production -p
      pvc vm tag add --all -s start audited --dry-run
    """
    from pvc_cli.cluster.tagging import adding, check_tag_name

    vms, tags = _words(context, selection)
    for name in tags:
        check_tag_name(name)
    with context.connect() as handler:
        plan = adding(handler, tags, kind=kind, protected=protected, force=force)
        _carry_out(context, handler, _chosen(handler, vms, selection), plan, dry_run=dry_run, style=style)


@tag.command("remove")
@_selection_options
@click.option("--force", is_flag=True, help="Remove protected and system tags, too.")
@click.option("--if-exists", is_flag=True, help="A VM that has no such tag is fine.")
@dry_run_option
@output_option
@pass_context
def remove(
    context: Context,
    /,
    force: bool,
    if_exists: bool,
    dry_run: bool,
    style: Format,
    **selection: Any,  # noqa: ANN401
) -> None:
    """Take tags off virtual machines.

    VM, and the options instead of it, are those of 'pvc vm tag add'. A protected or a system tag stays
    without --force.

    \b
    Examples:
      pvc vm tag remove web-01 blue
      pvc vm tag remove -g old old --force
    """
    from pvc_cli.cluster.tagging import removing
    from pvc_cli.zk.names import check_item

    vms, tags = _words(context, selection)
    for name in tags:
        check_item(name)
    with context.connect() as handler:
        plan = removing(handler, tags, force=force, if_exists=if_exists)
        _carry_out(context, handler, _chosen(handler, vms, selection), plan, dry_run=dry_run, style=style)


def _words(context: Context, selection: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return which VMs are named, none if options select them, and the tags."""
    words = selection["words"]
    selected = any(selection[name] for name in ("everything", "node", "state", "tags"))
    named, tags = ((), words) if selected else (words[:1], words[1:])
    if not tags:
        raise click.UsageError("give a VM and at least one TAG, or select VMs with --all, -t, -s or -g")
    return context.names(named), context.names(tags, commas=False)


def _chosen(handler: ZKHandler, names: list[str], selection: dict[str, Any]) -> list[VmRef]:
    """Return the VMs that the command line means."""
    from pvc_cli.cluster.roster import Limits, find, select

    if names:
        return find(handler, names)
    return select(handler, Limits(node=selection["node"], state=selection["state"], tags=selection["tags"]))


def _carry_out(
    context: Context,
    handler: ZKHandler,
    vms: Sequence[VmRef],
    plan: Plan,
    *,
    dry_run: bool,
    style: Format,
) -> None:
    """Carry *plan* out on *vms* and say what became of it; exit 1 if anything was refused."""
    from pvc_cli.cluster.bulk import run
    from pvc_cli.cluster.documents import outcomes_document

    with progress_bar(context.output, len(vms), shown=len(vms) > _FEW and not dry_run) as progress:
        result = run(handler, vms, plan, dry_run=dry_run, progress=progress)
    output = context.output
    if dry_run:
        show_changes(output, style, result.changes)
    elif style != "table":
        output.show(
            style,
            lambda: outcomes_document(result.outcomes, "tag"),
            names=lambda: dict.fromkeys(o.vm.name for o in result.outcomes if o.status == "changed"),
            table=str,
        )
    if _report(output, result.outcomes, dry_run=dry_run):
        click.get_current_context().exit(EXIT_REFUSED)


def _report(output: Output, outcomes: Sequence[Outcome], *, dry_run: bool) -> int:
    """Say on standard error what became of *outcomes*, and return how many were refused."""
    counts = Counter(outcome.status for outcome in outcomes)
    shown = 0
    for outcome in outcomes:
        if outcome.status == "refused":
            shown += 1
            if shown <= _FEW:
                output.error(f"{outcome.vm.name}: tag {quoted(outcome.item)} is refused: {outcome.detail}")
        elif len(outcomes) <= _FEW:
            done = f"would be {outcome.detail}" if dry_run else outcome.detail
            done = done if outcome.status == "changed" else f"unchanged: {outcome.detail}"
            output.message(f"{outcome.vm.name}: tag {quoted(outcome.item)} {done}.")
    if shown > _FEW:
        output.error(f"{shown - _FEW} more are refused; -o json lists them all")
    if len(outcomes) > 1 or not outcomes:
        would = "Dry run: " if dry_run else ""
        output.message(
            f"{would}{counts['changed']} changed, {counts['unchanged']} unchanged, {counts['refused']} refused."
        )
    return counts["refused"]
