"""Restore a part of a backup from the command line."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from pvc_cli.cluster.controls import Item, Plan, control
from pvc_cli.cluster.restoring import (
    Notes,
    look_into,
    origin,
    plan_key,
    plan_tags,
    plan_vms,
    require_tags,
    tagged_vms,
)
from pvc_cli.cluster.vms.query import SEE_VMS, VmRef, find
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, options_into
from pvc_cli.commands._common.keys import check_key, resolve
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands._common.tree_change import Wishes
from pvc_cli.errors import InvalidInputError, NotFoundError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.backup import back_up
from pvc_cli.zk.spool import Spool
from pvc_cli.zk.spooled import SpoolStore

_RESTORE = Deed("restore")


class Part(NamedTuple):
    """Which part of a backup to restore."""

    words: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    tags_only: bool = False
    key: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of it is meant.

        :raises InvalidInputError: if that cannot be told.
        """
        if self.key and (self.vms or self.tags_only):
            raise InvalidInputError("--key excludes --vm and --tags-only: restore one after the other")
        if self.words and not (self.key or self.vms):
            raise InvalidInputError("expected one FILE: further words go with --vm or --key")
        return not (self.key or self.vms or self.tags_only)


part_options = options_into(
    Part,
    "part",
    click.argument("words", metavar="[ITEM]…", nargs=-1),
    click.option(
        "--vm", "vms", multiple=True, metavar="VM", shell_complete=complete.vms,
        help="Restore only this VM, stopped; further words are more VMs. --force overwrites one that exists.",
    ),
    click.option("--tags-only", is_flag=True, help="Restore only tags, of VMs that exist; newer tags stay."),
    click.option("--key", metavar="KEY", help="Restore only the value of this key of ITEM."),
)  # fmt: skip


def restore_part(context: Context, file: str, part: Part, wishes: Wishes, spool: Spool) -> int:
    """Restore *part* of the backup in *spool*; return the exit code."""
    backup = ZKHandler.over(SpoolStore(spool), schema_dir=context.schema_dir)
    with connect(context) as handler:
        if part.key:
            words = (part.key, *part.words)
            check_key(words)
            key, path = resolve(handler.schema, words)
            return _carry_out(context, handler, [path], plan_key(backup, file, key, path), wishes)
        named = context.names([*part.vms, *part.words])
        if "-" in (*part.vms, *part.words) and file == "-":
            raise InvalidInputError("'-' can be used only once: it reads all of standard input")
        if part.tags_only:
            return _restore_tags(context, backup, file, handler, named, wishes)
        notes: Notes = {}
        plan = plan_vms(backup, notes, force=wishes.force)
        vms = _find(backup, file, named)
        code = _carry_out(context, handler, vms, plan, wishes, overwrites=wishes.force)
        for vm, found in notes.items():
            for note in found:
                context.output.warning(f"{vm}: {note}")
        return code


def _find(backup: ZKHandler, file: str, words: Sequence[str]) -> list[VmRef]:
    """Return the VMs of *backup*, which is in *file*, that *words* name.

    :raises NotFoundError: if it lacks one.
    """
    try:
        return find(backup, words)
    except NotFoundError as error:
        why = str(error).replace(SEE_VMS, look_into(file, "vm list"))
        missed = why.removeprefix("there is ")
        raise NotFoundError(f"{origin(file)}{':' if missed == why else ' has'} {missed}") from None


def _restore_tags(
    context: Context, backup: ZKHandler, file: str, handler: ZKHandler, named: Sequence[str], wishes: Wishes
) -> int:
    require_tags(backup, handler)
    vms, lost = (_find(backup, file, named), 0) if named else tagged_vms(backup, handler)
    code = _carry_out(context, handler, vms, plan_tags(backup), wishes, deed=Deed("restore the tags of"))
    if lost:
        count = "1 VM" if lost == 1 else f"{lost} VMs"
        context.output.message(f"Left out {count} of the backup that the cluster does not have.")
    return code


def _carry_out(
    context: Context,
    handler: ZKHandler,
    items: Sequence[Item],
    plan: Plan[Item],
    wishes: Wishes,
    *,
    deed: Deed = _RESTORE,
    overwrites: bool = False,
) -> int:
    """Carry *plan* out, after a backup if one is asked for, or if a VM is overwritten."""
    ask_many(deed, "VMs", items, yes=wishes.yes, dry_run=wishes.dry_run)
    path = wishes.backup_path(context, "restore") if wishes.backup or overwrites else None
    if path and not wishes.dry_run:
        first = control(handler, items, plan, dry_run=True)
        if any(change.action != "create" for change in first.changes):
            back_up(handler, path, overwrite=wishes.overwrite, on_warning=context.output.warning)
            context.output.message(f"Backup written to {path}.")
    return carry_out(context.output, handler, items, plan, dry_run=wishes.dry_run)
