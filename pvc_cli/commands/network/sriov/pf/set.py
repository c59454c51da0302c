from contextlib import suppress
from pathlib import Path

import click

from pvc_cli.agent.config import parse_config
from pvc_cli.agent.kernel import KernelError
from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.agent.resize import require_configured, require_fits
from pvc_cli.cluster.documents import items_document
from pvc_cli.cluster.sriov.draining import read_pf_users, users_above
from pvc_cli.cluster.values import Json
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import (
    Context,
    connect,
    never_asks_option,
    output_option,
    pass_context,
    plain_dry_run_option,
)
from pvc_cli.commands._common.refusals import dry_run_mark
from pvc_cli.commands.network.sriov.agent._agent import config_option
from pvc_cli.commands.network.sriov.pf._here import require_here
from pvc_cli.commands.network.sriov.pf._named import named_pf
from pvc_cli.connections.node_config import read_config_file
from pvc_cli.connections.vfcount import Edit, edit_vfcount, write_edit
from pvc_cli.errors import ConfigError, RefusedError
from pvc_cli.zk import ZKHandler

_MOST = 65535


@click.command("set")
@click.argument("node", shell_complete=complete.pf_words)
@click.argument("name", metavar="PF", required=False, shell_complete=complete.pfs)
@click.option(
    "--vfcount", "count", type=click.IntRange(0, _MOST), metavar="N", required=True,
    help="The new number of VFs.",
)  # fmt: skip
@config_option
@never_asks_option
@plain_dry_run_option
@output_option
@pass_context
def command(context: Context, node: str, name: str | None, count: int, config: Path | None, dry_run: bool) -> None:
    """Set the number of VFs of a PF, in the configuration of its node.

    NODE/PF is one word for both. Run it on the node. It changes the number in /etc/pvc/pvc.conf, and no other byte;
    the card stays as it is until 'pvc sriov pf drain NODE PF --resize'. Refused while a VF that would go is claimed,
    or in the XML of a VM.

    \b
    Examples:
      pvc sriov pf set pvchv1 ens1f0 --vfcount 8 --dry-run
      pvc sriov pf set pvchv1 ens1f0 --vfcount 8
    """
    output = context.output
    node, name = named_pf(node, name)
    with connect(context, pvc_config=config) as handler:
        require_here(handler, node, "set", node, name, "--vfcount", str(count))
        path, data = read_config_file(config)
        edit = edit_vfcount(path, data, name, count)
        require_configured(parse_config(path, edit.document), name)
        present = _check_card(name, count)
        if edit.changes:
            _require_unused(handler, node, edit, name, present)
        if edit.changes and not dry_run:
            handler.announce_change()
            write_edit(edit)
    item = f"{node}/{name}"
    output.show(
        lambda: _document(item, edit, dry_run=dry_run),
        names=lambda: [item] * edit.changes,
        table=lambda: _would(edit) if edit.changes and dry_run else "",
    )
    if not edit.changes:
        output.message(f"{dry_run_mark(dry_run)}{item}: unchanged: vfcount is {count} in {path} already.")
    elif not dry_run:
        was = "unset" if edit.old is None else edit.old
        output.message(f"{item}: vfcount {was} -> {count} in line {edit.line} of {path}.")
    if edit.changes:
        output.warning(
            f"if configuration management, such as PVC's Ansible role, writes {path}, give it the same number: else"
            " it puts the old one back"
        )
    if present != count:
        output.message(f"Next: 'pvc sriov pf drain {node} {name} --resize'.")


def _check_card(name: str, count: int) -> int | None:
    """Check that the card can have *count* VFs, and return how many it has; None if that cannot be told."""
    with suppress(ConfigError, KernelError), LinuxKernel() as kernel:
        state = kernel.pf(name)
        if state:
            require_fits(kernel, name, count)
            return state.vfs
    return None


def _require_unused(handler: ZKHandler, node: str, edit: Edit, name: str, present: int | None) -> None:
    """Check that nobody has a VF that would go."""
    users = users_above(read_pf_users(handler, node, name), name, edit.new, max(edit.old or 0, present or 0))
    if users:
        who = [
            f"VM {user.name or '?'} uses {user.vf}" if user.vf else f"VM {user.name} may use any VF" for user in users
        ]
        raise RefusedError(
            f"cannot lower {node}/{name} to {edit.new} VFs: {', '.join(who)}: release claims with 'pvc sriov vf"
            " release', and change the VMs' XML"
        )


def _would(edit: Edit) -> str:
    if edit.before:
        return f"would change line {edit.line} of {edit.path}:\n  before: {edit.before}\n  after:  {edit.after}"
    return f"would add line {edit.line} to {edit.path}: {edit.after}"


def _document(item: str, edit: Edit, *, dry_run: bool) -> Json:
    """Return the document of the change, or of its dry run."""
    where = {"file": str(edit.path), "line": edit.line, "before": edit.before, "after": edit.after}
    one = (
        {"status": "changed", **where, "changes": {"vfcount": {"old": edit.old, "new": edit.new}}}
        if edit.changes
        else {"status": "unchanged", "reason": f"vfcount is {edit.new} already", **where}
    )
    return {**({"dry_run": True} if dry_run else {}), **items_document([{"name": item, **one}])}
