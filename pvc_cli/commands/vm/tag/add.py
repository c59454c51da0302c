from typing import Literal

import click

from pvc_cli.cluster.vms.query import is_one
from pvc_cli.cluster.vms.tag_plans import plan_add
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands._common.selecting import Selection, chosen_vms, confirm_many
from pvc_cli.commands.vm.tag._change import carry_out, force_name_option, held, name_tags, split_words, tag_options
from pvc_cli.errors import InvalidInputError, quoted


@click.command("add")
@tag_options
@click.option(
    "-p", "--protected/--no-protected", "protected", default=None,
    help="Protect the tag against removal, or unprotect it [default: leave as is].",
)  # fmt: skip
@click.option(
    "--type", "kind", type=click.Choice(("user", "system")), default="user", help="Tag type [default: user]."
)
@click.option("--force", is_flag=True, help="Change a system tag into a user tag.")
@force_name_option
@yes_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context,
    selection: Selection,
    protected: bool | None,
    kind: Literal["user", "system"],
    force: bool,
    force_name: bool,
    dry_run: bool,
) -> int:
    """Add tags to VMs.

    VM is a name, a UUID, a list with commas, a pattern in quotes, or - for names from standard input. With
    --all or a filter, omit VM: every argument is a TAG.

    \b
    Examples:
      pvc vm tag add web-01 blue
      pvc vm tag add 'web-*' production -p
      pvc vm tag add --all -s start audited --dry-run
    """
    vms, tags = split_words(context, selection)
    if selection.by_options and not force_name and not is_one(tags[0]):
        raise InvalidInputError(
            f"{quoted(tags[0])} means VMs, but --all or a filter selects the VMs: drop one of both"
        )
    plan = plan_add(tags, kind=kind, protected=protected, force=force, any_name=force_name)
    with connect(context) as handler:
        chosen = chosen_vms(
            context.output,
            handler,
            vms,
            selection,
            tag=None if force_name else tags[0],
            new_tags=() if force_name else tags,
        )
        confirm_many(Deed(f"add {name_tags(tags)} to"), chosen, selection, dry_run=dry_run)
        return carry_out(context, handler, chosen, held(plan, selection), dry_run=dry_run)
