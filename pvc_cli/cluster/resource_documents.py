"""The JSON documents of networks and storage, in the words of PVC's API: made here only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvc_cli.cluster.values import Json, parse_int

if TYPE_CHECKING:
    from pvc_cli.cluster.networks import DhcpLease, Network, Rule
    from pvc_cli.cluster.storage.model import CephReport, Osd, Pool, Snapshot, Volume


def network_document(network: Network) -> Json:
    """Return the document of a network; a VNI that is not a number stays text."""
    vni = parse_int(network.vni)
    return {
        **network._asdict(),
        "vni": network.vni if vni is None else vni,
        "ip4": network.ip4._asdict(),
        "ip6": network.ip6._asdict(),
    }


def dhcp_document(lease: DhcpLease) -> Json:
    """Return the document of a DHCP reservation or lease."""
    return lease._asdict()


def rule_document(rule: Rule) -> Json:
    """Return the document of a firewall rule."""
    return rule._asdict()


def status_report_document(report: CephReport, health: Json | None) -> Json:
    """Return the document of Ceph's status, with Ceph's own document of its health."""
    return {**report._asdict(), "health": health}


def utilization_document(report: CephReport) -> Json:
    """Return the document of how full Ceph is."""
    return report._asdict()


def storage_document(thing: Osd | Pool | Volume | Snapshot) -> Json:
    """Return the document of an OSD, a pool, a volume or a snapshot; the statistics are Ceph's own."""
    return thing._asdict()
