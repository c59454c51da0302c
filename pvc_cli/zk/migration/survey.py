"""Survey a tree: how it differs from a schema version."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from pvc_cli.zk.migration.pattern import Pattern, pattern_for
from pvc_cli.zk.migration.values import CHECKS, Invalid, invalid
from pvc_cli.zk.names import NOT_PVCS, is_contender
from pvc_cli.zk.reads import is_stuck
from pvc_cli.zk.schema import ZKSchema, pvcs_roots
from pvc_cli.zk.schema.definition import Versions
from pvc_cli.zk.store import Read, Store, Znode
from pvc_cli.zk.walk import GROUP

# What PVC's check of sub-items creates beside the right keys: their names instead of their paths.
_MARKED_GROUPS = frozenset({"reservation", "lease", "rule"})


@dataclass(frozen=True, slots=True)
class Missing:
    """A znode that the version needs and the tree lacks; *daemons* if a daemon writes it, not pvc."""

    path: str
    default: str
    daemons: bool


@dataclass(frozen=True, slots=True)
class Stray:
    """A znode of no version; *pvc_made* if PVC's own migration is known to leave it behind."""

    path: str
    pvc_made: bool


@dataclass(slots=True)
class Survey:
    """How a tree differs from a schema version; every list is sorted by path."""

    missing: list[Missing] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    """Tops of subtrees that belong to other versions only."""
    moved: list[tuple[str, str]] = field(default_factory=list)
    """Subtrees whose key has another path in the version: from where, to where."""
    stray: list[Stray] = field(default_factory=list)
    normal: list[str] = field(default_factory=list)
    """What belongs to no version, but is created by PVC's daemons at every start, without harm."""
    invalid: list[Invalid] = field(default_factory=list)
    """Values that PVC cannot parse, if they were asked for."""
    foreign: list[str] = field(default_factory=list)
    """Root znodes that are not PVC's."""
    contenders: list[str] = field(default_factory=list)
    """Places in queues for locks."""
    stuck: list[tuple[str, Znode]] = field(default_factory=list)
    """Those that no session owns: restored from a backup, they keep their locks for ever."""


def survey(store: Store, target: ZKSchema, *, leaves: bool = False, values: bool = False) -> Survey:
    """Compare the tree in *store* with the version *target*, in few batches and bounded memory.

    :param leaves: also look below znodes that should have no children.
    :param values: also read the values that PVC has to be able to parse.
    """
    result = Survey()
    stack: list[list[tuple[str, Pattern, Pattern | None]]] = [[("", pattern_for(target), None)]]
    while stack:
        # However many items there are, what is below few of them is in memory at once.
        level = stack[-1]
        asked = [entry for entry in level[-GROUP:] if leaves or entry[1].named or entry[1].items]
        del level[-GROUP:]
        if not level:
            stack.pop()
        found = store.read([Read(path or "/", children=True) for path, _, _ in asked])
        below: list[tuple[str, Pattern, Pattern | None]] = []
        for (path, pattern, item), names in zip(asked, found, strict=True):
            if isinstance(names, list):
                below += _look(result, target, path, pattern, item, names)
        if values:
            result.invalid += _invalid(store, below)
        if below:
            stack.append(below)
    # What moves is not missing at its new place, nor what is below it: it comes from the old one.
    arriving = {target for _, target in result.moved}
    result.missing = sorted((m for m in result.missing if not _is_within(m.path, arriving)), key=lambda m: m.path)
    result.retired.sort()
    result.moved.sort()
    result.stray.sort(key=lambda s: s.path)
    result.normal.sort()
    result.invalid.sort(key=lambda i: i.path)
    result.foreign.sort()
    found = store.read([Read(path) for path in result.contenders])
    result.stuck = sorted(
        (path, znode)
        for path, znode in zip(result.contenders, found, strict=True)
        if isinstance(znode, Znode) and is_stuck(path, znode)
    )
    return result


def _invalid(store: Store, entries: Iterable[tuple[str, Pattern, Pattern | None]]) -> Iterator[Invalid]:
    """Yield which of *entries* has a value that PVC cannot parse."""
    asked = [(path, pattern) for path, pattern, _ in entries if pattern.key in CHECKS and pattern.present]
    results = (result for batch in store.stream([Read(path) for path, _ in asked]) for result in batch)
    for (path, pattern), znode in zip(asked, results, strict=True):
        if isinstance(znode, Znode) and (found := invalid(pattern.key, path, znode, pattern.default)):
            yield found


def _look(
    result: Survey, target: ZKSchema, path: str, pattern: Pattern, item: Pattern | None, names: Sequence[str]
) -> Iterable[tuple[str, Pattern, Pattern | None]]:
    """Sort the children *names* of one znode into *result*, and yield those to look below."""
    there = set(names)
    for name, child in pattern.named.items():
        if child.present and name not in there:
            below = [(f"{path}/{name}", child), *child.missing(f"{path}/{name}")]
            result.missing += [Missing(at, place.default, place.daemons) for at, place in below]
    for name in names:
        at = f"{path}/{name}"
        if not path and name in NOT_PVCS:
            continue
        if known := pattern.named.get(name):
            if known.present or _retire(result, target, at, known, below=not pattern.present):
                yield at, known, item
        elif is_contender(name):
            result.contenders.append(at)
        elif not pattern.present:
            continue  # it goes with its parent
        elif pattern.items:
            if pattern.items.present:
                yield at, pattern.items, pattern.items
            else:
                result.retired.append(at)
        elif path and item is pattern and _is_mark(target, pattern, name):
            result.normal.append(at)
        elif path:
            result.stray.append(Stray(at, pvc_made=False))
        elif name in _root_marks(target.known):
            result.stray.append(Stray(at, pvc_made=True))
        else:
            result.foreign.append(at)


def _retire(result: Survey, target: ZKSchema, path: str, place: Pattern, *, below: bool) -> bool:
    """Note a subtree of another version: it moves if the target has its key elsewhere, else it is retired.

    :param below: whether it is part of a subtree that goes already.
    :returns: whether there may be something in it that moves, so that it has to be looked into.
    """
    if now := target.keys.get(place.key):
        result.moved.append((path, path.removesuffix(place.sub_path) + now.path))
        return False
    if not below:
        result.retired.append(path)
    return any(key in target.keys for key in place.any_key())


@cache
def _root_marks(known: Versions) -> frozenset[str]:
    """Return the names that PVC 1.0.3's own migration leaves at the root.

    They are the sub-paths that groups of items have gained since their first version, written without an item.
    """
    marks: set[str] = set()
    groups: set[str] = set()
    for version in known:
        gained = (definition.path for key, definition in version.add.items() if ZKSchema.group_of(key) in groups)
        marks |= {path.split("/")[1] for path in gained if path}
        groups |= {name for name, group in version.groups.items() if group.base}
    return frozenset(marks) - pvcs_roots()


def _is_within(path: str, tops: set[str]) -> bool:
    """Tell whether *path* is one of *tops*, or below one."""
    while tops and path:
        if path in tops:
            return True
        path = path.rpartition("/")[0]
    return False


def _is_mark(target: ZKSchema, item: Pattern, name: str) -> bool:
    """Tell whether a sub-item's stray child has the name of one of its keys, as PVC's check writes it."""
    group = target.group_of(item.key)
    return group in _MARKED_GROUPS and f"{group}.{name}" in target.keys
