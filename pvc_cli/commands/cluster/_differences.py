"""Say in one line how an item differs between two trees."""

from collections.abc import Callable, Iterator

from pvc_cli.cluster.differences import ItemDifference, KeyDifference, is_shown
from pvc_cli.errors import printable, quoted

_LONGEST = 40
_KINDS = {"vm": "VM", "osd": "OSD", "cluster": ""}
_PARTS = {"domain_snapshot": "snapshot", "monitoring_plugin": "plugin", "sriov_pf": "PF", "sriov_vf": "VF"}


def line(item: ItemDifference, vm_name: Callable[[str], str]) -> str:
    """Return what people read: ``VM web-01: tag blue added; state start -> stop``.

    :param vm_name: gives the name of the VM with a UUID.
    """
    kind = _KINDS.get(item.kind, item.kind)
    name = f"{kind} {item.name}" if kind else item.name
    what = [item.status] if item.status != "changed" else list(_changes(item, vm_name))
    return printable(f"{name}: {'; '.join(what)}")


def _changes(item: ItemDifference, vm_name: Callable[[str], str]) -> Iterator[str]:
    covered = "\n"
    for change in item.changes:
        if change.path.startswith(covered):
            continue
        gained = "added" if change.before is None else "removed" if change.after is None else ""
        if gained and change.whole:
            # What is below comes and goes with it.
            covered = f"{change.path}/"
            yield f"{_label(change)} {gained}"
        elif gained:
            value = change.after if change.before is None else change.before
            yield f"{_label(change)} {gained}{f' ({value})' if value and _is_short(value) else ''}"
        else:
            yield f"{_label(change)} {_values(_named(change, vm_name))}"


def _named(change: KeyDifference, vm_name: Callable[[str], str]) -> KeyDifference:
    """Return a change with the names of VMs in place of their UUIDs."""
    if change.words[-2:-1] != ("sriov_vf.used_by",):
        return change
    before, after = (value and vm_name(value) for value in (change.before, change.after))
    return change._replace(before=before, after=after)


def _label(change: KeyDifference) -> str:
    """Return what people call a key: its name without the kind of item, after the sub-item that it is of."""
    if not change.words:
        return f"znode {change.path}"
    key = change.words[0] if len(change.words) == 1 else change.words[-2]
    group, _, name = key.partition(".")
    name = name.removeprefix("meta.")
    if len(change.words) < 4:
        return name
    part = f"{_PARTS.get(group, group)} {change.words[-1]}"
    return part if change.whole else f"{part} {name}"


def _values(change: KeyDifference) -> str:
    before, after = change.before or "", change.after or ""
    if not (_is_short(before) and _is_short(after) and is_shown(change)):
        return "changed"
    return f"{before or quoted('')} -> {after or quoted('')}"


def _is_short(value: str) -> bool:
    return len(value) <= _LONGEST and "\n" not in value
