"""Restore a tree from a backup."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from pvc_cli.errors import ConfigError, RefusedError
from pvc_cli.zk.backup import Tree, backup_version, is_kept, read_all
from pvc_cli.zk.base import VERSION_PATH, Base
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.gate import FORCE, NodeDaemon, Objection, objection_to_restore, objections, read_daemons
from pvc_cli.zk.migration.locked import TreeChange
from pvc_cli.zk.migration.phases import Lazily, Phase, active_steps, guards_after, version_step, witnesses
from pvc_cli.zk.names import NOT_PVCS, is_contender
from pvc_cli.zk.schema import ZKSchema, is_secret, pvcs_roots
from pvc_cli.zk.secrets import is_masked, unmask
from pvc_cli.zk.spool import Rest, Spool
from pvc_cli.zk.store import Op, Znode
from pvc_cli.zk.transaction import Change, stream_changes

_AT_ONCE = 5_000
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
    sets: list[Op] = field(default_factory=list)
    creates: Collection[Op] = ()
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
    new_secrets: list[str] = field(default_factory=list)
    """Secrets that are created."""
    new_active: set[str] = field(default_factory=set)
    """What says which version a daemon runs, where it is created."""

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
        return not (self.deletes or self.sets or self.creates or self.sets_version)

    def losses(self) -> Counter[str]:
        """Count the znodes that are deleted, and those whose values are overwritten."""
        return Counter({"znode": len(self.deletes), "value": len(self.sets)})

    def changes(self) -> Iterator[Change]:
        """Yield every change, as a dry run shows it."""
        return stream_changes(op for phase in self.phases() for op in phase.ops)

    def phases(self) -> tuple[Phase, Phase, Phase]:
        """Return the steps in their order: expand, set the version, contract."""
        writes = Lazily(len(self.sets) + len(self.creates), lambda: chain(self.sets, self.creates))
        switch = [version_step(self.base, self.target), *active_steps(self.schema, self.daemons, self.new_active)]
        quiet = list(witnesses(self.schema, self.all_daemons))
        # What is deleted may be a node of which nothing is left to be checked.
        still = list(witnesses(self.schema, self.daemons))
        return (
            Phase(writes, self.base.guards, quiet),
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

    def __init__(
        self,
        handler: ZKHandler,
        backup: Tree,
        *,
        force: bool = False,
        into_foreign: bool = False,
    ) -> None:
        self.backup = backup if isinstance(backup, Spool) else Spool(backup.items())
        self.schema = handler.schema_at(backup_version(self.backup))
        require_whole(self.backup, self.schema)
        super().__init__(handler, force=force, into_foreign=into_foreign)
        self._nodes = set(self.backup.below(self.schema.path("base.node") or ""))
        self._states, self._actives = (
            {self.schema.path((key, name)) for name in self._nodes}
            for key in ("node.state.daemon", "node.data.active_schema")
        )

    def _plan(self) -> RestorePlan:
        """Return what makes the tree equal to the backup.

        Root znodes that are not PVC's stay as they are, with all below them; so do what daemons report of themselves,
        and secrets that the backup masks.
        """
        plan = RestorePlan(self.handler.read_base(), self.schema)
        plan.all_daemons = daemons = read_daemons(self.handler)
        plan.daemons = [daemon for daemon in daemons if daemon.name in self._nodes]
        plan.nodes = self._nodes | {daemon.name for daemon in daemons}
        live, ours = set(self._daemons_own(daemons)), pvcs_roots()
        rest, foreign, contenders = self.backup.rest(), set(NOT_PVCS), list[str]()
        tree = iter(read_all(self.handler))
        while some := list(islice(tree, _AT_ONCE)):
            wanted = self.backup.values_of(path for path, _ in some)
            rest.take(wanted)
            for path, znode in some:
                root = path.split("/")[1]
                if is_contender(path):
                    contenders.append(path)
                elif path != "/" and root not in ours:
                    foreign.add(root)
                elif is_kept(path, znode) and path not in live and path != VERSION_PATH:
                    _plan_one(plan, path, znode, wanted.get(path))
        plan.deletes.sort(key=lambda op: op.path, reverse=True)
        plan.foreign = sorted(f"/{root}" for root in foreign - NOT_PVCS if f"/{root}" in self.backup)
        going = {op.path for op in plan.deletes}
        plan.contenders = [path for path in contenders if path.rpartition("/")[0] in going]
        self._plan_creates(plan, rest, foreign)
        return plan

    def _plan_creates(self, plan: RestorePlan, rest: Rest, foreign: Container[str]) -> None:
        """Plan to create what the tree lacks: there may be no room to keep it in memory."""

        def missing() -> Iterator[tuple[str, bytes]]:
            return ((at, data) for at, data in rest if at != VERSION_PATH and at.split("/")[1] not in foreign)

        def create(path: str, data: bytes) -> Op:
            # A daemon that ran at the backup's time does not run here.
            value = b"stop" if path in self._states else unmask(path, data, None) if is_masked(path, data) else data
            return Op("create", path, value)

        number = 0
        for path, data in missing():
            number += 1
            if is_masked(path, data):
                plan.unknown_secrets.append(path)
            elif data and is_secret(path):
                plan.new_secrets.append(path)
            if path in self._actives:
                plan.new_active.add(path)
        plan.creates = Lazily(number, lambda: (create(*pair) for pair in missing()))

    def _daemons_own(self, daemons: Iterable[NodeDaemon]) -> Iterator[str]:
        for daemon in daemons:
            yield from filter(None, (self.schema.path((key, daemon.name)) for key in _DAEMONS_OWN))

    def _objections(self, plan: RestorePlan) -> list[Objection]:
        live = self.handler.is_live
        found: list[Objection] = []
        if plan.sets_version:
            # An interrupted restore leaves nodes of which only a part is there: the rest comes now.
            reporting = [daemon for daemon in plan.daemons if daemon.latest or daemon.runs]
            found += objections(reporting, plan.base.version, plan.target, live=live)
        if not found and not plan.is_empty:
            found += objection_to_restore(plan.all_daemons, live=live)
        return found + objection_to_secrets(self.handler, plan.new_secrets)


def require_whole(backup: Tree, schema: ZKSchema) -> None:
    """Check that *backup* is that of a whole tree.

    :raises ConfigError: if it is not.
    """
    if lacking := [path for path in map(schema.path, _NEEDED) if path and path not in backup]:
        raise ConfigError(f"this is not the backup of a whole PVC tree: it lacks {', '.join(lacking)}")


def objection_to_secrets(handler: ZKHandler, secrets: Sequence[str]) -> list[Objection]:
    """Return what speaks against creating *secrets*: everybody could read them, where access is restricted."""
    parents = list(dict.fromkeys(["/", "/nodes", *(path.rpartition("/")[0] for path in secrets)]))
    if not (secrets and handler.store.exposes(parents)):
        return []
    error = RefusedError(
        f"cannot create {secrets[0]} readable by everyone in a tree with restricted access: set the ACL of the"
        f" connection (pvc connection add --acl){FORCE}"
    )
    return [Objection(error, f"creating {secrets[0]} readable by everyone in a tree with restricted access")]


def _plan_one(plan: RestorePlan, path: str, found: Znode, wanted: bytes | None) -> None:
    """Plan to delete the znode at *path*, or to set it, if its value is not the one *wanted*."""
    if wanted is None:
        plan.deletes.append(Op("delete", path, version=found.version))
        return
    if is_masked(path, wanted):
        wanted = unmask(path, wanted, found.data)
    if found.data != wanted:
        plan.sets.append(Op("set", path, wanted, found.version, found))
