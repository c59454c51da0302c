"""Migrate a tree to a schema version: upgrade, rollback and apply."""

from __future__ import annotations

from pvc_cli.errors import RefusedError
from pvc_cli.zk.base import VERSION_KEY, VERSION_PATH, Base, is_uninitialised
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.gate import Objection, behind, objections, read_daemons
from pvc_cli.zk.migration.locked import TreeChange
from pvc_cli.zk.migration.plan import Plan, make_plan
from pvc_cli.zk.migration.survey import Survey, survey
from pvc_cli.zk.reads import is_stuck
from pvc_cli.zk.schema import ZKSchema
from pvc_cli.zk.store import Op, Read, Znode


class Migration(TreeChange[Plan]):
    """The migration of a tree to one schema version.

    :param contract: delete what belongs to other versions.
    :param prune: delete such znodes, and strays of PVC's own making, as far as they hold no data; and stuck locks.
    :param force: proceed even if a node does not know the version, if running daemons would undo it, or, for
        *prune*, if they run another version.
    :param base: what it is decided on, if it was read already.
    :param into_foreign: initialise a tree that holds something else, too.
    """

    def __init__(
        self,
        handler: ZKHandler,
        target: ZKSchema,
        *,
        contract: bool = True,
        prune: bool = False,
        force: bool = False,
        base: Base | None = None,
        into_foreign: bool = False,
    ) -> None:
        super().__init__(handler, force=force, base=base, into_foreign=into_foreign)
        self.target, self.contract, self.prune = target, contract, prune

    @classmethod
    def upgrade(cls, handler: ZKHandler, to: int | None = None, *, force: bool = False) -> Migration:
        """Return the upgrade to a newer version, by default the newest that is known.

        :raises RefusedError: if the cluster has a newer one.
        """
        target = handler.schema_at(to)
        migration = cls(handler, target, force=force)
        current = migration.base.version
        if to is None and target.version < current:
            migration.target = target = handler.schema_at(current)
        if target.version < current:
            raise RefusedError(
                f"cannot upgrade to {target.version}: the cluster already has schema version {current};"
                f" to go back, run 'pvc schema rollback --to {target.version}'"
            )
        return migration

    @classmethod
    def rollback(cls, handler: ZKHandler, to: int, *, force: bool = False) -> Migration:
        """Return the rollback to an older version.

        :raises RefusedError: if the cluster has an older one.
        """
        target = handler.schema_at(to)
        migration = cls(handler, target, force=force)
        if target.version > migration.base.version:
            raise RefusedError(
                f"cannot roll back to {target.version}: the cluster has schema version {migration.base.version};"
                f" to go up, run 'pvc schema upgrade --to {target.version}'"
            )
        return migration

    @classmethod
    def apply(
        cls,
        handler: ZKHandler,
        version: int | None = None,
        *,
        prune: bool = False,
        force: bool = False,
        into_foreign: bool = False,
    ) -> Migration:
        """Return what gives the tree all of its own version, or initialises an empty one at *version*.

        :param force: prune even while daemons run another version.
        :param into_foreign: initialise a tree that holds something else, too.
        :raises RefusedError: if the tree has another version, or holds something else.
        """
        base = handler.read_base()
        if is_uninitialised(handler.store):
            target = handler.schema_at(version)
            return cls(handler, target, contract=False, prune=prune, base=base, into_foreign=into_foreign)
        if version not in (None, base.version):
            raise RefusedError(
                f"cannot apply version {version}: the cluster has schema version {base.version},"
                " and --version is for an empty tree; run 'pvc schema upgrade --to' or 'pvc schema rollback --to'"
            )
        return cls(handler, handler.schema_at(base.version), contract=False, prune=prune, force=force, base=base)

    def _plan(self) -> Plan:
        plan = make_plan(self.handler.store, self.target, prune=self.prune, contract=self.contract)
        if self.contract and plan.current != self.target.version:
            plan.daemons = read_daemons(self.handler)
        may_wait = self.prune and plan.deletes and self.handler.is_live and not self.force
        if may_wait and (late := behind(read_daemons(self.handler), plan.current)):
            plan.postpone(late)
        return plan

    def _objections(self, plan: Plan) -> list[Objection]:
        live = self.handler.is_live
        return list(objections(plan.daemons, plan.current, self.target.version, live=live)) if plan.daemons else []

    def _prepare(self) -> None:
        """Remove what would keep the schema's lock for ever: no session owns it, so nobody releases it."""
        if self.prune:
            names = self.handler.children(VERSION_KEY) or []
            paths = [f"{VERSION_PATH}/{name}" for name in names]
            found = self.handler.store.read([Read(path) for path in paths])
            self.handler.store.commit(
                [
                    Op("delete", path, version=znode.version, found=znode)
                    for path, znode in zip(paths, found, strict=True)
                    if isinstance(znode, Znode) and is_stuck(path, znode)
                ]
            )


def validate(handler: ZKHandler) -> Survey:
    """Return how the tree differs from its schema version, and which values PVC cannot parse."""
    return survey(handler.store, handler.schema, leaves=True, values=True)
