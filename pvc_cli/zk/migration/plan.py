"""Plan what to change in a tree to bring it to a schema version."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.zk.base import VERSION_PATH, Base, is_uninitialised, read_base
from pvc_cli.zk.migration.gate import NodeDaemon
from pvc_cli.zk.migration.pattern import SUB_ITEMS, Pattern, pattern_for
from pvc_cli.zk.migration.phases import Phase, active_steps, guards_after, version_step, witnesses
from pvc_cli.zk.migration.survey import Survey, survey
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.reads import read_trees
from pvc_cli.zk.schema import ZKSchema
from pvc_cli.zk.store import Op, Store, Znode
from pvc_cli.zk.transaction import Change, changes_of, delete_noticing

Subtree = Mapping[str, Znode]


@dataclass(frozen=True, slots=True)
class Move:
    """A subtree that gets another place."""

    source: str
    target: str
    tree: Subtree
    there: Subtree = field(default_factory=dict)
    """What is at the target already: an interrupted run copied it."""

    def steps(self) -> Iterator[Op]:
        """Yield what makes the target a copy; where both were written since, the later value stays."""
        for path, znode in self.tree.items():
            at = self.target + path.removeprefix(self.source)
            copy = self.there.get(at)
            if copy is None:
                yield Op("create", at, znode.data)
            elif copy.data != znode.data and _is_newer(znode, copy):
                yield Op("set", at, znode.data, copy.version, copy)


def _is_newer(source: Znode, copy: Znode) -> bool:
    """Tell whether what is at the source of a move is worth more than what is at its target."""
    created_empty = not copy.data and not copy.version
    return created_empty or source.stat.mzxid > copy.stat.mzxid


@dataclass(slots=True)
class Plan:
    """All that a tree needs to be at the version *target*, in the order in which it is safe to do.

    First everything new is put in place, then the version is set, then what is not wanted any more goes: a tree
    that is left at any point between has all that its version needs, and a second run completes it.
    """

    base: Base
    schema: ZKSchema
    """The version that it leads to."""
    uninitialised: bool = False
    """Whether the tree has no version yet, and no node that would run one."""
    creates: list[tuple[str, str]] = field(default_factory=list)
    """Paths with the values they get, parents first."""
    repairs: list[Op] = field(default_factory=list)
    """Steps that replace values that PVC cannot parse."""
    moves: list[Move] = field(default_factory=list)
    deletes: list[Subtree] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What pruning does not delete, because it holds data."""
    postponed: list[Subtree] = field(default_factory=list)
    """What pruning does not delete yet, because of the daemons that run another version."""
    behind: Sequence[str] = ()
    """The nodes of those daemons."""
    daemons: Sequence[NodeDaemon] = ()
    """What the nodes said of their daemons: the version is set only if they still say it."""
    stuck: list[tuple[str, Znode]] = field(default_factory=list)
    """Lock contenders that no session owns, to be deleted."""

    def postpone(self, behind: Sequence[str]) -> None:
        """Delete nothing as long as the daemons of the nodes *behind* run another version.

        They may still read what is retired, and the primary's own migration leaves more.
        """
        self.postponed, self.deletes, self.behind = self.deletes, [], behind

    @property
    def current(self) -> int:
        """The version that the tree has."""
        return self.base.version

    @property
    def target(self) -> int:
        """The version that the tree has afterwards."""
        return self.schema.version

    @property
    def contenders(self) -> list[str]:
        """Others' places in queues for locks on what is deleted or moved."""
        trees = (*self.deletes, *(move.tree for move in self.moves))
        return [path for tree in trees for path in tree if is_contender(path)]

    @property
    def nodes(self) -> Collection[str] | None:
        """The names of the nodes whose daemons were judged; None if the version does not change."""
        return {daemon.name for daemon in self.daemons} if self.sets_version and not self.uninitialised else None

    @property
    def sets_version(self) -> bool:
        """Whether the version itself changes."""
        return self.uninitialised or self.base.znode is None or self.current != self.target

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.sets_version or self.creates or self.repairs or self.moves or self.deletes or self.stuck)

    def phases(self) -> tuple[Phase, Phase, Phase]:
        """Return the steps in their order: expand, set the version, contract."""
        return (
            Phase(self._expansion(), self.base.guards),
            Phase(
                self._switch(),
                witnesses=list(witnesses(self.schema, self.daemons)) if self.sets_version else [],
                together=True,
            ),
            Phase(self._contraction(), guards_after(self.base, sets_version=self.sets_version)),
        )

    def _switch(self) -> list[Op]:
        """Return the steps that set the version, and on the way back what the nodes' daemons start with.

        An older daemon does not start with a version that it does not know; on the way up, each sets its own.
        """
        if not self.sets_version:
            return []
        back = self.daemons if self.target < self.current else ()
        return [
            version_step(self.base, self.target),
            *active_steps(self.schema, back, {path for path, _ in self.creates}),
        ]

    def _expansion(self) -> list[Op]:
        """Return the steps that create what is new."""
        # A moved subtree may go below a znode that is created, and the other way round: parents first, over all.
        copies = (step for move in self.moves for step in move.steps())
        creates = (Op("create", path, value.encode()) for path, value in self.creates)
        return sorted((*creates, *copies, *self.repairs), key=lambda op: op.path)

    def _contraction(self) -> list[Op]:
        """Return the steps that delete what is no longer needed, each guarded by what was read."""
        # What moved away may have been below what goes: each znode once, children first.
        moved = {path for move in self.moves for path in move.tree}
        trees = (*self.deletes, *(move.tree for move in self.moves), dict(self.stuck))
        doomed = {path: znode for tree in trees for path, znode in tree.items()}
        return list(delete_noticing(doomed, moved))

    def changes(self) -> tuple[Change, ...]:
        """Return every change, in order, for a dry run."""
        creates = [Change("create", path, value) for path, value in self.creates]
        moves = [Change("move", move.source, to=move.target) for move in self.moves]
        trees = (*self.deletes, dict(self.stuck))
        deletes = [Change("delete", path) for tree in trees for path in sorted(tree, reverse=True)]
        return (*creates, *changes_of(self.repairs), *moves, *changes_of(self._switch()), *deletes)

    def losses(self) -> Counter[str]:
        """Count, by group, the items that are deleted, and under ``""`` the values of items that stay."""
        known, top = self.schema, pattern_for(self.schema)
        lost: Counter[str] = Counter()
        for tree in self.deletes:
            for path, znode in tree.items():
                place = _place(top, path)
                group = known.group_of(place.key) if place else ""
                if place and place.key and not place.sub_path:
                    lost[group] += 1
                elif group not in SUB_ITEMS and znode.text != (place.default if place else ""):
                    lost[""] += 1
        return lost


