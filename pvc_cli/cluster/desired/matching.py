"""Find out which VMs and VFs a file of desired state means, and what all its entries together say about each."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import cast

from pvc_cli.cluster.desired.model import Part, Place, Said, State, TagWish, VfWish, VmEntry, VmWish, Wish, Word
from pvc_cli.cluster.desired.reading import settings_of
from pvc_cli.cluster.sriov.model import VfRef, list_refs, require_sriov
from pvc_cli.cluster.sriov.settings import check_settings
from pvc_cli.cluster.values import parse_list
from pvc_cli.cluster.vms.metadata import KEYS, MetadataChange
from pvc_cli.cluster.vms.query import VmRef, finder
from pvc_cli.cluster.vms.tagging import TagType, check_tag_name, require_tags
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.errors import ConfigError, InvalidInputError, NotFoundError, PvcError, RefusedError, hint, quoted
from pvc_cli.zk import ZKHandler

Names = tuple[str, ...]
_LIMIT = Part("metadata", "node_limit")
_PATTERN = re.compile(r"[*?\[]")


class _Sum:
    """What all entries together say about one thing.

    An entry that names it overrides those that mean it by a pattern; otherwise, entries must not contradict.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: dict[Part, tuple[object, Place, bool]] = {}
        self.tagged = False

    def add(self, said: Said, *, named: bool) -> None:
        """Add what one entry says.

        :raises RefusedError: if it contradicts another one.
        """
        for part, (value, place) in said.items():
            if part in self._parts:
                other, there, was_named = self._parts[part]
                if (value == other and named <= was_named) or named < was_named:
                    continue
                if value != other and named == was_named:
                    advice = "remove one" if named else f"give {self._name} an entry of its own"
                    raise RefusedError(
                        f"{place}: {self._name}: {part} is {_shown(value)} here, and {_shown(other)} in line"
                        f" {there.line}: make both alike, or {advice}"
                    )
            self._parts[part] = value, place, named

    @property
    def said(self) -> Said:
        """Everything, each with its value and its place."""
        return {part: (value, place) for part, (value, place, _) in self._parts.items()}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) or "empty" if isinstance(value, tuple) else str(value)


def match_state(handler: ZKHandler, state: State, *, prune: bool = False, any_name: bool = False) -> list[Wish]:
    """Return what *state* wants of each VM and VF that it means, in a few batches, however many there are.

    :param prune: whether VMs shall lose the tags that they have and the file does not list.
    :param any_name: take names of new tags that a shell or a filter could take for something else, too.
    :raises NotFoundError: if a name or a pattern means nothing, or a node of a limit does not exist.
    :raises RefusedError: if entries contradict each other.
    :raises ConfigError: if the name of a new tag cannot be one.
    :raises SchemaError: if the cluster's schema lacks what the file sets.
    """
    return [*_match_vms(handler, state, prune=prune, any_name=any_name), *_match_vfs(handler, state)]


def _match_vms(handler: ZKHandler, state: State, *, prune: bool, any_name: bool) -> list[VmWish]:
    if not state.vms:
        return []
    _require_keys(handler, state.vms)
    meant = finder(handler, [word.text for entry in state.vms for word in entry.words])
    sums: dict[VmRef, _Sum] = {}
    for entry in state.vms:
        named: dict[VmRef, bool] = {}
        for word in entry.words:
            try:
                vms = meant(word.text)
            except PvcError as error:
                raise word.place.locate(error) from None
            for vm in vms:
                named[vm] = named.get(vm, False) or word.text == vm.name or word.text.lower() == vm.uuid
        for vm, by_name in named.items():
            total = sums.setdefault(vm, _Sum(vm.name))
            total.add(entry.said, named=by_name)
            total.tagged |= entry.tagged
    _require_nodes(handler, sums)
    present = _present_tags(handler, sums, prune=prune)
    return [_vm_wish(vm, total, present.get(vm, ()), prune=prune, any_name=any_name) for vm, total in sums.items()]


def _require_keys(handler: ZKHandler, entries: Iterable[VmEntry]) -> None:
    """Check that the cluster's schema has what the file sets."""
    for entry in entries:
        for part, (_, place) in entry.said.items():
            try:
                if part.kind == "metadata":
                    handler.schema.require(KEYS[part.name], f"{part.name} needs")
                elif part.kind == "tag":
                    require_tags(handler)
            except PvcError as error:
                raise place.locate(error) from None


