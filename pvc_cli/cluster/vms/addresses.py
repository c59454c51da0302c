"""The IP addresses that the DHCP of managed networks gives to VMs."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvc_cli.cluster.vms.model import VmSummary
    from pvc_cli.zk import Key, ZKHandler

_GROUPS = ("lease", "reservation")


def read_addresses(handler: ZKHandler) -> dict[str, str]:
    """Return the IP address of each MAC address that has a reservation, or else a lease, in three batches.

    What is not an IP address is left out.
    """
    vnis = handler.children("base.network") or []
    places: list[tuple[str, str]] = [(group, vni) for group in _GROUPS for vni in vnis]
    found = handler.children_many((f"network.{group}", vni) for group, vni in places)
    macs = [(group, vni, mac) for (group, vni), names in zip(places, found, strict=True) for mac in names or ()]
    keys: list[Key] = [(f"network.{group}", vni, f"{group}.ip", mac) for group, vni, mac in macs]
    values = zip(macs, handler.read_many(keys), strict=True)
    return {mac.lower(): address for (_, _, mac), address in values if address and _is_address(address)}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def address_of(vm: VmSummary, addresses: Mapping[str, str]) -> str | None:
    """Return the address of the first of a VM's interfaces that has one in *addresses*."""
    macs = (network.mac for network in vm.hardware.networks) if vm.hardware else ()
    return next((addresses[mac.lower()] for mac in macs if mac and mac.lower() in addresses), None)
