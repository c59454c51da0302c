"""Say in few words how an item differs between two trees."""

from collections.abc import Callable, Iterator, Sequence

from pvc_cli.cluster.difference_model import ItemDifference, KeyDifference, is_shown
from pvc_cli.cluster.values import parse_bool
from pvc_cli.errors import printable, quoted

_LONGEST = 40
_SWITCHES = ("sriov_vf.config.spoof_check", "sriov_vf.config.trust", "sriov_vf.config.query_rss",
             "base.config.maintenance", "network.ip4.dhcp", "network.ip6.dhcp")  # fmt: skip
_FLAGS = ("sriov_vf.used", "domain.meta.autostart", "tag.protected")
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
    for change in _outermost(item.changes):
        gained = "added" if change.before is None else "removed" if change.after is None else ""
        if gained and change.whole:
            yield f"{_label(change)} {gained}"
        elif gained:
            value = change.after if change.before is None else change.before
            yield f"{_label(change)} {gained}{f' ({value})' if value and _is_short(value) else ''}"
        else:
            yield f"{_label(change)} {_values(_named(change, vm_name))}"


def brief_changes(item: ItemDifference) -> tuple[str, ...]:
    """Return what changes of an item: ``+ tag blue``, ``- snapshot s1``, ``state start -> stop``."""
    found = []
    for change in _outermost(item.changes):
        value = change.after if change.before is None else change.before
        if change.before is not None and change.after is not None:
            found.append(f"{_label(change)} {_values(_in_words(change))}")
        else:
            shown = f" = {value}" if value and not change.whole and _is_short(value) and is_shown(change) else ""
            sign = "+" if change.before is None else "-"
            found.append(f"{sign} {_label(change)}{shown}{_traits(item, change)}")
    return tuple(map(printable, found))


def _in_words(change: KeyDifference) -> KeyDifference:
    """Return a change with what people say in place of what is written in the tree."""
    kinds: dict[bool | None, str]
    key = _key(change) if change.words else ""
    kinds = {True: "on", False: "off"} if key in _SWITCHES else {True: "yes", False: "no"} if key in _FLAGS else {}
    before, after = ((value and kinds.get(parse_bool(value), value)) or "(none)" for value in change[2:4])
    return change._replace(before=before, after=after)


def _traits(item: ItemDifference, change: KeyDifference) -> str:
    """Return what is said of a tag besides its name."""
    traits = {key.path: key.after for key in item.changes if key.path.startswith(f"{change.path}/")}
    said = [
        word
        for word, is_so in (
            ("system", traits.get(f"{change.path}/type") == "system"),
            ("protected", traits.get(f"{change.path}/protected") == "True"),
        )
        if is_so
    ]
    return f" ({', '.join(said)})" if change.whole and said else ""


def _outermost(changes: Sequence[KeyDifference]) -> Iterator[KeyDifference]:
    """Yield all but what comes and goes with an item that it is of."""
    covered = "\n"
    for change in changes:
        if change.path.startswith(covered):
            continue
        if change.whole and None in (change.before, change.after):
            covered = f"{change.path}/"
        yield change


def _named(change: KeyDifference, vm_name: Callable[[str], str]) -> KeyDifference:
    """Return a change with the names of VMs in place of their UUIDs."""
    if change.words[-2:-1] != ("sriov_vf.used_by",):
        return change
    before, after = (value and vm_name(value) for value in (change.before, change.after))
    return change._replace(before=before, after=after)


def _key(change: KeyDifference) -> str:
    return change.words[0] if len(change.words) == 1 else change.words[-2]


def _label(change: KeyDifference) -> str:
    """Return what people call a key: its name without the kind of item, after the sub-item that it is of."""
    if not change.words:
        return f"znode {change.path}"
    group, _, name = _key(change).partition(".")
    name = name.removeprefix("meta.").removeprefix("config.")
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
