"""Change a whole tree from a program, with the same safety as from the command line."""

from pvc_cli.zk.backup import Tree
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.locked import Hooks
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan
from pvc_cli.zk.migration.restore import Restoration, RestorePlan


def upgrade(
    handler: ZKHandler, to: int | None = None, *, force: bool = False, hooks: Hooks[Plan] | None = None
) -> Plan:
    """Upgrade the tree to a newer schema version, by default the newest that is known.

    :param force: proceed even if a node does not know the version, or running daemons would undo it.
    :param hooks: confirmation, backup and progress.
    :returns: what was done.
    :raises SchemaError: if some node does not know the version.
    :raises RefusedError: if the cluster has a newer one, or running daemons would undo it.
    :raises ConflictError: if the tree is no longer what was decided on.
    """
    return Migration.upgrade(handler, to, force=force).carry_out(hooks)


def rollback(handler: ZKHandler, to: int, *, force: bool = False, hooks: Hooks[Plan] | None = None) -> Plan:
    """Go back to an older schema version; keys that it lacks are deleted. Otherwise like :func:`upgrade`."""
    return Migration.rollback(handler, to, force=force).carry_out(hooks)


def apply(
    handler: ZKHandler,
    version: int | None = None,
    *,
    prune: bool = False,
    force: bool = False,
    into_foreign: bool = False,
    hooks: Hooks[Plan] | None = None,
) -> Plan:
    """Create missing keys; initialise an empty tree, by default at the newest version. The version is never changed.

    :param prune: also delete retired keys and PVC's leftovers that hold no data, and stuck locks. While daemons run
        another version, the plan has the first two as ``postponed``.
    :param force: prune even then.
    :param into_foreign: initialise a tree that holds something else, too.
    :raises RefusedError: if the tree has another version, or holds something else.
    :raises ConflictError: if the tree is no longer what was decided on.
    """
    return Migration.apply(handler, version, prune=prune, force=force, into_foreign=into_foreign).carry_out(hooks)


def restore(
    handler: ZKHandler,
    backup: Tree,
    *,
    force: bool = False,
    into_foreign: bool = False,
    hooks: Hooks[RestorePlan] | None = None,
) -> RestorePlan:
    """Make the tree what it was when *backup* was made; what is not in it is deleted.

    :param force: proceed even if daemons run, or a node does not know the backup's version.
    :param into_foreign: restore into a tree without a PVC schema that holds something else, too.
    :raises ConfigError: if *backup* is not the backup of a whole tree.
    :raises SchemaError: if some node does not know its version.
    :raises RefusedError: if daemons run, or the tree holds something else.
    :raises ConflictError: if the tree is no longer what was decided on.
    """
    return Restoration(handler, backup, force=force, into_foreign=into_foreign).carry_out(hooks)
