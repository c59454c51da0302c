"""Restore a tree from a backup."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pvc_cli.errors import ConfigError, PvcError, RefusedError
from pvc_cli.zk.backup import Tree, backup_version, is_kept, read_all
from pvc_cli.zk.base import VERSION_PATH, Base
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.gate import FORCE, NodeDaemon, objection_to_restore, objections, read_daemons
from pvc_cli.zk.migration.locked import TreeChange
from pvc_cli.zk.migration.phases import Phase, active_steps, guards_after, version_step, witnesses
from pvc_cli.zk.names import NOT_PVCS, is_contender
from pvc_cli.zk.schema import ZKSchema, is_secret, pvcs_roots
from pvc_cli.zk.secrets import is_masked, unmask
from pvc_cli.zk.store import Op, Znode
from pvc_cli.zk.transaction import Change, changes_of

_NEEDED = ("base.config", "base.node", "base.domain", "base.network", "base.storage")
_DAEMONS_OWN = (
    "node.data.active_schema",
    "node.data.latest_schema",
    "node.data.pvc_version",
    "node.data.static",
    "node.keepalive",
    "node.state.daemon",
    "node.running_domains",
)
"""Facts that a node's daemon reports of itself: a backup's are of another time."""


@dataclass(slots=True)
class RestorePlan:
    """What to change to restore a backup.

    First everything that is missing or differs is put in place, then the version is set, then what the backup lacks
    goes: a tree that is left at any point between has all that the backup has, and a second run completes it.
    """

    base: Base
    schema: ZKSchema
    """The backup's version."""
    writes: list[Op] = field(default_factory=list)
    deletes: list[Op] = field(default_factory=list)
    all_daemons: Sequence[NodeDaemon] = ()
    daemons: Sequence[NodeDaemon] = ()
    """Those of nodes that the backup has, too."""
    nodes: Collection[str] | None = None
    foreign: list[str] = field(default_factory=list)
    """Znodes at the backup's root that are not PVC's, and left alone."""
    contenders: Sequence[str] = ()
    unknown_secrets: list[str] = field(default_factory=list)
    """Where a masked secret is left empty, because the cluster has none either."""

    @property
    def target(self) -> int:
        """The version that the tree has afterwards."""
        return self.schema.version

    @property
    def sets_version(self) -> bool:
        """Whether the version itself changes."""
        return self.base.znode is None or self.base.znode.data != str(self.target).encode()

    @property
    def is_empty(self) -> bool:
        """Whether the tree already matches the backup."""
        return not (self.deletes or self.writes or self.sets_version)

    def losses(self) -> Counter[str]:
        """Count the znodes that are deleted, and those whose values are overwritten."""
        overwritten = sum(op.kind == "set" for op in self.writes)
        return Counter({"znode": len(self.deletes), "value": overwritten})

    def changes(self) -> tuple[Change, ...]:
        """Return every change, as a dry run shows it."""
        return changes_of([op for phase in self.phases() for op in phase.ops])

    def phases(self) -> tuple[Phase, Phase, Phase]:
        """Return the steps in their order: expand, set the version, contract."""
        created = {op.path for op in self.writes}
        switch = [version_step(self.base, self.target), *active_steps(self.schema, self.daemons, created)]
        quiet = list(witnesses(self.schema, self.all_daemons))
        # What is deleted may be a node of which nothing is left to be checked.
        still = list(witnesses(self.schema, self.daemons))
        return (
            Phase(self.writes, self.base.guards, quiet),
            Phase(switch if self.sets_version else [], witnesses=quiet, together=True),
            Phase(self.deletes, guards_after(self.base, sets_version=self.sets_version), still),
        )


