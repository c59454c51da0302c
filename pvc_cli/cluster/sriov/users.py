"""Which VMs use which VFs, as their XML says: by name, or by the PCI address of a device that is passed through."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.sriov.model import VfRef, text_of
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.zk import Key, ZKHandler, Znode

ClaimType = Literal["direct", "hostdev"]
CLAIM_TYPES: tuple[ClaimType, ...] = ("direct", "hostdev")
IDLE_STATES = ("stop", "disable", "fail", "provision", "import", "restore", "mirror")
"""The states of a VM in which it holds no device of its node."""
_MIGRATING = ("migrate", "migrate-live", "unmigrate")
_KEYS = (
    *("domain", "domain.xml", "domain.state", "domain.node", "domain.last_node"),
    "domain.meta.migrate_method",
)
Guard = tuple[Key, Znode | None]
"""A key and its znode as read: it must not have changed when the decision is written."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a VM's XML uses a VF: by the name *vf*, or by the address *pci*; *mac* may be empty."""

    type: ClaimType
    vf: str
    mac: str
    pci: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A VM that may use VFs."""

    ref: VmRef
    state: str
    node: str
    last_node: str
    uses: tuple[Use, ...]
    readable: bool
    """Whether its XML is readable; if not, what it uses is unknown."""
    method: Znode | None
    guards: list[Guard]
    """What must not have changed when something is written because of this VM."""

    @property
    def xml_guard(self) -> Guard:
        """What must not have changed for it to use the same VFs."""
        return self.guards[1]

    @property
    def is_idle(self) -> bool:
        """Whether it is in a state in which it holds no device."""
        return self.state in IDLE_STATES

    @property
    def is_migrating(self) -> bool:
        """Whether it is between two nodes."""
        return self.state in _MIGRATING

    def use_of(self, vf: str, pci: str) -> Use | None:
        """Return how it uses the VF of that name and PCI address, wherever it is, if it does."""
        by_name = (use for use in self.uses if use.vf and use.vf == vf)
        by_address = (use for use in self.uses if use.pci and use.pci == pci)
        return next(by_name, None) or next(by_address, None)

    def may_hold(self, vf: VfRef) -> bool:
        """Tell whether it can hold a device of the VF's node."""
        return not self.is_idle and (vf.node in self.nodes or "" in self.nodes)

    @property
    def nodes(self) -> set[str]:
        """Where it can hold devices; an empty name means anywhere.

        A VM that moves for good is between two nodes, of which the tree has only the one that it goes to.
        """
        return {self.node, self.last_node} if self.is_migrating else {self.node}


def uses(parsed: hardware.Hardware) -> tuple[Use, ...]:
    """Return which devices of its node a VM uses by itself; one of type ``direct`` need not be a VF."""
    by_name = [
        Use(kind, nic.source or "", nic.mac or "")
        for nic in parsed.networks
        for kind in CLAIM_TYPES
        if nic.type == kind
    ]
    by_address = [Use("hostdev", "", device.mac, device.address) for device in parsed.pci_devices]
    return (*(use for use in by_name if use.vf), *by_address)


def read_users(handler: ZKHandler, node: str | None = None) -> list[User]:
    """Return all VMs, or those that are on *node* or may come from there, in at most three batches."""
    if node is not None:
        return read_crowd(handler, node).users
    return _read(handler, handler.children("base.domain") or [])


@dataclass(frozen=True, slots=True)
class Crowd:
    """The VMs of a cluster, as they were read for one node."""

    node: str
    users: list[User]
    """Those that are on the node or may come from there."""
    elsewhere: frozenset[str]
    """The UUIDs of the others."""

    @classmethod
    def of(cls, users: Iterable[User], node: str) -> "Crowd":
        """Return that of *node*, from all VMs of the cluster."""
        known = {user.ref.uuid: user for user in users}
        here = [user for user in known.values() if node in (user.node, user.last_node) or "" in user.nodes]
        return cls(node, here, frozenset(known).difference(user.ref.uuid for user in here))


def read_crowd(handler: ZKHandler, node: str) -> Crowd:
    """Return the VMs of the cluster, those read that are on *node* or may come from there, in three batches."""
    uuids = handler.children("base.domain") or []
    keys = ("domain.node", "domain.last_node", "domain.state")
    rows = handler.read_rows([(key, uuid) for key in keys] for uuid in uuids)
    here = [
        uuid
        for uuid, (at, source, state) in zip(uuids, rows, strict=True)
        if node in (at, source) or (state in _MIGRATING and not source)
    ]
    return Crowd(node, _read(handler, here), frozenset(uuids).difference(here))


def read_arrived(handler: ZKHandler, crowds: Sequence[Crowd]) -> dict[str, list[User]]:
    """Return the VMs that were defined, or came to a node, since its crowd was read; if none did, in one batch."""
    elsewhere = sorted(frozenset[str]().union(*(crowd.elsewhere for crowd in crowds)))
    nodes, (found,) = handler.request([("domain.node", uuid) for uuid in elsewhere], ["base.domain"])()
    at, uuids = dict(zip(elsewhere, nodes, strict=True)), frozenset(found or ())
    came = {
        crowd.node: [
            *(uuid for uuid in crowd.elsewhere if at[uuid] == crowd.node),
            *uuids.difference(crowd.elsewhere, (user.ref.uuid for user in crowd.users)),
        ]
        for crowd in crowds
    }
    all_ = sorted({uuid for some in came.values() for uuid in some})
    users = {user.ref.uuid: user for user in _read(handler, all_)}
    return {node: [users[uuid] for uuid in some if uuid in users] for node, some in came.items()}


def _read(handler: ZKHandler, uuids: Sequence[str]) -> list[User]:
    if not uuids:
        return []
    return make_users(uuids, handler.get_znodes(key for uuid in uuids for key in user_keys(uuid)))


def user_keys(uuid: str) -> list[Key]:
    """Return the keys of a VM whose znodes make a :class:`User`."""
    return [(key, uuid) for key in _KEYS]


def make_users(uuids: Sequence[str], znodes: Iterable[Znode | None]) -> list[User]:
    """Return the VMs with these UUIDs that there are, from the znodes of their :func:`user_keys`."""
    found = iter(znodes)
    users = []
    for uuid in uuids:
        *own, method = row = [next(found) for _ in _KEYS]
        name, xml, state, node, last_node = map(text_of, own)
        if own[0] is None:
            continue
        try:
            used, readable = uses(hardware.parse(xml)), True
        except hardware.BrokenXmlError:
            used, readable = (), False
        guards: list[Guard] = list(zip(user_keys(uuid)[:-1], row[:-1], strict=True))
        users.append(User(VmRef(uuid, name), state, node, last_node, used, readable, method, guards))
    return users


def held(users: Iterable[User]) -> set[tuple[str, str]]:
    """Return what the running of *users* hold: the node, and the name or the PCI address of each device.

    An empty node means any.
    """
    running = [user for user in users if not user.is_idle]
    return {(node, use.vf or use.pci) for user in running for node in user.nodes for use in user.uses}
