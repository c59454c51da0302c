"""Restore a part of a backup: VMs, the tags of VMs, or one key. All else stays as it is."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pvc_cli.cluster.controls import Control, Plan, refuse
from pvc_cli.cluster.keys import owner_of
from pvc_cli.cluster.values import parse_bool, parse_list
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.errors import InvalidItemError, NotFoundError, RefusedError
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode
from pvc_cli.zk.copying import Copy, fit, plan_copy
from pvc_cli.zk.migration.restore import objection_to_secrets
from pvc_cli.zk.schema import is_secret
from pvc_cli.zk.secrets import is_masked

STILL = ("stop", "disable", "mirror")
"""The states in which no daemon starts a VM: others become the first of them."""
_LIVE = (
    "domain.state", "domain.node", "domain.last_node", "domain.failed_reason", "domain.stats", "domain.console.log",
    "domain.console.vnc", "domain.migrate.sync_lock",
)  # fmt: skip
"""What says where a VM is, and what it does: a VM that is there goes on as it does."""
_TAGS = "domain.meta.tags"
Notes = dict[VmRef, list[str]]
"""What to look at after each VM was restored."""


def plan_vms(backup: ZKHandler, notes: Notes, *, force: bool = False) -> Plan[VmRef]:
    """Return the plan that makes VMs what they are in *backup*, for :func:`pvc_cli.cluster.controls.control`.

    A VM that is missing is created in a state in which nothing starts it. One that is there keeps its state, its node
    and its log.

    :param notes: gets what to look at.
    :param force: overwrite a VM that is there.
    :raises RefusedError: when it is carried out, if the tree is not a PVC cluster's.
    """

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        trees = backup.read_trees(("domain", vm.uuid) for vm in vms)
        found = handler.read_trees(("domain", vm.uuid) for vm in vms)
        around = _look_around(backup, handler, vms)
        wanted = Counter(vm.name for vm in vms)
        others = {(other.name, other.uuid) for other in list_vms(handler)}
        controls = []
        for vm, tree, there in zip(vms, trees, found, strict=True):
            if rivals := [uuid for name, uuid in others if name == vm.name and uuid != vm.uuid]:
                controls.append(refuse(handler, vm, f"another VM has this name: rename or remove {rivals[0]}"))
            elif wanted[vm.name] > 1:
                controls.append(refuse(handler, vm, "several of these VMs have this name: restore one of them"))
            else:
                copy = fit(handler.schema, tree)
                notes[vm] = [*_left_out(handler, copy)]
                if there:
                    controls.append(_overwrite(handler, vm, copy, there, force=force))
                else:
                    notes[vm] += around[vm]
                    controls.append(_create(backup, handler, vm, copy, notes[vm]))
        for step in controls:
            if step.status != "changed":
                notes.pop(step.item, None)
        return controls

    return plan


def _create(backup: ZKHandler, handler: ZKHandler, vm: VmRef, copy: Copy, notes: list[str]) -> Control[VmRef]:
    was = backup.read(("domain.state", vm.uuid)) or ""
    state = was if was in STILL else STILL[0]
    copy.override(handler.schema, {("domain.state", vm.uuid): state})
    transaction = handler.transaction()
    if plan_copy(transaction, copy.values, {}):
        notes.append("the backup masks the password of its console, which is empty now")
    note = f" ({was} in the backup)" if was != state else ""
    return Control(vm, transaction, "changed", f"restored in state {state}{note}")


def _overwrite(
    handler: ZKHandler, vm: VmRef, copy: Copy, there: Mapping[str, Znode], *, force: bool
) -> Control[VmRef]:
    transaction = handler.transaction()
    transaction.guard(("domain", vm.uuid), there[min(there)])
    plan_copy(transaction, copy.values, there, kept=[(key, vm.uuid) for key in _LIVE], contract=True)
    changes = len(transaction.changes)
    if not changes:
        return Control(vm, handler.transaction(), "unchanged", "as in the backup, but for its state, node and log")
    if not force:
        what = "1 znode" if changes == 1 else f"{changes} znodes"
        return refuse(handler, vm, f"it exists, and differs in {what}; overwrite it with --force")
    return Control(vm, transaction, "changed", "restored; it keeps its state, node and log")


def _look_around(backup: ZKHandler, handler: ZKHandler, vms: Sequence[VmRef]) -> Notes:
    """Return what the cluster lacks that VMs of the backup need, in one batch of each tree, and a list of nodes."""
    keys = ("domain.node", "domain.storage.volumes", "domain.meta.autostart")
    rows = backup.read_rows([(key, vm.uuid) for key in keys] for vm in vms)
    nodes = handler.children("base.node")
    if nodes is None:
        raise RefusedError("cannot restore a VM into a tree without nodes: initialise it with 'pvc schema apply'")
    there = _existing(handler, {volume for _, volumes, _ in rows for volume in parse_list(volumes)})
    notes: Notes = {}
    for vm, (node, volumes, autostart) in zip(vms, rows, strict=True):
        lost = [volume for volume in parse_list(volumes) if volume not in there]
        notes[vm] = [
            *([f"its node {node} does not exist: move it before it is started"] if node not in nodes else []),
            *([f"the cluster does not have its volume {', '.join(lost)}"] if lost else []),
            *(["its node starts it when it becomes ready: autostart is on"] if parse_bool(autostart) else []),
        ]
    return notes


def _existing(handler: ZKHandler, volumes: Iterable[str]) -> set[str]:
    def is_valid(volume: str) -> bool:
        try:
            return handler.schema.path(("volume.name", volume)) is not None
        except InvalidItemError:
            return False

    names = [volume for volume in volumes if is_valid(volume)]
    found = handler.exists_many(("volume.name", name) for name in names)
    return {name for name, there in zip(names, found, strict=True) if there}


def _left_out(handler: ZKHandler, copy: Copy) -> Iterator[str]:
    if copy.left_out:
        names = ", ".join(sorted({path.rpartition("/")[2] for path in copy.left_out}))
        yield f"schema version {handler.schema.version} does not have its {names}: left out"


def plan_tags(backup: ZKHandler) -> Plan[VmRef]:
    """Return the plan that gives VMs the tags that they have in *backup*; tags that they got since stay."""

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        trees = backup.read_trees((_TAGS, vm.uuid) for vm in vms)
        found = handler.read_trees((_TAGS, vm.uuid) for vm in vms)
        owners = handler.get_znodes(("domain", vm.uuid) for vm in vms)
        rows = zip(vms, trees, found, owners, strict=True)
        return [_plan_tags(handler, *row) for row in rows]

    return plan


def _plan_tags(
    handler: ZKHandler, vm: VmRef, tree: Mapping[str, Znode], there: Mapping[str, Znode], owner: Znode | None
) -> Control[VmRef]:
    if owner is None:
        return refuse(handler, vm, "the cluster does not have this VM: restore it without --tags-only")
    transaction = handler.transaction()
    plan_copy(transaction, fit(handler.schema, tree).values if tree else {}, there)
    if not transaction.changes:
        return Control(vm, transaction, "unchanged", "it has these tags")
    transaction.guard(("domain", vm.uuid), owner)
    return Control(vm, transaction, "changed", "tags restored")


def tagged_vms(backup: ZKHandler, handler: ZKHandler) -> tuple[list[VmRef], int]:
    """Return the VMs of *backup* that the cluster has, too, by name, and how many it lacks.

    :raises RefusedError: if the backup has no tags.
    :raises SchemaError: if the cluster's version has none.
    """
    require_tags(backup, handler)
    vms, there = list_vms(backup), set(handler.children("base.domain") or ())
    kept = [vm for vm in vms if vm.uuid in there]
    return kept, len(vms) - len(kept)


def require_tags(backup: ZKHandler, handler: ZKHandler) -> None:
    """Check that both trees can have tags.

    :raises RefusedError: if the backup has none.
    :raises SchemaError: if the cluster's version has none.
    """
    if _TAGS not in backup.schema.keys:
        raise RefusedError(f"the backup has schema version {backup.schema.version}, which has no tags")
    handler.schema.require(_TAGS, "tags need")


def origin(file: str) -> str:
    """Return what to call the backup in *file* in an error."""
    return "the backup" if file == "-" else file


def look_into(file: str, words: str) -> str:
    """Return the advice to run the command *words* on the backup in *file*."""
    return f"see 'pvc -c file:{'BACKUP' if file == '-' else shlex.quote(file)} {words}'"


def plan_key(backup: ZKHandler, file: str, key: Key, path: str) -> Plan[str]:
    """Return the plan that gives *key*, at *path*, the value that it has in *backup*, which is in *file*.

    :raises NotFoundError: if the backup lacks it.
    :raises RefusedError: for the schema version, and for what the backup masks.
    """
    if key == "base.schema.version":
        raise RefusedError("cannot restore the schema version alone: restore all, or use 'pvc schema rollback'")
    (znode,) = backup.get_znodes([key])
    if znode is None:
        raise NotFoundError(f"{origin(file)} has no {path}: {look_into(file, 'key list')}")
    if is_masked(path, znode.data):
        raise RefusedError(f"cannot restore {path}: the backup masks it")

    def plan(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
        found, owner = handler.get_znodes([key, owner_of(key)])
        if found is None and owner is None:
            raise NotFoundError(f"cannot restore {path}: the cluster has no such item; --vm restores a VM")
        if found is None and is_secret(path):
            for objection in objection_to_secrets(handler, [path]):
                raise objection.error
        return [_plan_key(handler.transaction(), name, path, znode, found) for name in names]

    return plan


def _plan_key(transaction: Transaction, name: str, path: str, wanted: Znode, found: Znode | None) -> Control[str]:
    plan_copy(transaction, {path: wanted.data}, {path: found} if found else {})
    changed = bool(transaction.changes)
    return Control(name, transaction, *(("changed", "restored") if changed else ("unchanged", "as in the backup")))
