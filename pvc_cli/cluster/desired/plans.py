"""Plan what brings VMs and VFs in line with what a file says: each in one transaction, whole or not at all."""

from collections.abc import Iterator, Sequence

from pvc_cli.cluster.controls import Control, Plan, refuse
from pvc_cli.cluster.desired.model import VfWish, VmWish, Wish
from pvc_cli.cluster.sriov.settings import Setting, plan_settings, settings_keys
from pvc_cli.cluster.values import in_words
from pvc_cli.cluster.vms.metadata import KEYS, NOT_LIVE, is_passed_through, says
from pvc_cli.cluster.vms.tag_plans import TAG_KEYS, bound, ensure_tag, refusal
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.errors import PvcError, quoted
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode
from pvc_cli.zk.transaction import refuse_contenders

AS_SAID = "matches the file"
"""Why nothing is changed."""
KEPT = "; kept without --force: "
"""What a detail has in front of the tags that pruning leaves."""
Trees = Iterator[dict[str, Znode]]


def plan_state(*, force: bool = False) -> Plan[Wish]:
    """Return the plan that fulfils wishes, for :func:`pvc_cli.cluster.controls.control`.

    It reads everything in one batch, and what is to be pruned in one batch per level.

    :param force: prune protected and ``system`` tags, too, and turn ``system`` tags into ``user`` ones.
    """

    def plan(handler: ZKHandler, wishes: Sequence[Wish]) -> list[Control[Wish]]:
        found = iter(handler.get_znodes(key for wish in wishes for key in _keys(wish)))
        trees = iter(
            handler.read_trees(
                (CONTAINER, wish.uuid, "tag", name)
                for wish in wishes
                if isinstance(wish, VmWish)
                for name in wish.prune
            )
        )
        return [
            _plan_vm(handler, wish, found, trees, force=force)
            if isinstance(wish, VmWish)
            else _plan_vf(handler, wish, found)
            for wish in wishes
        ]

    return plan


def _keys(wish: Wish) -> list[Key]:
    """Return the keys that decide what to change for a wish."""
    if isinstance(wish, VfWish):
        return settings_keys(wish.vf, wish.settings)
    keys: list[Key] = [("domain", wish.uuid), (CONTAINER, wish.uuid)]
    keys += [(CONTAINER, wish.uuid, key, tag.name) for tag in wish.tags for key in TAG_KEYS]
    keys += [(KEYS[name], wish.uuid) for name in wish.metadata.values()]
    return [*keys, ("domain.xml", wish.uuid)] if _wants_live(wish) else keys


def _wants_live(wish: VmWish) -> bool:
    """Tell whether a wish depends on what is in the VM's XML."""
    return wish.metadata.migration_method == "live"


def _plan_vm(
    handler: ZKHandler, wish: VmWish, found: Iterator[Znode | None], trees: Trees, *, force: bool
) -> Control[Wish]:
    """Plan what one VM takes: tags, metadata, and tags to prune; *found* has the znodes of its keys."""
    own, container = next(found), next(found)
    tags = {tag: (next(found), next(found), next(found)) for tag in wish.tags}
    metadata = {name: next(found) for name in wish.metadata.values()}
    xml = next(found) if _wants_live(wish) else None
    extra = {name: next(trees) for name in wish.prune}
    if own is None:
        return refuse(handler, wish, "the VM no longer exists")
    if own.text != wish.vm.name:
        return refuse(handler, wish, f"the VM is called {quoted(own.text)} by now; run the same command again")
    transaction = handler.transaction()
    said = []
    if wish.tags and not container:
        transaction.create((CONTAINER, wish.uuid))
    for tag, (name, kind, protected) in tags.items():
        if why := refusal(kind, tag.type, force=force):
            return refuse(handler, wish, f"tag {quoted(tag.name)}: {why}")
        if ensure_tag(transaction, wish.vm, tag.name, (name, kind, protected), tag.type, tag.protected):
            said.append(f"{'~' if name else '+'} tag {tag.name}")
    said += _set_metadata(transaction, wish, metadata)
    if any(line.startswith("migration_method ") for line in said) and is_passed_through(xml):
        return refuse(handler, wish, NOT_LIVE)
    try:
        pruned, kept = _prune(transaction, wish, extra, force=force)
    except PvcError as error:
        return refuse(handler, wish, str(error))
    if not transaction.ops:
        return Control(wish, transaction, "unchanged", f"{AS_SAID}{kept}")
    transaction.guard(("domain", wish.uuid), own)
    if xml:
        transaction.guard(("domain.xml", wish.uuid), xml)
    return Control(wish, transaction, "changed", f"changed: {', '.join([*said, *pruned])}{kept}")


def _set_metadata(transaction: Transaction, wish: VmWish, found: dict[str, Znode | None]) -> list[str]:
    """Add what has to change of a VM's metadata, and return it in words; another spelling of a value stays."""
    said, steady = [], []
    for name, text in wish.metadata.values().items():
        znode = found[name]
        if znode and says(name, znode, getattr(wish.metadata, name)):
            steady.append((name, znode))
            continue
        transaction.ensure((KEYS[name], wish.uuid), znode, text)
        said.append(f"{name} {in_words(znode.text if znode else None)} -> {in_words(text)}")
    if said:
        for name, znode in steady:
            transaction.guard((KEYS[name], wish.uuid), znode)
    return said


def _prune(
    transaction: Transaction, wish: VmWish, extra: dict[str, dict[str, Znode]], *, force: bool
) -> tuple[list[str], str]:
    """Add what removes tags, given as their subtrees; return it in words, and which are kept."""
    pruned, kept = [], []
    for name, tree in extra.items():
        kind, protected = (
            tree.get(transaction.schema.path((CONTAINER, wish.uuid, key, name)) or "") for key in TAG_KEYS[1:]
        )
        if tree and (why := bound(kind, protected)) and not force:
            kept.append(f"{name} ({why})")
        elif tree:
            refuse_contenders(tree)
            transaction.delete_item(tree)
            pruned.append(f"- tag {name}")
    return pruned, f"{KEPT}{', '.join(kept)}" if kept else ""


def _plan_vf(handler: ZKHandler, wish: VfWish, found: Iterator[Znode | None]) -> Control[Wish]:
    """Plan what one VF takes; *found* has the znodes of its keys."""
    transaction = handler.transaction()
    try:
        changed = plan_settings(transaction, wish.vf, wish.settings, found)
    except PvcError as error:
        return refuse(handler, wish, str(error))
    if not changed:
        return Control(wish, handler.transaction(), "unchanged", AS_SAID)
    return Control(wish, transaction, "changed", f"changed: {', '.join(map(_setting, changed))}")


def _setting(setting: Setting) -> str:
    return f"{setting.name} {in_words(setting.old)} -> {in_words(setting.new)}"
