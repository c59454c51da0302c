"""Undo what a command changed, item by item, unless others changed it since."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.cluster.controls import Control, Plan, decide, refuse
from pvc_cli.cluster.difference_model import kind_of, name_of
from pvc_cli.cluster.naming import label_of
from pvc_cli.cluster.opposites import ACTED_ON, Opposite, opposite_of
from pvc_cli.cluster.sriov.planned_claims import judge_claims
from pvc_cli.errors import RefusedError
from pvc_cli.zk import Key, ZKHandler, Znode
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.places import locate
from pvc_cli.zk.undo import (
    Changed,
    ChangedSinceError,
    find_replaced,
    is_as_before,
    read_around,
    read_written,
    top_of,
    undo_steps,
)


@dataclass(frozen=True, slots=True, eq=False)
class ChangedItem:
    """An item of which something was changed; it shows as its name."""

    path: str
    name: str
    changes: tuple[Changed, ...]
    is_gone: bool = False
    """Whether it is a VM that was deleted since."""

    def __str__(self) -> str:
        """Return its name."""
        return self.name


class Undoable(NamedTuple):
    """What can be undone of a command, and what of it is never restored."""

    items: list[ChangedItem]
    locks: list[str]
    """The locks from whose queues it removed a contender that nobody holds any more, one for each contender.

    A contender is nobody's data: restored, it would belong to no session, and block the lock until it is pruned.
    """


def undoable(handler: ZKHandler, changes: Sequence[Changed]) -> Undoable:
    """Return what can be undone of *changes*, by item: a VM, a node, a VF, or whatever else is a unit; in one batch.

    :raises RefusedError: if the schema version is among them.
    """
    version = handler.schema.path("base.schema.version")
    if any(change.path == version for change in changes):
        raise RefusedError(
            "a change of the schema version cannot be undone: use 'pvc schema rollback', or restore the backup from"
            " before it"
        )
    # One that an undo restored before may be removed again.
    barred = {change.path for change in changes if change.before is not None and is_contender(change.path)}
    # What was created or deleted with all below it is one.
    tops = {change.path for change in changes if None in (change.before, change.after)}
    moved_to = _moved(handler, changes, tops)
    parts: dict[str, list[Changed]] = {}
    for change in changes:
        if change.path not in barred:
            top = top_of(change.path, tops)
            parts.setdefault(moved_to.get(top, top), []).append(change)
    uuids = {path: path.split("/")[2] for path in [*parts, *barred] if path.startswith("/domains/")}
    vms = dict(zip(uuids, handler.get_znodes(("domain", uuid) for uuid in uuids.values()), strict=True))
    items = [_item(handler, path, vms.get(path), found) for path, found in parts.items()]
    return Undoable(items, [_lock_of(handler, path, vms.get(path)) for path in sorted(barred)])


def changes_of_gone(handler: ZKHandler, changes: Sequence[Changed]) -> frozenset[str]:
    """Return the paths of those *changes* whose thing was deleted since, or created again; read in one batch."""
    things = list(dict.fromkeys(change.thing for change in changes if change.thing))
    now = read_written(handler.store, [thing.path for thing in things])
    gone = {thing for thing in things if not ((znode := now[thing.path]) and thing.is_still(znode))}
    return frozenset(change.path for change in changes if change.thing in gone)


def _moved(handler: ZKHandler, changes: Sequence[Changed], tops: Collection[str]) -> dict[str, str]:
    """Return the paths of the VFs that moved with VMs, with the VMs': one is not undone without the other."""
    vms = {top_of(change.path, tops) for change in changes if change.path.startswith("/domains/")}
    nodes = {handler.schema.path(("domain.node", vm.rpartition("/")[2])): vm for vm in vms if vm.count("/") == 2}
    moved = {nodes[change.path].rpartition("/")[2]: nodes[change.path] for change in changes if change.path in nodes}
    vfs = [
        change for change in changes if moved and change.path.startswith("/nodes/") and "/sriov/vf/" in change.path
    ]
    return {
        top_of(vf.path, tops): moved[user]
        for vf in vfs
        if locate(handler.schema, vf.path).words[-2:-1] == ("sriov_vf.used_by",)
        for user in ((vf.before or b"").decode(errors="replace"), (vf.after or b"").decode(errors="replace"))
        if user in moved
    }


def _lock_of(handler: ZKHandler, path: str, vm: Znode | None) -> str:
    """Return what people call the lock that the contender at *path* was for."""
    lock = path.rpartition("/")[0]
    key, *item = locate(handler.schema, lock).words or (lock,)
    return " ".join([key, *([vm.text] if vm else item)])


