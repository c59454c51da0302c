"""Read the physical and virtual functions (PFs, VFs) of nodes, and find VFs by name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import NamedTuple

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.values import natural_key, parse_bool, parse_int
from pvc_cli.errors import InvalidItemError, NotFoundError, hint, quoted
from pvc_cli.zk import ZKHandler, Znode

_VF_NAME = re.compile(r"(.+)v\d+")


@dataclass(frozen=True, slots=True)
class Pf:
    """A physical function of a node; *vfs* are the names of its VFs. What the tree lacks is None."""

    node: str
    phy: str
    mtu: int | None
    vfcount: int | None
    vfs: tuple[str, ...]


class VfRef(NamedTuple):
    """Which VF: its node, and PVC's name for it."""

    node: str
    phy: str

    def __str__(self) -> str:
        return f"VF {self.phy} of node {self.node}"

    @property
    def name(self) -> str:
        """NODE/VF, as lists print it and commands take it."""
        return f"{self.node}/{self.phy}"

    def gone(self) -> NotFoundError:
        """Return the error for a VF that was there a moment ago."""
        return NotFoundError(f"{self} is gone: see 'pvc sriov vf list {self.node}'")


Value = bool | int | str
Settings = Mapping[str, Value]
"""Some of a VF's eight settings, by name: those that are wanted, that change, or that the kernel is told."""


@dataclass(frozen=True, slots=True)
class VfConfig:
    """A VF's settings as they were read, rates in Mbit/s; None is what is not known."""

    vlan_id: int | None = None
    vlan_qos: int | None = None
    tx_rate_min: int | None = None
    tx_rate_max: int | None = None
    link_state: str | None = None
    """``auto``, ``enable`` or ``disable``."""
    spoof_check: bool | None = None
    trust: bool | None = None
    query_rss: bool | None = None

    def known(self) -> Settings:
        """Return the settings that are known."""
        return {name: value for name in SETTINGS if (value := getattr(self, name)) is not None}


SETTINGS = tuple(field.name for field in fields(VfConfig))
"""The names of a VF's eight settings."""


@dataclass(frozen=True, slots=True)
class Pci:
    """Where a VF is on the PCI bus: ``0000:03:10.1`` in four parts."""

    domain: str
    bus: str
    slot: str
    function: str

    def __str__(self) -> str:
        return f"{self.domain}:{self.bus}:{self.slot}.{self.function}" if self.slot else ""


@dataclass(frozen=True, slots=True)
class Vf:
    """A virtual function of a node."""

    node: str
    phy: str
    pf: str
    mtu: int | None
    mac: str
    """What its user sees: the VM interface's address while it is used, else :attr:`phy_mac`."""
    phy_mac: str
    config: VfConfig
    pci: Pci
    used: bool
    used_by: str
    """The UUID of the VM that uses it, or empty."""


def vf_name(pf: str, index: int) -> str:
    """Return PVC's name for a VF, whatever the kernel calls its network device."""
    return f"{pf}v{index}"


def pf_of(vf: str) -> str:
    """Return the PF that a VF's name begins with; empty if it is not the name of a VF."""
    match = _VF_NAME.fullmatch(vf)
    return match[1] if match else ""


def text_of(znode: Znode | None) -> str:
    """Return the value of a znode; empty if there is none."""
    return znode.text if znode else ""


def require_sriov(handler: ZKHandler) -> None:
    """Do nothing on a cluster whose schema has SR-IOV.

    :raises SchemaError: on an older one.
    """
    handler.schema.require("node.sriov", "SR-IOV needs")


def _list(handler: ZKHandler, node: str | None, *containers: str) -> list[list[tuple[str, str]]]:
    """Return node and name of what is in each of *containers* of one node or of all, in order."""
    require_sriov(handler)
    nodes = sorted(handler.children("base.node") or [], key=natural_key) if node is None else [node]
    try:
        found = handler.children_many((container, at) for container in containers for at in nodes)
    except InvalidItemError:
        # No node has such a name.
        found = [None]
    if node is not None and None in found:
        require_node(handler, node)
    names = iter(found)
    return [[(at, name) for at in nodes for name in sorted(next(names) or (), key=natural_key)] for _ in containers]


def list_pfs(handler: ZKHandler, node: str | None = None) -> list[Pf]:
    """Return the PFs of one node or of all, by name, in one batch a level.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    pfs, vfs = _list(handler, node, "node.sriov.pf", "node.sriov.vf")
    keys = ("sriov_pf", "sriov_pf.mtu", "sriov_pf.vfcount")
    owners = [("node.sriov.vf", at, "sriov_vf.pf", vf) for at, vf in vfs]
    values = iter(handler.read_many([*owners, *(("node.sriov.pf", at, key, pf) for at, pf in pfs for key in keys)]))
    vfs_of: dict[tuple[str, str | None], list[str]] = {}
    for at, vf in vfs:
        vfs_of.setdefault((at, next(values)), []).append(vf)
    return [
        Pf(at, pf, parse_int(mtu), parse_int(vfcount), tuple(vfs_of.get((at, pf), ())))
        for at, pf in pfs
        for own, mtu, vfcount in [(next(values), next(values), next(values))]
        if own is not None
    ]


def find_pf(handler: ZKHandler, node: str, name: str) -> Pf:
    """Return a PF.

    :raises NotFoundError: if there is no such node or PF.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    every = {pf.phy: pf for pf in list_pfs(handler, node)}
    if name not in every:
        raise _no_such(node, "PF", name, every)
    return every[name]