def _require_nodes(handler: ZKHandler, sums: Mapping[VmRef, _Sum]) -> None:
    """Check that the cluster has the nodes of every limit that a VM does not have already."""
    limits = [(vm, *total.said[_LIMIT]) for vm, total in sums.items() if _LIMIT in total.said]
    known = (handler.children("base.node") or []) if limits else []
    unknown = [(vm, nodes, place) for vm, nodes, place in limits if not {*cast("Names", nodes)} <= {*known}]
    present = handler.read_many((KEYS[_LIMIT.name], vm.uuid) for vm, _, _ in unknown)
    for (_, nodes, place), text in zip(unknown, present, strict=True):
        if parse_list(text) != nodes:
            node = next(node for node in cast("Names", nodes) if node not in known)
            advice = hint(node, known, "see 'pvc node list'")
            raise NotFoundError(f"{place}: there is no node {quoted(node)}: {advice}")


def _present_tags(handler: ZKHandler, sums: Mapping[VmRef, _Sum], *, prune: bool) -> dict[VmRef, Sequence[str]]:
    """Return the tags that VMs have, where it matters: to prune, or if a name that is not plain is wanted."""
    vms = [vm for vm, total in sums.items() if (prune and total.tagged) or any(map(_is_odd, total.said))]
    # A VM whose tags may not be read loses none; planning its change fails, and stops no other.
    view, _ = handler.tolerant()
    found = view.children_many((CONTAINER, vm.uuid) for vm in vms)
    return {vm: tags or () for vm, tags in zip(vms, found, strict=True)}


def _is_odd(part: Part) -> bool:
    return part.kind == "tag" and _odd_name(part.name, any_name=False) is not None


def _odd_name(name: str, *, any_name: bool) -> InvalidInputError | None:
    try:
        check_tag_name(name, any_name=any_name)
    except InvalidInputError as error:
        return error
    return None


def _vm_wish(vm: VmRef, total: _Sum, present: Sequence[str], *, prune: bool, any_name: bool) -> VmWish:
    said = total.said
    tags = []
    for part, (_, place) in said.items():
        if part.kind == "tag":
            if part.name not in present and (error := _odd_name(part.name, any_name=any_name)):
                raise place.locate(ConfigError(str(error)))
            kind, protected = (said.get(Part(kind, part.name), (None,))[0] for kind in ("type", "protected"))
            tags.append(TagWish(part.name, cast("TagType | None", kind), cast("bool | None", protected)))
    metadata = MetadataChange(**{p.name: value for p, (value, _) in said.items() if p.kind == "metadata"})  # type: ignore[arg-type]
    extra = sorted({*present} - {tag.name for tag in tags}) if prune and total.tagged else []
    return VmWish(vm, tuple(tags), metadata, tuple(extra))


def _match_vfs(handler: ZKHandler, state: State) -> list[VfWish]:
    if not state.vfs:
        return []
    try:
        require_sriov(handler)
    except PvcError as error:
        raise state.vfs[0].vfs[0].place.locate(error) from None
    nodes = handler.children("base.node") or []
    vfs_of: dict[str, list[VfRef]] = {}
    for vf in list_refs(handler):
        vfs_of.setdefault(vf.node, []).append(vf)
    sums: dict[VfRef, _Sum] = {}
    for entry in state.vfs:
        named: dict[VfRef, bool] = {}
        places = {node: word for word in entry.nodes for node in _meant(word, nodes, "node", "see 'pvc node list'")}
        known = [vf for node in nodes if node in places for vf in vfs_of.get(node, ())]
        for word in entry.vfs:
            names = dict.fromkeys(vf.phy for vf in known)
            where = f"of node {', '.join(node.text for node in entry.nodes)}"
            meant = _meant(word, list(names), "VF", "see 'pvc sriov vf list'", where)
            for vf in known:
                if vf.phy in meant:
                    exact = (places[vf.node].text, word.text) == vf
                    named[vf] = named.get(vf, False) or exact
        for vf, by_name in named.items():
            sums.setdefault(vf, _Sum(vf.name)).add(entry.said, named=by_name)
    return [_vf_wish(vf, total) for vf, total in sums.items()]


def _meant(word: Word, known: Sequence[str], kind: str, see: str, where: str = "") -> list[str]:
    """Return which of *known* a name or a pattern means."""
    names = [word.text] if word.text in known else [name for name in known if fnmatchcase(name, word.text)]
    if not names:
        what = f"no {kind}{where and ' '}{where} matches" if _PATTERN.search(word.text) else f"there is no {kind}"
        place = f" {where}" if where and not _PATTERN.search(word.text) else ""
        raise NotFoundError(f"{word.place}: {what} {quoted(word.text)}{place}: {hint(word.text, known, see)}")
    return names


def _vf_wish(vf: VfRef, total: _Sum) -> VfWish:
    settings = settings_of(total.said)
    try:
        check_settings(settings)
    except InvalidInputError as error:
        _, place = next(iter(total.said.values()))
        raise place.locate(RefusedError(f"{vf}: {error}")) from None
    return VfWish(vf, settings)