def _item(handler: ZKHandler, path: str, vm: Znode | None, changes: Sequence[Changed]) -> ChangedItem:
    """Return the item at *path*, by what people call it: a VM by its name, of today unless that is another's."""
    if path.startswith("/domains/"):
        own = next((change for change in changes if change.path == path), None)
        thing = next((change.thing for change in changes if change.thing and change.thing.path == path), None)
        then = (own and (own.before or own.after)) or (thing and thing.value) or b""
        today = vm.text if vm and (thing is None or thing.is_still(vm)) else ""
        name = today or then.decode(errors="replace") or f"VM {path.split('/')[2]}"
        return ChangedItem(path, name, tuple(changes), is_gone=vm is None and not (own and own.before))
    short = path.removeprefix("/nodes/").replace("/sriov/vf/", "/").replace("/sriov/pf/", "/")
    if short == path:
        place = locate(handler.schema, path)
        kind, called = kind_of(place), name_of(place, "")
        short = label_of(handler, path).removeprefix("config.") if kind == "cluster" else f"{kind} {called}"
    return ChangedItem(path, short or path, tuple(changes))


def plan_undo(entry: str) -> Plan[ChangedItem]:
    """Return the plan that undoes what an entry of the history changed.

    :param entry: its ID, for what to run instead.
    """

    def plan(handler: ZKHandler, items: Sequence[ChangedItem]) -> list[Control[ChangedItem]]:
        return _plan(handler, items, entry)

    return plan


def _plan(handler: ZKHandler, items: Sequence[ChangedItem], entry: str) -> list[Control[ChangedItem]]:
    """Plan to undo the changes of *items*, read in one batch."""
    now = read_around(handler.store, [change for item in items for change in item.changes])
    # To undo a release is to claim.
    values = [{c.path: c.before for c in item.changes if c.before is not None} for item in items]
    claims = judge_claims(handler, values, [()] * len(items))
    why = _reasons(handler, [item for item in items if not is_as_before(item.changes, now)], now, entry)
    controls = []
    for item, claimed in zip(items, claims, strict=True):
        transaction = handler.transaction()
        if item in why:
            controls.append(refuse(handler, item, why[item]))
            continue
        try:
            transaction.ops += undo_steps(item.changes, now)
            if transaction.ops and claimed.why:
                raise RefusedError(claimed.why.advise("stop or move that VM first"))
        except ChangedSinceError as error:
            controls.append(refuse(handler, item, _since(handler, error)))
            continue
        except RefusedError as error:
            controls.append(refuse(handler, item, str(error)))
            continue
        if transaction.ops:
            claimed.guard(transaction)
            controls.append(Control(item, transaction, "changed", "undone"))
        else:
            controls.append(decide(transaction, item, [], "", "is as it was before"))
    return controls


def _since(handler: ZKHandler, error: ChangedSinceError) -> str:
    return f"{label_of(handler, error.path)} was {error.what} since"


def _reasons(
    handler: ZKHandler, items: Iterable[ChangedItem], now: Mapping[str, Znode | None], entry: str
) -> dict[ChangedItem, str]:
    """Return why some of *items* are not undone, whatever is there now: one reason for all that need one command."""
    why: dict[ChangedItem, str] = {}
    opposites: dict[Opposite, list[ChangedItem]] = {}
    for item in items:
        if item.is_gone:
            why[item] = "it was deleted since"
        elif replaced := find_replaced(item.changes, now):
            why[item] = _since(handler, replaced)
        elif acted := _acted_on(handler, item):
            opposites.setdefault(opposite_of(acted), []).append(item)
    for opposite, found in opposites.items():
        why |= dict.fromkeys(found, opposite.why([item.name for item in found], entry))
    return why


def _acted_on(handler: ZKHandler, item: ChangedItem) -> dict[str, tuple[str, str]]:
    """Return the item's values, before and after, that daemons may have acted on."""
    # What is created or deleted with its item tells daemons nothing.
    if any(c.path == item.path and None in (c.before, c.after) for c in item.changes):
        return {}
    *_, name = item.path.split("/")
    keys: list[Key] = [key if key.startswith("base.") else (key, name) for key in ACTED_ON]
    acted = {path: key for path, key in zip(handler.schema.paths(keys), ACTED_ON, strict=True) if path}
    return {
        acted[c.path]: ((c.before or b"").decode(errors="replace"), (c.after or b"").decode(errors="replace"))
        for c in item.changes
        if c.path in acted
    }