def _no_such(node: str, kind: str, name: str, known: Iterable[str]) -> NotFoundError:
    see = f"see 'pvc sriov {kind.lower()} list {node}'"
    return NotFoundError(f"node {node} has no {kind} {quoted(name)}: {hint(name, known, see)}")


WATCHED_KEYS = tuple(
    f"sriov_vf.{name}" for name in ("mac", "phy_mac", "used", "used_by", *(f"config.{name}" for name in SETTINGS))
)
"""The keys of a VF that change while it exists."""
PCI_KEYS = tuple(f"sriov_vf.pci.{field.name}" for field in fields(Pci))
_KEYS = ("sriov_vf", "sriov_vf.pf", "sriov_vf.mtu", *PCI_KEYS, *WATCHED_KEYS)


def list_refs(handler: ZKHandler, node: str | None = None) -> list[VfRef]:
    """Return which VFs one node has, or all have, by name, without reading them.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    return [VfRef(*vf) for vf in _list(handler, node, "node.sriov.vf")[0]]


def find_vfs(handler: ZKHandler, node: str, wanted: Iterable[str]) -> list[VfRef]:
    """Return which VFs of *node* are meant by names or glob patterns, each once, without reading them.

    :raises NotFoundError: if there is no such node, or a word means no VF.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    every = [vf.phy for vf in list_refs(handler, node)]
    chosen: list[str] = []
    for word in wanted:
        names = [word] if word in every else [name for name in every if fnmatchcase(name, word)]
        if not names:
            raise _no_such(node, "VF", word, every)
        chosen += names
    return [VfRef(node, name) for name in dict.fromkeys(chosen)]


def list_vfs(handler: ZKHandler, node: str | None = None, pf: str | None = None) -> list[Vf]:
    """Return the VFs of one node or of all, of one PF or of all, by name, in one batch a level.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    return [vf for vf in read_vfs(handler, list_refs(handler, node)) if pf is None or vf.pf == pf]


def read_vfs(handler: ZKHandler, vfs: Sequence[VfRef]) -> list[Vf]:
    """Return *vfs* as the tree has them, in one batch; one that is gone is left out."""
    rows = handler.read_rows([("node.sriov.vf", vf.node, key, vf.phy) for key in _KEYS] for vf in vfs)
    found = zip(vfs, rows, strict=True)
    return [_vf(vf, dict(zip(_KEYS, row, strict=True))) for vf, row in found if row[0] is not None]


def _vf(vf: VfRef, values: Mapping[str, str | None]) -> Vf:
    def text(key: str) -> str:
        return values[f"sriov_vf.{key}"] or ""

    return Vf(
        node=vf.node,
        phy=vf.phy,
        pf=text("pf"),
        mtu=parse_int(text("mtu")),
        mac=text("mac"),
        phy_mac=text("phy_mac"),
        config=parse_config({name: values[f"sriov_vf.config.{name}"] for name in SETTINGS}),
        pci=Pci(*(values[key] or "" for key in PCI_KEYS)),
        used=bool(parse_bool(values["sriov_vf.used"])),
        used_by=text("used_by"),
    )


_FLAGS: Mapping[str | None, bool] = {"True": True, "False": False}
# PVC's node daemon takes only the exact True as on. Whoever took true for it, too, would fight with the daemon.


def parse_config(texts: Mapping[str, str | None]) -> VfConfig:
    """Return the settings in *texts*, given by name; an invalid one is None."""
    return VfConfig(
        vlan_id=parse_int(texts["vlan_id"]),
        vlan_qos=parse_int(texts["vlan_qos"]),
        tx_rate_min=parse_int(texts["tx_rate_min"]),
        tx_rate_max=parse_int(texts["tx_rate_max"]),
        link_state=texts["link_state"] or None,
        spoof_check=_FLAGS.get(texts["spoof_check"]),
        trust=_FLAGS.get(texts["trust"]),
        query_rss=_FLAGS.get(texts["query_rss"]),
    )


def parse_setting(name: str, text: str | None) -> Value | None:
    """Return the value of one setting; None if *text* is invalid."""
    value: Value | None = getattr(parse_config({**dict.fromkeys(SETTINGS), name: text}), name)
    return value


def user_names(handler: ZKHandler, vfs: Iterable[Vf]) -> dict[str, str]:
    """Return what people call the VMs that use *vfs*, by UUID, in one batch."""
    uuids = sorted({vf.used_by for vf in vfs if vf.used and vf.used_by})
    names = handler.read_many(("domain", uuid) for uuid in uuids)
    return {uuid: name or f"{uuid} (no such VM)" for uuid, name in zip(uuids, names, strict=True)}
