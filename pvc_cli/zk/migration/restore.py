"""Restore a tree from a backup."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pvc_cli.zk.backup import Tree, read_kept
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.locked import TreeChange
from pvc_cli.zk.names import NOT_PVCS
from pvc_cli.zk.schema import MASK, ZKSchema
from pvc_cli.zk.store import Op
from pvc_cli.zk.transaction import Change, changes_of


@dataclass(slots=True)
class RestorePlan:
    """What to change to restore a backup: deletes first, then creates and sets, the version last."""

    deletes: list[Op] = field(default_factory=list)
    writes: list[Op] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the tree already matches the backup."""
        return not (self.deletes or self.writes)

    def changes(self) -> tuple[Change, ...]:
        """Return every change, as a dry run shows it."""
        return changes_of([*self.deletes, *self.writes])

    def phases(self) -> tuple[list[Op], list[Op]]:
        """Return the steps in their order."""
        return self.deletes, self.writes


class Restoration(TreeChange[RestorePlan]):
    """The restore of a tree from a backup."""

    advice = "stop PVC's daemons, then rerun the same command"
    # Running daemons write all the time: what they change after the restore is not ours to undo.
    until_empty = False

    def __init__(self, handler: ZKHandler, backup: Tree) -> None:
        super().__init__(handler)
        self.backup = backup

    def plan(self, on_warning: Callable[[str], None] = lambda _: None) -> RestorePlan:  # noqa: ARG002 - warns of nothing
        """Return what makes the tree equal to the backup.

        Root znodes that are not PVC's, and are not in the backup, stay. A masked secret stays what it is.
        """
        now, backup = read_kept(self.handler), self.backup
        ours = {d.path.split("/")[1] for schema in (ZKSchema.at(0), ZKSchema()) for _, d in schema.keys_of("base")}
        plan = RestorePlan()
        for path in sorted(now, reverse=True):
            if path not in backup and path.split("/")[1] in ours:
                plan.deletes.append(Op("delete", path, version=now[path].version))
        version_path = ZKSchema.at(0).path("base.schema.version")
        for path in sorted(backup, key=lambda path: (path == version_path, path)):
            if path.split("/")[1] in NOT_PVCS:
                continue
            found = now.get(path)
            if found is None:
                plan.writes.append(Op("create", path, backup[path]))
            elif found.data != backup[path] and backup[path] != MASK.encode():
                plan.writes.append(Op("set", path, backup[path], found.version))
        return plan
