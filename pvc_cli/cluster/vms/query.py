"""Find VMs: by name, UUID, pattern, or filters."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import NamedTuple

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.patterns import glob_instead, is_glob, matcher
from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms.filters import Filters, match_hardware, match_tags, match_value
from pvc_cli.errors import InvalidInputError, NotFoundError, RefusedError, hint, quoted, quoted_whole
from pvc_cli.zk import ZKHandler

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SEE_VMS = "see 'pvc vm list'"
_CHUNK = 500
_BRIDGES = ("cluster", "storage", "upstream")
"""What a VM's document has in place of the VNI of a node's own network."""


class VmRef(NamedTuple):
    """A VM's UUID and name; it shows as its name."""

    uuid: str
    name: str

    def __str__(self) -> str:
        """Return its name."""
        return self.name


def list_vms(handler: ZKHandler) -> list[VmRef]:
    """Return every VM, sorted by name, in two batches; one that is deleted meanwhile is left out."""
    found = [VmRef(uuid, name) for uuid, name in _names(handler)]
    return sorted(found, key=lambda vm: (natural_key(vm.name), vm.uuid))


def _names(handler: ZKHandler) -> list[tuple[str, str]]:
    """Return the UUID and the name of every VM, unsorted: finding one must not sort them all."""
    uuids = handler.children("base.domain") or []
    names = handler.read_each("domain", uuids)
    return [(uuid, name) for uuid, name in zip(uuids, names, strict=True) if name is not None]


def names_from(handler: ZKHandler, prefix: str) -> list[str]:
    """Return the names of the VMs that begin with *prefix*, sorted, in two batches."""
    return sorted((name for _, name in _names(handler) if name.startswith(prefix)), key=natural_key)


def names_of(handler: ZKHandler, uuids: Iterable[str]) -> dict[str, str]:
    """Return the names of VMs by UUID, in one batch; what is not a UUID, or no VM's, is left out."""
    wanted = list({uuid: None for uuid in uuids if _UUID.fullmatch(uuid)})
    names = handler.read_many(("domain", uuid) for uuid in wanted)
    return {uuid: name for uuid, name in zip(wanted, names, strict=True) if name is not None}


def is_uuid(word: str) -> bool:
    """Tell whether *word* is a UUID, in any case."""
    return bool(_UUID.fullmatch(word))


def is_one(*words: str) -> bool:
    """Tell whether *words* on a command line can mean one VM at most: not a list, a pattern, or ``-``."""
    return len(words) == 1 and words[0] != "-" and "," not in words[0] and not is_glob(words[0])


def find(handler: ZKHandler, wanted: Sequence[str], new_tags: Sequence[str] = ()) -> list[VmRef]:
    """Return the VMs that match *wanted*, each once: names, UUIDs in any case, or glob patterns.

    :param new_tags: what follows them on a command line; one alone is not looked for among the names of the VMs where
        *wanted* are UUIDs, so that this costs nothing.
    :raises NotFoundError: if one matches no VM.
    :raises RefusedError: if a name belongs to several VMs.
    :raises InvalidInputError: if one of *new_tags* is the name of a VM.
    """
    meant = finder(handler, wanted, new_tags)
    return list(dict.fromkeys(vm for name in wanted for vm in meant(name)))


def finder(handler: ZKHandler, wanted: Sequence[str], new_tags: Sequence[str] = ()) -> Callable[[str], list[VmRef]]:
    """Read what tells which VMs *wanted* mean, in at most three batches; return what gives those of one of them.

    That raises what :func:`find` does.
    """
    uuids = list(dict.fromkeys(name.lower() for name in wanted if _UUID.fullmatch(name)))
    names = handler.read_many(("domain", uuid) for uuid in uuids)
    found = {uuid: VmRef(uuid, name) for uuid, name in zip(uuids, names, strict=True) if name is not None}
    # A UUID that no VM has may still be a VM's name.
    everybody: dict[str, list[str]] = {}
    if len(new_tags) > 1 or any(name.lower() not in found for name in wanted):
        for uuid, name in _names(handler):
            everybody.setdefault(name, []).append(uuid)
    for tag in new_tags:
        if tag in everybody:
            raise InvalidInputError(
                f"{quoted(tag)} is a VM: give several VMs as {wanted[0]},{tag}, or use --force-name if it is a tag,"
                " too"
            )
    return lambda name: [found[name.lower()]] if name.lower() in found else _meant(name, everybody)


def _meant(wanted: str, everybody: dict[str, list[str]]) -> list[VmRef]:
    """Return the VMs that one name or pattern matches; *everybody* has the UUIDs of each name."""
    if uuids := everybody.get(wanted):
        if len(uuids) > 1:
            raise RefusedError(
                f"{len(uuids)} VMs are called {quoted(wanted)}: use one of the UUIDs {', '.join(uuids)}"
            )
        return [VmRef(uuids[0], wanted)]
    if is_glob(wanted):
        matches = re.compile(translate(wanted)).match
        if vms := [VmRef(uuid, name) for name in everybody if matches(name) for uuid in everybody[name]]:
            return sorted(vms, key=lambda vm: (natural_key(vm.name), vm.uuid))
    if glob := glob_instead(wanted):
        raise NotFoundError(f"{quoted(wanted)} is not a shell pattern that matches a VM: try {quoted_whole(glob)}")
    if is_glob(wanted):
        raise NotFoundError(f"no VM matches {quoted(wanted)}: {SEE_VMS}")
    raise NotFoundError(f"there is no VM {quoted(wanted)}: {hint(wanted, everybody, SEE_VMS)}")


OnUnreadable = Callable[[VmRef, str], object]
"""Is told which VM is left out because its XML, which a filter looks into, is broken, and why."""