def make_plan(store: Store, target: ZKSchema, *, prune: bool = False, contract: bool = True) -> Plan:
    """Plan from the tree as it is.

    :param contract: delete what belongs to other versions only.
    :param prune: delete such znodes, and strays of PVC's own making, as far as they hold no data.
    """
    # An upgrade or a rollback touches no values.
    found = survey(store, target, leaves=prune, values=not contract)
    plan = Plan(read_base(store), target, is_uninitialised(store))
    plan.creates = [(m.path, m.default) for m in found.missing if not m.daemons and m.path != VERSION_PATH]
    plan.repairs = [
        Op("set", i.path, i.repair.encode(), i.znode.version, i.znode) for i in found.invalid if i.repair is not None
    ]
    plan.moves = _moves(store, found)
    if contract:
        plan.deletes = [tree for tree in read_trees(store, found.retired) if tree]
    elif prune:
        _prune(store, target, found, plan)
    return plan


def _moves(store: Store, found: Survey) -> list[Move]:
    trees = read_trees(store, [source for source, _ in found.moved])
    there = read_trees(store, [target for _, target in found.moved])
    return [
        Move(source, target, tree, copied)
        for (source, target), tree, copied in zip(found.moved, trees, there, strict=True)
    ]


def _prune(store: Store, target: ZKSchema, found: Survey, plan: Plan) -> None:
    tops = [*found.retired, *(stray.path for stray in found.stray if stray.pvc_made), *found.normal]
    plan.stuck = found.stuck
    top = pattern_for(target)
    for path, tree in zip(tops, read_trees(store, tops), strict=True):
        if all(_holds_no_data(top, at, znode) for at, znode in tree.items()):
            plan.deletes.append(tree)
        else:
            plan.kept.append(path)


def _holds_no_data(top: Pattern, path: str, znode: Znode) -> bool:
    """Tell whether a znode is empty or has only its default value."""
    place = _place(top, path)
    # At the root, PVC's migration writes the default of the item's key: the tier of a pool.
    defaults = {"", place.default if place else "", "default" if path == "/tier" else ""}
    return znode.text in defaults


def _place(top: Pattern, path: str) -> Pattern | None:
    """Return the pattern of the znode at *path*, or None if no version has it."""
    place: Pattern | None = top
    for name in filter(None, path.split("/")):
        place = (place.named.get(name) or place.items) if place else None
    return place
