"""Write what VMs and VFs are like as a file of desired state."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pvc_cli.cluster.desired.model import VERSION
from pvc_cli.cluster.sriov.model import Vf
from pvc_cli.cluster.vms.metadata import KEYS, METHODS, NODE_SELECTORS, parse_field
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.cluster.vms.tags import CONTAINER, Tag, read_tags
from pvc_cli.errors import quoted
from pvc_cli.zk import ZKHandler

Document = dict[str, Any]
# An empty one is the cluster's default.
_CHOICES = {"node_selector": NODE_SELECTORS, "migration_method": METHODS}
OnLeftOut = Callable[[str], object]
"""Is told what a file cannot say, because it is not valid in the tree."""


def export_document(
    handler: ZKHandler, vms: Sequence[VmRef] | None, vfs: Sequence[Vf] | None, on_left_out: OnLeftOut
) -> Document:
    """Return the document of a file that says what *vms* and *vfs* are like; None is left out."""
    document: Document = {"version": VERSION}
    if vms is not None:
        document["vms"] = list(_vm_entries(handler, vms, on_left_out))
    if vfs is not None:
        document["vfs"] = [
            {"node": vf.node, "vf": vf.phy, "config": settings} for vf in vfs if (settings := dict(vf.config.known()))
        ]
    return document


def _vm_entries(handler: ZKHandler, vms: Sequence[VmRef], on_left_out: OnLeftOut) -> Iterator[Document]:
    """Yield the entry of each VM, named by its UUID where others are called the same."""
    everybody = Counter(vm.name for vm in list_vms(handler))
    tags = read_tags(handler, [vm.uuid for vm in vms]) if CONTAINER in handler.schema.keys else None
    rows = handler.read_rows([(key, vm.uuid) for key in KEYS.values()] for vm in vms)
    for vm, texts in zip(vms, rows, strict=True):
        entry: Document = {"vm": vm.name if everybody[vm.name] == 1 and _is_text(vm.name) else vm.uuid}
        if tags is not None:
            found = tags.get(vm.uuid, ())
            entry["tags"] = [_tag(tag) for tag in found if _is_text(tag.name)]
            for tag in found:
                if not _is_text(tag.name):
                    on_left_out(f"{vm.name}: tag {quoted(tag.name)} does not print, and is left out")
        fields = list(_fields(texts))
        if valid := {name: value for name, _, value in fields if _is_valid(name, value)}:
            entry["metadata"] = valid
        for name, text, _ in fields:
            if name not in valid and not (name in _CHOICES and not text):
                on_left_out(f"{vm.name}: {name} {quoted(text)} is not valid, and left out")
        if len(entry) > 1:
            yield entry


def _is_text(name: str) -> bool:
    return bool(name) and name.isprintable()


def _tag(tag: Tag) -> Document:
    kind = {"type": tag.type} if tag.type in ("user", "system") else {}
    return {"name": tag.name, **kind, "protected": tag.protected}


def _fields(texts: Iterable[str | None]) -> Iterator[tuple[str, str, object]]:
    """Yield the fields of a VM's metadata that are in the tree: name, text and value."""
    for name, text in zip(KEYS, texts, strict=True):
        if text is not None:
            value = parse_field(name, text)
            yield name, text, list(value) if isinstance(value, tuple) else value


def _is_valid(name: str, value: object) -> bool:
    """Tell whether a file can say that a field has *value*."""
    if name in _CHOICES:
        return value in _CHOICES[name]
    return value is not None and (not isinstance(value, str) or value.isprintable())
