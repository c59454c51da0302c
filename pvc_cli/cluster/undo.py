"""Undo what a command changed, item by item, unless others changed it since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pvc_cli.cluster.controls import Control, Plan, decide, refuse
from pvc_cli.cluster.naming import label_of
from pvc_cli.cluster.sriov.planned_claims import judge_claims
from pvc_cli.errors import RefusedError
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.undo import Changed, ChangedSinceError, read_paths, undo_steps

_ACTED_ON = ("domain.state", "domain.node", "domain.last_node", "node.state.domain")
"""What a node's daemon acts on at once: to write the old value is not to undo that."""


@dataclass(frozen=True)
class ChangedItem:
    """An item of which something was changed; it shows as its name."""

    path: str
    name: str
    changes: tuple[Changed, ...]

    def __str__(self) -> str:
        """Return its name."""
        return self.name


def changed_items(handler: ZKHandler, changes: Sequence[Changed]) -> list[ChangedItem]:
    """Return *changes* by item: a VM, a node, a VF, or whatever else is a unit; in one batch.

    :raises RefusedError: if the schema version is among them.
    """
    version = handler.schema.path("base.schema.version")
    if any(change.path == version for change in changes):
        raise RefusedError(
            "a change of the schema version cannot be undone: use 'pvc schema rollback', or restore the backup from"
            " before it"
        )
    # What was created or deleted with all below it is one.
    tops = {change.path for change in changes if None in (change.before, change.after)}
    parts: dict[str, list[Changed]] = {}
    for change in changes:
        parts.setdefault(_item_of(change.path, tops), []).append(change)
    uuids = {path: path.split("/")[2] for path in parts if path.startswith("/domains/")}
    names = dict(zip(uuids, handler.read_many(("domain", uuid) for uuid in uuids.values()), strict=True))
    return [ChangedItem(path, _name(path, names.get(path), found), tuple(found)) for path, found in parts.items()]


def _item_of(path: str, tops: Collection[str]) -> str:
    """Return the path of what is undone together with *path*: a VF, or another item of the second level.

    :param tops: what was created or deleted: what is below one of them goes with it.
    """
    names = path.split("/")
    depth = 6 if names[1:2] == ["nodes"] and names[3:4] == ["sriov"] else 3
    above = ("/".join(names[:at]) for at in range(2, depth))
    return next((top for top in above if top in tops), "/".join(names[:depth]))


def _name(path: str, name: str | None, changes: Sequence[Changed]) -> str:
    """Return what people call an item: a VM's name, now or before, or the path without its first part."""
    if path.startswith("/domains/"):
        own = next((c.before for c in changes if c.path == path and c.before), b"")
        return name or own.decode(errors="replace") or path
    return path.removeprefix("/nodes/").replace("/sriov/vf/", "/").replace("/sriov/pf/", "/") or path


def plan_undo(handler: ZKHandler, items: Sequence[ChangedItem]) -> list[Control[ChangedItem]]:
    """Plan to undo the changes of *items*, read in one batch."""
    now = read_paths(handler.store, [change for item in items for change in item.changes])
    # To undo a release is to claim.
    values = [{c.path: c.before for c in item.changes if c.before is not None} for item in items]
    claims = judge_claims(handler, values, [()] * len(items))
    controls = []
    for item, claimed in zip(items, claims, strict=True):
        transaction = handler.transaction()
        if acted := _acted_on(handler, item):
            controls.append(
                refuse(handler, item, f"daemons have acted on {acted}: give the opposite command instead")
            )
            continue
        try:
            transaction.ops += undo_steps(item.changes, now)
            if transaction.ops and claimed.why:
                raise RefusedError(claimed.why.advise("stop or move that VM first"))
        except ChangedSinceError as error:
            controls.append(refuse(handler, item, f"{label_of(handler, error.path)} was {error.what} since"))
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


def _acted_on(handler: ZKHandler, item: ChangedItem) -> str | None:
    """Return the first of an item's changes that a daemon has acted on."""
    *_, name = item.path.split("/")
    keys: list[Key] = [(key, name) for key in _ACTED_ON]
    acted = {*filter(None, handler.schema.paths([*keys, "base.config.primary_node"]))}
    # What is created or deleted with its item tells daemons nothing.
    whole = any(c.path == item.path and None in (c.before, c.after) for c in item.changes)
    return None if whole else next((change.path for change in item.changes if change.path in acted), None)


UNDO: Plan[ChangedItem] = plan_undo
