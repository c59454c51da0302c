"""Who uses a VF, as its three keys record it, and what writes them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.cluster.sriov.model import PCI_KEYS, Pci, VfRef, text_of
from pvc_cli.cluster.sriov.users import Guard, Use
from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms.query import VmRef, names_of
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode
from pvc_cli.zk.places import locate

Write = tuple[Key, Znode | None, str]
"""A key, its znode as it was found, and its new value."""
_USAGE_KEYS = ("sriov_vf", "sriov_vf.used", "sriov_vf.used_by", "sriov_vf.mac", "sriov_vf.phy_mac", *PCI_KEYS)


@dataclass(frozen=True, slots=True)
class Usage:
    """Who uses a VF, as it was read."""

    vf: VfRef
    own: Znode | None
    used_znode: Znode | None
    used_by: Znode | None
    mac: Znode | None
    phy_mac: Znode | None
    address: tuple[Znode | None, ...]

    @classmethod
    def of(cls, vf: VfRef, znodes: Iterable[Znode | None]) -> "Usage":
        """Return that of *vf*, from the znodes of its :func:`usage_keys`."""
        own, used, used_by, mac, phy_mac, *address = znodes
        return cls(vf, own, used, used_by, mac, phy_mac, tuple(address))

    @property
    def used(self) -> bool:
        """Whether it is marked used."""
        return bool(parse_bool(text_of(self.used_znode)))

    @property
    def holder(self) -> str:
        """The UUID of the VM that is recorded as its user, or empty."""
        return text_of(self.used_by)

    @property
    def pci(self) -> str:
        """Its PCI address, or empty: a VM's XML may have that in place of its name."""
        return str(Pci(*map(text_of, self.address)))

    def plan_claim(
        self,
        handler: ZKHandler,
        vm: VmRef,
        use: Use,
        guards: Sequence[Guard],
        more: Sequence[Write] = (),
        turn: Key | None = None,
    ) -> Transaction:
        """Return what claims it for *vm*, together with *more*: see :func:`method_write`.

        :param turn: one of *more* that is written even if it has its value: see :meth:`Transaction.touch`.
        """
        mac = use.mac or text_of(self.mac if self.used else self.phy_mac)
        return self._plan(handler, more, ("True", vm.uuid, mac), guards, turn)

    def plan_release(self, handler: ZKHandler, guards: Sequence[Guard]) -> Transaction:
        """Return what releases it."""
        return self._plan(handler, [], ("False", "", text_of(self.phy_mac)), guards, None)

    def _plan(
        self,
        handler: ZKHandler,
        more: Sequence[Write],
        values: tuple[str, str, str],
        guards: Sequence[Guard],
        turn: Key | None,
    ) -> Transaction:
        """Return what sets its three keys and what *more* there is, unless any of that or of *guards* changed."""
        transaction = handler.transaction()
        _, *keys = usage_keys(self.vf)
        own = zip(keys, (self.used_znode, self.used_by, self.mac), values)  # noqa: B905 - the others stay
        steady = [(key, znode) for key, znode, value in (*more, *own) if not transaction.ensure(key, znode, value)]
        if transaction.changes:
            at = zip(keys[-len(self.address) :], self.address, strict=True)
            for key, znode in (*steady, *at, *guards):
                (transaction.touch if key == turn else transaction.guard)(key, znode)
        return transaction


def usage_keys(vf: VfRef) -> list[Key]:
    """Return the keys of a VF whose znodes make its :class:`Usage`."""
    return [("node.sriov.vf", vf.node, key, vf.phy) for key in _USAGE_KEYS]


def read_usage(handler: ZKHandler, vf: VfRef, more: Sequence[Key] = ()) -> tuple[Usage, list[Znode | None]]:
    """Return who uses a VF, and the znodes of *more* keys, in one batch.

    :raises NotFoundError: if it is gone.
    """
    keys = usage_keys(vf)
    found = handler.get_znodes([*keys, *more])
    usage = Usage.of(vf, found[: len(keys)])
    if usage.own is None:
        raise vf.gone()
    return usage, found[len(keys) :]


def method_write(vm: VmRef, use: Use, method: Znode | None) -> list[Write]:
    """Return what is written besides a claim: a VM with a device that is passed through cannot migrate live.

    :param method: the VM's migration method as it was found.
    """
    return [(("domain.meta.migrate_method", vm.uuid), method, "shutdown")] if use.type == "hostdev" else []


class Claimed(NamedTuple):
    """A VF that a change claims, for whom, and the PCI address that it has then."""

    vf: VfRef
    holder: str
    pci: str


def claimed_vfs(handler: ZKHandler, values: Mapping[str, bytes]) -> list[VfRef]:
    """Return the VFs that may be claimed where *values* are set by their paths."""
    found = []
    for path, value in values.items():
        if (path.endswith("/used_by") and value) or (
            path.endswith("/used") and parse_bool(value.decode("utf-8", "replace"))
        ):
            words = locate(handler.schema, path).words
            if words[2:3] in (("sriov_vf.used",), ("sriov_vf.used_by",)):
                found.append(VfRef(words[1], words[3]))
    return list(dict.fromkeys(found))


def claims_of(handler: ZKHandler, values: Mapping[str, bytes], usages: Mapping[VfRef, Usage]) -> Iterator[Claimed]:
    """Yield what is claimed where *values* are set by their paths, on VFs that were used as *usages* say."""
    for vf in claimed_vfs(handler, values):
        usage = usages[vf]
        found = (usage.used_by, *usage.address)
        keys = ("sriov_vf.used_by", *PCI_KEYS)
        paths = handler.schema.paths(("node.sriov.vf", vf.node, key, vf.phy) for key in keys)
        now = (values.get(path) if path else None for path in paths)
        holder, *address = (
            text_of(znode) if data is None else data.decode("utf-8", "replace")
            for data, znode in zip(now, found, strict=True)
        )
        if holder:
            yield Claimed(vf, holder, str(Pci(*address)))


def read_holders(handler: ZKHandler, vfs: Sequence[VfRef]) -> dict[VfRef, str]:
    """Return what the VMs are called that those of *vfs* which are in use are claimed for, in two batches."""
    keys = ("sriov_vf.used", "sriov_vf.used_by")
    rows = handler.read_rows([("node.sriov.vf", vf.node, key, vf.phy) for key in keys] for vf in vfs)
    holders = {vf: uuid for vf, (used, uuid) in zip(vfs, rows, strict=True) if parse_bool(used) and uuid}
    names = names_of(handler, holders.values())
    return {vf: names.get(uuid, uuid) for vf, uuid in holders.items()}
