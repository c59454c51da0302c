"""Plan what to change in a tree to bring it to a schema version."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pvc_cli.zk.migration.pattern import SUB_ITEMS, Pattern, pattern_for
from pvc_cli.zk.migration.survey import Survey, survey
from pvc_cli.zk.reads import read_trees
from pvc_cli.zk.schema import ZKSchema, parse_version
from pvc_cli.zk.store import Op, Read, Store, Znode
from pvc_cli.zk.transaction import Change, changes_of

Subtree = Mapping[str, Znode]
VERSION_KEY = "base.schema.version"


@dataclass(frozen=True, slots=True)
class Move:
    """A subtree that gets another place."""

    source: str
    target: str
    tree: Subtree
    there: frozenset[str] = frozenset()
    """What is at the target already: an interrupted run copied it."""

    def copies(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is to be created at the target, with its value."""
        for path, znode in self.tree.items():
            at = self.target + path.removeprefix(self.source)
            if at not in self.there:
                yield at, znode.data


@dataclass(slots=True)
class Plan:
    """All that a tree needs to be at the version *target*, in the order in which it is safe to do.

    First everything new is put in place, then the version is set, then what is not wanted any more goes: a tree
    that is left at any point between has all that its version needs, and a second run completes it.
    """

    current: int
    target: int
    version_path: str
    version_znode: Znode | None
    """The znode that holds the version, as it was read; its version guards the change."""
    uninitialised: bool = False
    """Whether the tree has no version yet, and no node that would run one."""
    creates: list[tuple[str, str]] = field(default_factory=list)
    """Paths with the values they get, parents first."""
    moves: list[Move] = field(default_factory=list)
    deletes: list[Subtree] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What pruning does not delete, because it holds data."""

    @property
    def sets_version(self) -> bool:
        """Whether the version itself changes."""
        return self.uninitialised or self.version_znode is None or self.current != self.target

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.sets_version or self.creates or self.moves or self.deletes)

    def phases(self) -> tuple[list[Op], list[Op], list[Op]]:
        """Return the steps in their order: expand, set the version, contract."""
        return self._expansion(), [self._version_step()] if self.sets_version else [], self._contraction()

    def _expansion(self) -> list[Op]:
        """Return the steps that create what is new."""
        # A moved subtree may go below a znode that is created, and the other way round: parents first, over all.
        copies = (copy for move in self.moves for copy in move.copies())
        creates = ((path, value.encode()) for path, value in self.creates)
        return [Op("create", path, data) for path, data in sorted((*creates, *copies))]

    def _version_step(self) -> Op:
        """Return the step that sets the version, unless another client did."""
        data = str(self.target).encode()
        if self.version_znode is None:
            return Op("create", self.version_path, data)
        return Op("set", self.version_path, data, self.version_znode.version)

    def _contraction(self) -> list[Op]:
        """Return the steps that delete what is no longer needed, each guarded by what was read."""
        # What moved away may have been below what goes: each znode once, children first.
        doomed = {path: z for tree in (*self.deletes, *(m.tree for m in self.moves)) for path, z in tree.items()}
        return [Op("delete", path, version=doomed[path].version) for path in sorted(doomed, reverse=True)]

    def changes(self) -> tuple[Change, ...]:
        """Return every change, in order, for a dry run."""
        creates = [Change("create", path, value) for path, value in self.creates]
        moves = [Change("move", move.source, to=move.target) for move in self.moves]
        version = changes_of([self._version_step()] if self.sets_version else [])
        deletes = [Change("delete", path) for tree in self.deletes for path in sorted(tree, reverse=True)]
        return (*creates, *moves, *version, *deletes)

    def losses(self, known: ZKSchema) -> Counter[str]:
        """Count, by group, the items that are deleted, and under ``""`` the values of items that stay."""
        top = pattern_for(known)
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
    version_path = target.path(VERSION_KEY) or ""
    (znode,) = store.read([Read(version_path)])
    version_znode = znode if isinstance(znode, Znode) else None
    found = survey(store, target)
    current = (parse_version(version_znode.text) if version_znode else 0) or 0
    plan = Plan(current, target.version, version_path, version_znode, is_uninitialised(store))
    plan.creates = [(m.path, m.default) for m in found.missing if not m.daemons and m.path != version_path]
    plan.moves = _moves(store, found)
    if contract:
        plan.deletes = [tree for tree in read_trees(store, found.retired) if tree]
    elif prune:
        _prune(store, target, found, plan)
    return plan


def is_uninitialised(store: Store) -> bool:
    """Tell whether the tree has neither a schema version nor a node: empty, or an interrupted first apply."""
    schema = ZKSchema.at(0)
    version, nodes = store.read(
        [Read(schema.path(VERSION_KEY) or ""), Read(schema.path("base.node") or "", children=True)]
    )
    return not nodes and not (isinstance(version, Znode) and version.text.strip())


def _moves(store: Store, found: Survey) -> list[Move]:
    trees = read_trees(store, [source for source, _ in found.moved])
    there = read_trees(store, [target for _, target in found.moved])
    return [
        Move(source, target, tree, frozenset(copied))
        for (source, target), tree, copied in zip(found.moved, trees, there, strict=True)
    ]


def _prune(store: Store, target: ZKSchema, found: Survey, plan: Plan) -> None:
    tops = [*found.retired, *(stray.path for stray in found.stray if stray.pvc_made)]
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
