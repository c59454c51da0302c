"""Write what VMs and VFs are like as a file of desired state."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pvc_cli.cluster.desired.model import VERSION
from pvc_cli.cluster.sriov.model import SETTINGS, VfRef, parse_setting
from pvc_cli.cluster.sriov.settings import RATES, excludes, find_fault
from pvc_cli.cluster.values import natural_key, parse_flag, parse_int
from pvc_cli.cluster.vms.metadata import KEYS, METHODS, MOST_MS, NODE_SELECTORS, parse_field
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.cluster.vms.tags import CONTAINER, detail_keys
from pvc_cli.errors import quoted
from pvc_cli.zk import ZKHandler

Document = dict[str, Any]
# An empty one is the cluster's default.
_CHOICES = {"node_selector": NODE_SELECTORS, "migration_method": METHODS}
_TagTexts = tuple[str, str | None, str | None]
"""A tag's name, and the texts of its type and its protection."""
OnLeftOut = Callable[[str], object]
"""Is told what a file cannot say, because it is not valid in the tree."""


def export_document(
    handler: ZKHandler, vms: Sequence[VmRef] | None, vfs: Sequence[VfRef] | None, on_left_out: OnLeftOut
) -> Document:
    """Return the document of a file that says what *vms* and *vfs* are like; None is left out."""
    document: Document = {"version": VERSION}
    if vms is not None:
        document["vms"] = list(_vm_entries(handler, vms, on_left_out))
    if vfs is not None:
        document["vfs"] = list(_vf_entries(handler, vfs, on_left_out))
    return document


def _vm_entries(handler: ZKHandler, vms: Sequence[VmRef], on_left_out: OnLeftOut) -> Iterator[Document]:
    """Yield the entry of each VM, named by its UUID where others are called the same."""
    everybody = Counter(vm.name for vm in list_vms(handler))
    tags = _read_tags(handler, vms) if CONTAINER in handler.schema.keys else None
    rows = handler.read_rows([(key, vm.uuid) for key in KEYS.values()] for vm in vms)
    for vm, texts in zip(vms, rows, strict=True):
        entry: Document = {"vm": vm.name if everybody[vm.name] == 1 and _is_text(vm.name) else vm.uuid}
        if tags is not None:
            entry["tags"] = list(_tags(vm, tags.get(vm, ()), on_left_out))
        fields = {
            name: (text or None if name in _CHOICES else text, _field(name, text))
            for name, text in zip(KEYS, texts, strict=True)
        }
        if metadata := _valid(vm.name, fields, on_left_out):
            entry["metadata"] = metadata
        if len(entry) > 1:
            yield entry


def _is_text(name: str) -> bool:
    return bool(name) and name.isprintable()


def _read_tags(handler: ZKHandler, vms: Sequence[VmRef]) -> dict[VmRef, list[_TagTexts]]:
    """Return the tags of each VM that has some, sorted by name, in two batches."""
    names = handler.children_many((CONTAINER, vm.uuid) for vm in vms)
    named = [(vm, sorted(found, key=natural_key)) for vm, found in zip(vms, names, strict=True) if found]
    texts = iter(handler.read_many(key for vm, found in named for key in detail_keys(vm.uuid, found)))
    return {vm: [(name, next(texts), next(texts)) for name in found] for vm, found in named}


def _tags(vm: VmRef, tags: Iterable[_TagTexts], on_left_out: OnLeftOut) -> Iterator[Document]:
    """Yield the document of each tag of a VM."""
    for name, kind, protected in tags:
        if not _is_text(name):
            on_left_out(f"{vm.name}: tag {quoted(name)} does not print, and is left out")
            continue
        values = {
            "type": (kind, kind if kind in ("user", "system") else None),
            "protected": (protected, parse_flag(protected)),
        }
        yield {"name": name, **_valid(f"{vm.name}: tag {quoted(name)}", values, on_left_out)}


def _vf_entries(handler: ZKHandler, vfs: Sequence[VfRef], on_left_out: OnLeftOut) -> Iterator[Document]:
    """Yield the entry of each VF that has settings."""
    rows = handler.read_rows(
        [("node.sriov.vf", vf.node, f"sriov_vf.config.{name}", vf.phy) for name in SETTINGS] for vf in vfs
    )
    for vf, row in zip(vfs, rows, strict=True):
        texts = dict(zip(SETTINGS, row, strict=True))
        least, most = (texts[name] for name in RATES)
        if excludes(parse_int(least) or 0, parse_int(most) or 0):
            on_left_out(
                f"{vf.name}: {RATES[0]} {quoted(least)} is above {RATES[1]} {quoted(most)}, and both are left out"
            )
            texts |= dict.fromkeys(RATES)
        values = {name: (text, _setting(name, text)) for name, text in texts.items()}
        if config := _valid(vf.name, values, on_left_out):
            yield {"node": vf.node, "vf": vf.phy, "config": config}


def _setting(name: str, text: str | None) -> object:
    """Return the value of a VF's setting; None if a file cannot say it."""
    value = parse_setting(name, text)
    return None if value is None or find_fault(name, value) else value


def _valid(whose: str, values: Mapping[str, tuple[str | None, object]], on_left_out: OnLeftOut) -> Document:
    """Return those of *values*, texts and what they say, that are valid; tell which others are there."""
    for name, (text, value) in values.items():
        if text is not None and value is None:
            on_left_out(f"{whose}: {name} {quoted(text)} is not valid, and left out")
    return {name: value for name, (_, value) in values.items() if value is not None}


def _field(name: str, text: str | None) -> object:
    """Return the value of a field of a VM's metadata; None if a file cannot say it."""
    value = None if text is None else parse_field(name, text)
    if name in _CHOICES:
        return value if value in _CHOICES[name] else None
    if isinstance(value, str):
        return value if value.isprintable() else None
    if isinstance(value, int):
        return value if 0 <= value <= MOST_MS else None
    return list(value) if isinstance(value, tuple) else value