def _ignore(_vm: VmRef, _why: str) -> None:
    """Take what nobody asked for."""


def select(handler: ZKHandler, filters: Filters, on_unreadable: OnUnreadable = _ignore) -> list[VmRef]:
    """Return the VMs that *filters* match, by name, in at most four batches; their XML, if it is needed, in more.

    :raises NotFoundError: if there is no such node.
    """
    return narrow(handler, list_vms(handler), filters, on_unreadable)


def narrow(
    handler: ZKHandler, vms: list[VmRef], filters: Filters, on_unreadable: OnUnreadable = _ignore
) -> list[VmRef]:
    """Return those of *vms* that *filters* match, as :func:`select` does with all of them.

    :raises NotFoundError: if there is no such node, or if a name matches none of *vms*.
    :raises RefusedError: if a list of tags with commas is one tag of theirs, too.
    """
    vms = _by_pattern(_by_names(vms, filters.names), filters.pattern)
    if filters.networks:
        filters = filters._replace(networks=network_words(handler, filters.networks))
    if filters.nodes:
        require_node(handler, *(node for node in map(_bare, filters.nodes) if not is_glob(node)))
        vms = _by_value(handler, vms, "domain.node", filters.nodes, negate=filters.negate)
    if filters.states:
        vms = _by_value(handler, vms, "domain.state", filters.states, negate=filters.negate)
    if filters.tags or filters.without_tags:
        found = handler.children_many(("domain.meta.tags", vm.uuid) for vm in vms)
        _refuse_whole_words(filters.tags, found)
        vms = [vm for vm, tags in zip(vms, found, strict=True) if match_tags(tags or (), filters)]
    return list(_by_hardware(handler, vms, filters, on_unreadable)) if filters.needs_xml else vms


def _refuse_whole_words(wanted: Sequence[str], found: Iterable[Sequence[str] | None]) -> None:
    """Check that no list of tags is itself a tag: those who gave it meant one or the other."""
    lists = {word.removeprefix("!") for word in wanted if "," in word}
    for tag in lists and sorted(lists.intersection(tag for tags in found for tag in tags or ())):
        one, several = tag.replace(",", "?"), f"[{tag[0]}]{tag[1:]}"
        raise RefusedError(
            f"{quoted(tag)} is a tag, and could be a list of tags: use {quoted_whole(one)} for the tag,"
            f" or {quoted_whole(several)} for the list"
        )


def network_words(handler: ZKHandler, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the VNIs of networks that are named by their descriptions, and other words as they are.

    :raises NotFoundError: if there is no such network.
    :raises RefusedError: if a description belongs to several networks.
    """
    vnis = handler.children("base.network") or []
    by_name: dict[str, list[str]] = {}
    for name, vni in zip(handler.read_many(("network", vni) for vni in vnis), vnis, strict=True):
        if name:
            by_name.setdefault(name, []).append(vni)
    return tuple(word if word in vnis else _network_word(word, by_name, vnis) for word in wanted)


def _network_word(word: str, by_name: Mapping[str, Sequence[str]], vnis: Sequence[str]) -> str:
    found = by_name.get(word, ())
    if len(found) > 1:
        one_of = ", ".join(sorted(found, key=natural_key))
        raise RefusedError(f"{len(found)} networks are called {quoted(word)}: use one of the VNIs {one_of}")
    if not found and word not in _BRIDGES and ":" not in word:
        advice = hint(word, [*by_name, *vnis], "see 'pvc network list'")
        raise NotFoundError(f"there is no network {quoted(word)}: {advice}")
    return found[0] if found else word


def _by_hardware(
    handler: ZKHandler, vms: Sequence[VmRef], filters: Filters, on_unreadable: OnUnreadable
) -> Iterator[VmRef]:
    """Yield the VMs whose XML *filters* match; it is read a part at a time, for it is large."""
    # Imported here: few filters look into XML, and every command that names a VM would pay for its parser.
    from pvc_cli.cluster.vms import hardware

    for start in range(0, len(vms), _CHUNK):
        chunk = vms[start : start + _CHUNK]
        for vm, xml in zip(chunk, handler.read_many(("domain.xml", vm.uuid) for vm in chunk), strict=True):
            try:
                if match_hardware(hardware.parse(xml or ""), filters):
                    yield vm
            except hardware.BrokenXmlError as error:
                on_unreadable(vm, str(error))


def _by_pattern(vms: list[VmRef], pattern: str | None) -> list[VmRef]:
    if pattern is None:
        return vms
    if _UUID.fullmatch(pattern):
        exact = [vm for vm in vms if vm.uuid == pattern.lower()]
        if exact:
            return exact
    matches = matcher(pattern, as_glob=f"--name {shlex.quote(pattern)}")
    return [vm for vm in vms if matches(vm.name)]


def _by_names(vms: list[VmRef], names: Sequence[str]) -> list[VmRef]:
    """Return those of *vms* that *names* mean, as :func:`find` does with all of them."""
    if not names:
        return vms
    by_uuid = {vm.uuid: vm for vm in vms}
    by_name: dict[str, list[str]] = {}
    for vm in vms:
        by_name.setdefault(vm.name, []).append(vm.uuid)
    meant = {
        vm for name in names for vm in ([by_uuid[name.lower()]] if name.lower() in by_uuid else _meant(name, by_name))
    }
    return [vm for vm in vms if vm in meant]


def _by_value(handler: ZKHandler, vms: list[VmRef], key: str, wanted: Sequence[str], *, negate: bool) -> list[VmRef]:
    values = handler.read_each(key, [vm.uuid for vm in vms])
    return [vm for vm, value in zip(vms, values, strict=True) if match_value(value or "", wanted) != negate]


def _bare(word: str) -> str:
    return word.removeprefix("!")
