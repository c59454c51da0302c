"""Copy an item from one tree into another, as far as the other's schema version has it, and complete there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from pvc_cli.zk.migration.pattern import Pattern, pattern_for
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.reads import outermost
from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.secrets import is_masked, unmask
from pvc_cli.zk.store import Op, Znode
from pvc_cli.zk.transaction import Transaction, delete_noticing, refuse_contenders

_LONGEST_LOG = 100_000
"""How many bytes of a console's log are restored: megabytes would not fit into the transaction of its VM."""
Tree = Mapping[str, Znode]


class Copy(NamedTuple):
    """An item as it can be in a tree."""

    values: dict[str, bytes]
    left_out: list[str]
    """What the schema version of that tree lacks."""

    def override(self, schema: ZKSchema, values: Mapping[Key, str]) -> None:
        """Give keys other values."""
        self.values.update({path: text.encode() for key, text in values.items() if (path := schema.path(key))})


def fit(schema: ZKSchema, tree: Tree) -> Copy:
    """Return *tree*, an item with all below it, as the version of *schema* has it.

    What belongs to other versions is left out, missing keys are added with their defaults. What no version has stays.
    """
    copy = Copy({}, [])
    places: dict[str, Pattern | None] = {}
    for path in sorted(tree):
        parent, _, name = path.rpartition("/")
        if places and parent not in places:
            continue
        above = places[parent] if places else pattern_for(schema).at(parent)
        place = above and (above.named.get(name) or above.items)
        if is_contender(path):
            continue
        if place and not place.present:
            copy.left_out.append(path)
            continue
        places[path] = place
        data = tree[path].data
        copy.values[path] = data[-_LONGEST_LOG:].partition(b"\n")[2] if _is_long(place, data) else data
    for path, place in places.items():
        for at, missing in place.missing(path) if place else ():
            copy.values.setdefault(at, missing.default.encode())
    return copy


def _is_long(place: Pattern | None, data: bytes) -> bool:
    return place is not None and place.key == "domain.console.log" and len(data) > _LONGEST_LOG


def plan_copy(
    transaction: Transaction,
    wanted: Mapping[str, bytes],
    found: Tree,
    *,
    kept: Collection[Key] = (),
    contract: bool = False,
) -> list[str]:
    """Add to *transaction* what gives a subtree the values *wanted*; each step is guarded by what was *found*.

    :param kept: keys that stay as they are, if they are there.
    :param contract: also delete what is not wanted.
    :returns: where a masked secret is left empty, because the tree has none either.
    :raises LockError: if somebody queues for a lock in what is to be deleted.
    """
    unknown = []
    stays = {path for path in map(transaction.schema.path, kept) if path and path in found}
    for path in sorted(wanted.keys() - stays):
        znode, data = found.get(path), wanted[path]
        if is_masked(path, data):
            if znode is None:
                unknown.append(path)
            data = unmask(path, data, znode and znode.data)
        if znode is None:
            transaction.add(Op("create", path, data))
        elif znode.data != data:
            transaction.add(Op("set", path, data, znode.version, znode))
    if contract:
        _plan_deletes(transaction, found, wanted.keys() | stays)
    return unknown


def _plan_deletes(transaction: Transaction, found: Tree, wanted: Collection[str]) -> None:
    tops = outermost(path for path in found if path not in wanted and not is_contender(path))
    gone = {path: znode for path, znode in found.items() if any(f"{path}/".startswith(f"{top}/") for top in tops)}
    refuse_contenders(gone)
    transaction.ops += delete_noticing(gone, tops)
