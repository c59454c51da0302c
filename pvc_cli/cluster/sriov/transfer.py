"""Give a VF's settings and claim to the same VF under another name."""

from collections.abc import Mapping, Sequence

from pvc_cli.cluster.sriov.model import PCI_KEYS, SETTINGS, Pci, text_of
from pvc_cli.zk import ZKHandler, Znode

Found = Mapping[str, Znode | None]
"""By key, the znodes of one PF or VF as they were read."""
_HERITAGE = (
    *("sriov_vf.mac", "sriov_vf.phy_mac", "sriov_vf.used", "sriov_vf.used_by"),
    *(f"sriov_vf.config.{name}" for name in SETTINGS),
)
"""The keys that people, VMs and claims decide; the kernel decides the others."""
_NO_MAC = "00:00:00:00:00:00"


def read_items(handler: ZKHandler, node: str, items: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Found]:
    """Return the znodes of PFs and VFs of *node*, each given by kind (``pf``, ``vf``) and name, in one batch."""
    keys = {kind: [key for key, _ in handler.schema.keys_of(f"sriov_{kind}")] for kind in ("pf", "vf")}
    found = iter(
        handler.get_znodes((f"node.sriov.{kind}", node, key, name) for kind, name in items for key in keys[kind])
    )
    return {(kind, name): {key: next(found) for key in keys[kind]} for kind, name in items}


def pci_of(found: Found) -> str:
    """Return the PCI address of a VF; empty if it has none."""
    return str(Pci(*(text_of(found[key]) for key in PCI_KEYS)))


def inherited(found: Found) -> dict[str, str]:
    """Return the values that another name of the same VF takes over, by key."""
    return {key: znode.text for key in _HERITAGE if (znode := found[key]) is not None}


def find_heirs(gone: Mapping[str, Found], new: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return which of the *new* VFs is which of those that are *gone*, by PCI address, or else by hardware address.

    :param new: by name, the PCI and the hardware address.
    """
    heirs: dict[str, str] = {}
    left = dict(gone)
    for kind, unknown in ((0, ""), (1, _NO_MAC)):
        of = {(pci_of(found), text_of(found["sriov_vf.phy_mac"]))[kind]: name for name, found in left.items()}
        for name, addresses in new.items():
            old = of.get(addresses[kind])
            if addresses[kind] not in (unknown, "") and name not in heirs and old in left:
                heirs[name] = old
                del left[old]
    return heirs
