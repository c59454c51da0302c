from collections.abc import Sequence

import click

from pvc_cli.cluster.vms.query import VmRef, is_one
from pvc_cli.cluster.vms.tag_plans import plan_remove
from pvc_cli.cluster.vms.tags import tag_names
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands._common.selecting import Selection, chosen_vms, confirm_many
from pvc_cli.commands.vm.tag._change import carry_out, force_name_option, held, name_tags, split_words, tag_options
from pvc_cli.errors import NotFoundError, hint, quoted
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler


@click.command("remove")
@tag_options
@click.option("--force", is_flag=True, help="Also remove protected and system tags.")
@click.option("--if-exists", is_flag=True, help="Skip a single VM that does not have the tag, too.")
@force_name_option
@yes_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context, selection: Selection, force: bool, if_exists: bool, force_name: bool, dry_run: bool
) -> int:
    """Remove tags from VMs.

    VMs are selected as in 'pvc vm tag add'. Protected and system tags need --force. Of several VMs, those without the
    tag stay as they are.

    \b
    Examples:
      pvc vm tag remove web-01 blue
      pvc vm tag remove -g old old --force
    """
    vms, tags = split_words(context, selection)
    # Of many, some lack it; a single one that is named was meant to have it.
    many = selection.by_options or not is_one(*vms)
    plan = plan_remove(tags, force=force, if_exists=if_exists or many)
    with connect(context) as handler:
        chosen = chosen_vms(context.output, handler, vms, selection, tag=None if force_name else tags[0])
        if chosen and many and not if_exists:
            _check_tags(context.output, handler, chosen, tags)
        confirm_many(Deed(f"remove {name_tags(tags)} from"), chosen, selection, dry_run=dry_run)
        return carry_out(context, handler, chosen, held(plan, selection), dry_run=dry_run)


def _check_tags(output: Output, handler: ZKHandler, vms: Sequence[VmRef], wanted: Sequence[str]) -> None:
    """Say which tags of *wanted* no VM of the cluster has, before any is removed.

    :param vms: the VMs that lose the tags; only of a tag that none of them has are all others read.
    :raises NotFoundError: if one of these resembles a tag that a VM has.
    """
    absent = set(wanted).difference(tag_names(handler, [vm.uuid for vm in vms]))
    known = tag_names(handler, handler.children("base.domain") or []) if absent else []
    for tag in wanted:
        if tag in absent and tag not in known:
            if advice := hint(tag, known, ""):
                raise NotFoundError(f"no VM has a tag {quoted(tag)}: {advice}")
            output.message(f"No VM has a tag {quoted(tag)}.")
