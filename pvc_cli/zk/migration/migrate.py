"""Migrate a tree to a schema version: upgrade, rollback and apply."""

from __future__ import annotations

from collections.abc import Callable

from pvc_cli.errors import RefusedError, SchemaError
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.locked import TreeChange
from pvc_cli.zk.migration.plan import Plan, is_uninitialised, make_plan
from pvc_cli.zk.migration.survey import Survey, survey
from pvc_cli.zk.schema import ZKSchema, parse_version


class Migration(TreeChange[Plan]):
    """The migration of a tree to one schema version.

    :param contract: delete what belongs to other versions.
    :param prune: delete such znodes, and strays of PVC's own making, as far as they hold no data.
    :param force: proceed even if a node does not know the version.
    """

    def __init__(
        self, handler: ZKHandler, target: ZKSchema, *, contract: bool = True, prune: bool = False, force: bool = False
    ) -> None:
        super().__init__(handler)
        self.target, self.contract, self.prune, self.force = target, contract, prune, force

    @classmethod
    def upgrade(cls, handler: ZKHandler, to: int | None = None, *, force: bool = False) -> Migration:
        """Return the upgrade to a newer version, by default the newest that is known.

        :raises RefusedError: if the cluster has a newer one.
        """
        target, current = handler.schema_at(to), handler.schema.version
        if to is None and target.version < current:
            target = handler.schema
        if target.version < current:
            raise RefusedError(
                f"cannot upgrade to {target.version}: the cluster already has schema version {current};"
                f" to go back, run 'pvc schema rollback --to {target.version}'"
            )
        return cls(handler, target, force=force)

    @classmethod
    def rollback(cls, handler: ZKHandler, to: int, *, force: bool = False) -> Migration:
        """Return the rollback to an older version.

        :raises RefusedError: if the cluster has an older one.
        """
        target, current = handler.schema_at(to), handler.schema.version
        if target.version > current:
            raise RefusedError(
                f"cannot roll back to {target.version}: the cluster has schema version {current};"
                f" to go up, run 'pvc schema upgrade --to {target.version}'"
            )
        return cls(handler, target, force=force)

    @classmethod
    def apply(cls, handler: ZKHandler, version: int | None = None, *, prune: bool = False) -> Migration:
        """Return what gives the tree all of its own version, or initialises an empty one at *version*.

        :raises RefusedError: if the tree has another version.
        """
        if is_uninitialised(handler.store):
            target = handler.schema_at(version)
        elif version in (None, handler.schema.version):
            target = handler.schema
        else:
            raise RefusedError(
                f"cannot apply version {version}: the cluster has schema version {handler.schema.version},"
                " and --version is for an empty tree; run 'pvc schema upgrade --to' or 'pvc schema rollback --to'"
            )
        return cls(handler, target, contract=False, prune=prune)

    def plan(self, on_warning: Callable[[str], None] = lambda _: None) -> Plan:
        """Return what there is to do, from the tree as it is.

        :param on_warning: is told what speaks against a migration that is forced.
        :raises SchemaError: if some node does not know the version, and it is not forced.
        """
        plan = make_plan(self.handler.store, self.target, prune=self.prune, contract=self.contract)
        if plan.current != self.target.version and self.contract:
            reasons = _unready_nodes(self.handler, self.target)
            if reasons and not self.force:
                raise SchemaError(
                    f"schema version {self.target.version} would stop PVC on some nodes: {'; '.join(reasons)}:"
                    " upgrade PVC there first, or override with --force"
                )
            for reason in reasons:
                on_warning(reason)
        return plan


def validate(handler: ZKHandler) -> Survey:
    """Return how the tree differs from its schema version, in one batch per level."""
    return survey(handler.store, handler.schema, leaves=True)


def _unready_nodes(handler: ZKHandler, target: ZKSchema) -> list[str]:
    """Return, for each node that does not know the version *target*, a reason against it.

    A node's daemon writes the newest version that it knows into the tree; one that does not know the cluster's
    version would not start again.
    """
    names = handler.children("base.node") or []
    reasons = []
    for name, text in zip(names, handler.read_many(("node.data.latest_schema", n) for n in names), strict=True):
        known = parse_version(text) if text and text.strip() else None
        if known is None:
            reasons.append(f"node {name} does not report which version it knows")
        elif known < target.version:
            reasons.append(f"node {name} knows only version {known}")
    return reasons
