"""Read the physical and virtual functions of nodes, and find those that people mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.values import natural_key, parse_bool, parse_int
from pvc_cli.cluster.vms.query import hint
from pvc_cli.errors import NotFoundError, SchemaError, quoted
from pvc_cli.zk import ZKHandler, Znode

_VF_NAME = re.compile(r"(.+)v\d+")


@dataclass(frozen=True, slots=True)
class Pf:
    """A physical function of a node; *vfs* are the names of its VFs. What the tree has not is None."""

    node: str
    phy: str
    mtu: int | None
    vfcount: int | None
    vfs: tuple[str, ...]


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
    if "node.sriov" not in handler.schema.keys:
        raise SchemaError(
            f"SR-IOV needs schema version {handler.schema.since('node.sriov')}, and this cluster has"
            f" {handler.schema.version}: upgrade it with 'pvc schema upgrade' once all its nodes know that version"
            " (see 'pvc schema show')"
        )


def _nodes(handler: ZKHandler, node: str | None) -> list[str]:
    """Return all nodes by name, or the one that is meant."""
    if node is None:
        return sorted(handler.children("base.node") or [], key=natural_key)
    require_node(handler, node)
    return [node]


def _names(handler: ZKHandler, container: str, node: str | None) -> list[tuple[str, str]]:
    """Return node and name of everything in *container*, in order."""
    require_sriov(handler)
    nodes = _nodes(handler, node)
    found = handler.children_many((container, name) for name in nodes)
    return [
        (at, name) for at, names in zip(nodes, found, strict=True) for name in sorted(names or (), key=natural_key)
    ]


def list_pfs(handler: ZKHandler, node: str | None = None) -> list[Pf]:
    """Return the PFs of one node or of all, by name, in one batch a level.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    pairs = _names(handler, "node.sriov.pf", node)
    keys = ("sriov_pf", "sriov_pf.mtu", "sriov_pf.vfcount")
    values = handler.read_many(("node.sriov.pf", at, key, pf) for at, pf in pairs for key in keys)
    owners = _names(handler, "node.sriov.vf", node)
    of = handler.read_many(("node.sriov.vf", at, "sriov_vf.pf", vf) for at, vf in owners)
    vfs: dict[tuple[str, str | None], list[str]] = {}
    for (at, vf), pf in zip(owners, of, strict=True):
        vfs.setdefault((at, pf), []).append(vf)
    rows = zip(pairs, zip(*[iter(values)] * len(keys), strict=True), strict=True)
    return [
        Pf(at, pf, parse_int(mtu), parse_int(vfcount), tuple(vfs.get((at, pf), ())))
        for (at, pf), (own, mtu, vfcount) in rows
        if own is not None
    ]


def find_pf(handler: ZKHandler, node: str, name: str) -> Pf:
    """Return a PF.

    :raises NotFoundError: if there is no such node or PF.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    every = {pf.phy: pf for pf in list_pfs(handler, node)}
    if name not in every:
        see = f"see 'pvc sriov pf list {node}'"
        raise NotFoundError(f"node {node} has no PF {quoted(name)}: {hint(name, every, see)}")
    return every[name]


_KEYS = (
    "sriov_vf",
    "sriov_vf.pf",
    "sriov_vf.mtu",
    "sriov_vf.mac",
    "sriov_vf.phy_mac",
    "sriov_vf.pci.domain",
    "sriov_vf.pci.bus",
    "sriov_vf.pci.slot",
    "sriov_vf.pci.function",
    "sriov_vf.used",
    "sriov_vf.used_by",
    *(f"sriov_vf.config.{name}" for name in SETTINGS),
)
WATCHED_KEYS = tuple(key for key in _KEYS if key.startswith("sriov_vf.config.") or "used" in key or "mac" in key)
"""What of a VF changes what a list of VFs shows."""


def list_vfs(handler: ZKHandler, node: str | None = None, pf: str | None = None) -> list[Vf]:
    """Return the VFs of one node or of all, of one PF or of all, by name, in one batch a level.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    pairs = _names(handler, "node.sriov.vf", node)
    return [vf for vf in read_vfs(handler, pairs) if pf is None or vf.pf == pf]


def read_vfs(handler: ZKHandler, pairs: Sequence[tuple[str, str]]) -> list[Vf]:
    """Return the VFs that are given by node and name, in one batch; one that is gone is left out."""
    values = handler.read_many(("node.sriov.vf", at, key, vf) for at, vf in pairs for key in _KEYS)
    rows = zip(pairs, zip(*[iter(values)] * len(_KEYS), strict=True), strict=True)
    return [_vf(at, name, dict(zip(_KEYS, row, strict=True))) for (at, name), row in rows if row[0] is not None]


def _vf(node: str, name: str, values: Mapping[str, str | None]) -> Vf:
    def text(key: str) -> str:
        return values[f"sriov_vf.{key}"] or ""

    return Vf(
        node=node,
        phy=name,
        pf=text("pf"),
        mtu=parse_int(text("mtu")),
        mac=text("mac"),
        phy_mac=text("phy_mac"),
        config=parse_config({name: values[f"sriov_vf.config.{name}"] for name in SETTINGS}),
        pci=Pci(text("pci.domain"), text("pci.bus"), text("pci.slot"), text("pci.function")),
        used=bool(parse_bool(values["sriov_vf.used"])),
        used_by=text("used_by"),
    )


def parse_config(texts: Mapping[str, str | None]) -> VfConfig:
    """Return the settings that *texts* spell, by name; what makes no sense is None."""
    return VfConfig(
        vlan_id=parse_int(texts["vlan_id"]),
        vlan_qos=parse_int(texts["vlan_qos"]),
        tx_rate_min=parse_int(texts["tx_rate_min"]),
        tx_rate_max=parse_int(texts["tx_rate_max"]),
        link_state=texts["link_state"] or None,
        spoof_check=parse_bool(texts["spoof_check"]),
        trust=parse_bool(texts["trust"]),
        query_rss=parse_bool(texts["query_rss"]),
    )


def find_vfs(handler: ZKHandler, node: str, wanted: Iterable[str]) -> list[Vf]:
    """Return the VFs of *node* that are meant by names or glob patterns, each once.

    :raises NotFoundError: if there is no such node, or a word means no VF.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    every = {vf.phy: vf for vf in list_vfs(handler, node)}
    chosen: dict[str, Vf] = {}
    for word in wanted:
        names = [word] if word in every else [name for name in every if fnmatchcase(name, word)]
        if not names:
            see = f"see 'pvc sriov vf list {node}'"
            raise NotFoundError(f"node {node} has no VF {quoted(word)}: {hint(word, every, see)}")
        chosen |= {name: every[name] for name in names}
    return list(chosen.values())


def user_names(handler: ZKHandler, vfs: Iterable[Vf]) -> dict[str, str]:
    """Return what people call the VMs that use *vfs*, by UUID, in one batch."""
    uuids = sorted({vf.used_by for vf in vfs if vf.used and vf.used_by})
    names = handler.read_many(("domain", uuid) for uuid in uuids)
    return {uuid: name or f"{uuid} (no such VM)" for uuid, name in zip(uuids, names, strict=True)}
