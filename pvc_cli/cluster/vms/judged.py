"""What filters judged VMs on: a plan of what they selected holds only as long as that is so."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from pvc_cli.cluster.patterns import is_glob
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.query import VmRef, names_of, narrow, network_words
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.errors import ConflictError
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.written import Seen

_FEW = 5


def read_judged(handler: ZKHandler, uuids: Iterable[str], filters: Filters) -> dict[str, dict[str, Seen | None]]:
    """Return what *filters* judged VMs on, by UUID: each znode by its path, None where there was none.

    A VM's name is always among it. Filters that select nothing judge nothing else.

    :raises ConflictError: if one of the VMs does not match any more.
    """
    vms = [VmRef(uuid, name) for uuid, name in names_of(handler, uuids).items()]
    tags = _tags(handler, vms, filters)
    networks = _named_networks(handler, filters)
    keys = {vm: [*networks, *_keys(vm, filters, tags.get(vm, ()))] for vm in vms}
    lists = {vm: set(_lists(vm, filters, tags.get(vm, ()))) for vm in vms}
    found = iter(handler.get_znodes(key for own in keys.values() for key in own))
    judged: dict[str, dict[str, Seen | None]] = {}
    for vm, own in keys.items():
        base = judged.setdefault(vm.uuid, {})
        for key in own:
            znode, path = next(found), handler.schema.path(key)
            if path is not None:
                base[path] = Seen.of(znode, children=key in lists[vm]) if znode else None
    # Only now: what still matches after it was read did so as it was read, or is refused when it is applied.
    matching = set(narrow(handler, vms, filters._replace(names=())))
    if gone := [vm.name for vm in vms if vm not in matching]:
        more = f" and {len(gone) - _FEW} more" if len(gone) > _FEW else ""
        raise ConflictError(f"the filters no longer match {', '.join(gone[:_FEW])}{more}: rerun the same command")
    return judged


def _tags(handler: ZKHandler, vms: Sequence[VmRef], filters: Filters) -> dict[VmRef, list[str]]:
    if not (filters.tags or filters.without_tags):
        return {}
    found = handler.children_many((CONTAINER, vm.uuid) for vm in vms)
    return {vm: tags or [] for vm, tags in zip(vms, found, strict=True)}


def _named_networks(handler: ZKHandler, filters: Filters) -> list[Key]:
    """Return the keys of the networks that filters name by their descriptions, which others may get."""
    wanted = filters.networks
    vnis = network_words(handler, wanted) if wanted else ()
    return [("network", vni) for word, vni in zip(wanted, vnis, strict=True) if vni != word]


def _keys(vm: VmRef, filters: Filters, tags: Sequence[str]) -> Iterator[Key]:
    yield ("domain", vm.uuid)
    for is_set, key in ((filters.nodes, "domain.node"), (filters.states, "domain.state")):
        if is_set:
            yield (key, vm.uuid)
    if filters.needs_xml:
        yield ("domain.xml", vm.uuid)
    for word in _words(filters):
        # What no tag has the name of may be no name at all.
        named = [tag for tag in tags if tag == word or fnmatchcase(tag, word)]
        yield from ((CONTAINER, vm.uuid, "tag", tag) for tag in named or ([] if _is_pattern(word) else [word]))
    yield from _lists(vm, filters, tags)


def _lists(vm: VmRef, filters: Filters, tags: Sequence[str]) -> Iterator[Key]:
    """Yield the key of the VM's tags, if it counts that there is no other one: a pattern matches none of them."""
    if any(_is_pattern(word) and not any(fnmatchcase(tag, word) for tag in tags) for word in _words(filters)):
        yield (CONTAINER, vm.uuid)


def _words(filters: Filters) -> Iterator[str]:
    yield from (word.removeprefix("!") for word in filters.tag_words)
    yield from filters.without_tags


def _is_pattern(word: str) -> bool:
    """Tell whether *word* can be no tag's name, but only a pattern: no tag is empty or has a slash."""
    return not word or is_glob(word) or "/" in word