class Restoration(TreeChange[RestorePlan]):
    """The restore of a tree from a backup.

    :param backup: every znode of it.
    :param force: proceed even if daemons run, or a node does not know the backup's version.
    :param into_foreign: restore into a tree without a PVC schema that holds something else, too.
    :raises ConfigError: if *backup* is not the backup of a whole tree.
    :raises SchemaError: if its version is invalid or not known.
    :raises RefusedError: if the tree holds something else.
    """

    advice = "stop PVC's daemons, then rerun the same command"
    # Running daemons write all the time: what they change after the restore is not ours to undo.
    until_empty = False

    def __init__(self, handler: ZKHandler, backup: Tree, *, force: bool = False, into_foreign: bool = False) -> None:
        self.schema = handler.schema_at(backup_version(backup))
        lacking = [path for path in map(self.schema.path, _NEEDED) if path and path not in backup]
        if lacking:
            raise ConfigError(f"this is not the backup of a whole PVC tree: it lacks {', '.join(lacking)}")
        super().__init__(handler, force=force, into_foreign=into_foreign)
        self.backup = {"/schema": b"", **backup}
        top = f"{self.schema.path('base.node')}/"
        self._nodes = {path.split("/")[2] for path in self.backup if path.startswith(top)}
        self._states = {self.schema.path(("node.state.daemon", name)) for name in self._nodes}

    def _plan(self) -> RestorePlan:
        """Return what makes the tree equal to the backup.

        Root znodes that are not PVC's stay as they are, with all below them; so do what daemons report of themselves,
        and secrets that the backup masks.
        """
        everything = read_all(self.handler)
        now = {path: znode for path, znode in everything.items() if is_kept(path, znode)}
        plan = RestorePlan(self.handler.read_base(), self.schema)
        daemons = read_daemons(self.handler)
        plan.all_daemons = daemons
        plan.daemons = [daemon for daemon in daemons if self.schema.path(("node", daemon.name)) in self.backup]
        plan.nodes = self._nodes | {daemon.name for daemon in daemons}
        live, ours = set(self._daemons_own(daemons)), pvcs_roots()
        roots = {path.split("/")[1] for path in self.backup if path != "/"}
        plan.foreign = sorted(f"/{root}" for root in roots - ours - NOT_PVCS if f"/{root}" in everything)
        kept = {*plan.foreign, *(f"/{root}" for root in NOT_PVCS), VERSION_PATH}
        for path in sorted(now, reverse=True):
            if path not in self.backup and path.split("/")[1] in ours and path != VERSION_PATH:
                plan.deletes.append(Op("delete", path, version=now[path].version))
        for path in sorted(self.backup):
            root = "/".join(path.split("/")[:2])
            if root not in kept and path not in kept and not (path in live and path in now):
                plan.writes += self._write(path, now.get(path), plan)
        going = {op.path for op in plan.deletes}
        plan.contenders = [path for path in everything if is_contender(path) and path.rpartition("/")[0] in going]
        return plan

    def _daemons_own(self, daemons: Iterable[NodeDaemon]) -> Iterator[str]:
        for daemon in daemons:
            yield from filter(None, (self.schema.path((key, daemon.name)) for key in _DAEMONS_OWN))

    def _write(self, path: str, found: Znode | None, plan: RestorePlan) -> Iterator[Op]:
        """Yield the step that makes the value at *path* the backup's, if it differs."""
        wanted = self.backup[path]
        if is_masked(path, wanted):
            wanted = unmask(path, wanted, found.data if found else None)
            if found is None:
                plan.unknown_secrets.append(path)
        if found is None:
            # A daemon that ran at the backup's time does not run here.
            yield Op("create", path, b"stop" if path in self._states else wanted)
        elif found.data != wanted:
            yield Op("set", path, wanted, found.version, found)

    def _objections(self, plan: RestorePlan) -> list[PvcError]:
        live = self.handler.is_live
        found: list[PvcError] = []
        if plan.sets_version:
            found += objections(plan.daemons, plan.base.version, plan.target, live=live)
        if not found and not plan.is_empty:
            found += objection_to_restore(plan.all_daemons, live=live)
        secrets = [op.path for op in plan.writes if op.kind == "create" and op.data and is_secret(op.path)]
        parents = list(dict.fromkeys(["/", "/nodes", *(path.rpartition("/")[0] for path in secrets)]))
        if secrets and self.handler.store.exposes(parents):
            found.append(
                RefusedError(
                    f"cannot create {secrets[0]} readable by everyone in a tree with restricted access: set the ACL"
                    f" of the connection (pvc connection add --acl){FORCE}"
                )
            )
        return found
