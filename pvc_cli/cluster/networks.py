"""Read the networks of a cluster, their DHCP reservations and leases, and their firewall rules."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pvc_cli.cluster.patterns import matcher
from pvc_cli.cluster.values import natural_key, parse_bool, parse_int, parse_list, parse_text
from pvc_cli.errors import NotFoundError, RefusedError, hint, quoted
from pvc_cli.zk import ZKHandler

_SEE = "see 'pvc network list'"
Direction = Literal["in", "out"]
DIRECTIONS: tuple[Direction, ...] = ("in", "out")
_STATIC: Literal["static"] = "static"

_IP4 = {
    "network": "network.ip4.network",
    "gateway": "network.ip4.gateway",
    "dhcp_flag": "network.ip4.dhcp",
    "dhcp_start": "network.ip4.dhcp_start",
    "dhcp_end": "network.ip4.dhcp_end",
}
_IP6 = {"network": "network.ip6.network", "gateway": "network.ip6.gateway", "dhcp_flag": "network.ip6.dhcp"}
_KEYS = (
    *("network", "network.type", "network.mtu", "network.domain", "network.nameservers"),
    *_IP4.values(),
    *_IP6.values(),
)


class Ip4(NamedTuple):
    """A network's IPv4 settings; None is not set."""

    network: str | None
    gateway: str | None
    dhcp_flag: bool | None
    dhcp_start: str | None
    dhcp_end: str | None


class Ip6(NamedTuple):
    """A network's IPv6 settings; None is not set."""

    network: str | None
    gateway: str | None
    dhcp_flag: bool | None


class Network(NamedTuple):
    """A network of VMs; None is not set, or not known to the cluster's schema."""

    vni: str
    description: str
    """Its name for people."""
    type: str
    """``managed``: PVC routes it and serves DHCP; ``bridged``: a VLAN of the nodes."""
    mtu: int | None
    domain: str | None
    name_servers: tuple[str, ...]
    ip4: Ip4
    ip6: Ip6


class DhcpLease(NamedTuple):
    """An address that DHCP gives, reserved or leased; None is not reported."""

    hostname: str | None
    ip4_address: str | None
    mac_address: str
    timestamp: int | Literal["static"] | None
    """When a lease expires, in seconds since 1970; ``static`` for a reservation."""

    @property
    def static(self) -> bool:
        """Whether it is a reservation."""
        return self.timestamp == _STATIC


class Rule(NamedTuple):
    """A firewall rule of a managed network."""

    direction: Direction
    order: int | None
    description: str
    """Its name."""
    rule: str | None
    """In nftables' language."""


def list_networks(handler: ZKHandler, pattern: str | None = None) -> list[Network]:
    """Return the networks, by VNI, in two batches.

    :param pattern: a regular expression found anywhere in the VNI or the description; by default, all.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    matches = matcher(pattern)
    vnis = sorted(handler.children("base.network") or [], key=natural_key)
    return [network for network in _read(handler, vnis) if matches(network.vni, network.description)]


def list_names(handler: ZKHandler) -> list[str]:
    """Return what networks can be called, their descriptions and their VNIs, in two batches."""
    vnis = handler.children("base.network") or []
    descriptions = handler.read_many(("network", vni) for vni in vnis)
    return [*filter(None, descriptions), *vnis]


def find_networks(handler: ZKHandler, wanted: Sequence[str]) -> list[Network]:
    """Return the networks with these VNIs or descriptions, each once, in three batches.

    :raises NotFoundError: if there is no such network.
    :raises RefusedError: if a description belongs to several networks.
    """
    return _read(handler, find_vnis(handler, wanted))


def find_vnis(handler: ZKHandler, wanted: Sequence[str]) -> list[str]:
    """Return the VNIs of the networks with these VNIs or descriptions, each once.

    :raises NotFoundError: if there is no such network.
    :raises RefusedError: if a description belongs to several networks.
    """
    vnis = handler.children("base.network") or []
    named: dict[str, list[str]] = {}
    if not set(wanted).issubset(vnis):
        descriptions = handler.read_many(("network", vni) for vni in vnis)
        for vni, description in zip(vnis, descriptions, strict=True):
            named.setdefault(description or "", []).append(vni)
    chosen = []
    for name in wanted:
        found = [name] if name in vnis else named.get(name, [])
        if not found:
            raise NotFoundError(f"there is no network {quoted(name)}: {hint(name, [*named, *vnis], _SEE)}")
        if len(found) > 1:
            raise RefusedError(
                f"{len(found)} networks are called {quoted(name)}: use one of the VNIs"
                f" {', '.join(sorted(found, key=natural_key))}"
            )
        chosen += found
    return list(dict.fromkeys(chosen))


def _read(handler: ZKHandler, vnis: Sequence[str]) -> list[Network]:
    """Return the networks with these VNIs, in one batch; one that is deleted meanwhile is left out."""
    rows = handler.read_rows([(key, vni) for key in _KEYS] for vni in vnis)
    found = [(vni, dict(zip(_KEYS, row, strict=True))) for vni, row in zip(vnis, rows, strict=True)]
    return [_network(vni, values) for vni, values in found if values["network"] is not None]


def _network(vni: str, values: dict[str, str | None]) -> Network:
    ip4 = {name: values[key] for name, key in _IP4.items()}
    ip6 = {name: values[key] for name, key in _IP6.items()}
    return Network(
        vni=vni,
        description=values["network"] or "",
        type=values["network.type"] or "",
        mtu=parse_int(values["network.mtu"]),
        domain=parse_text(values["network.domain"]),
        name_servers=parse_list(parse_text(values["network.nameservers"])),
        ip4=Ip4(
            network=parse_text(ip4["network"]),
            gateway=parse_text(ip4["gateway"]),
            dhcp_flag=parse_bool(ip4["dhcp_flag"]),
            dhcp_start=parse_text(ip4["dhcp_start"]),
            dhcp_end=parse_text(ip4["dhcp_end"]),
        ),
        ip6=Ip6(
            network=parse_text(ip6["network"]),
            gateway=parse_text(ip6["gateway"]),
            dhcp_flag=parse_bool(ip6["dhcp_flag"]),
        ),
    )


def list_dhcp(
    handler: ZKHandler, vni: str, pattern: str | None = None, *, static: bool | None = None
) -> list[DhcpLease]:
    """Return a network's DHCP reservations, then its leases, each by address, in two batches.

    :param pattern: a regular expression found anywhere in the MAC address, the IP address or the host name.
    :param static: True for reservations only, False for leases only.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    matches = matcher(pattern)
    reserved, leased = (
        names or [] for names in handler.children_many([("network.reservation", vni), ("network.lease", vni)])
    )
    rows = handler.read_rows(
        [
            *(_dhcp_keys(vni, "reservation", mac, "ip", "hostname") for mac in reserved),
            *(_dhcp_keys(vni, "lease", mac, "ip", "hostname", "expiry") for mac in leased),
        ]
    )
    found = [
        DhcpLease(parse_text(hostname), parse_text(address), mac, parse_int(expiry[0]) if expiry else _STATIC)
        for mac, (address, hostname, *expiry) in zip([*reserved, *leased], rows, strict=True)
    ]
    chosen = [
        lease
        for lease in found
        if static in (None, lease.static)
        and matches(lease.mac_address, lease.ip4_address or "", lease.hostname or "")
    ]
    return sorted(
        chosen, key=lambda lease: (not lease.static, natural_key(lease.ip4_address or ""), lease.mac_address)
    )


def _dhcp_keys(vni: str, group: str, mac: str, *names: str) -> list[tuple[str, str, str, str]]:
    return [(f"network.{group}", vni, f"{group}.{name}", mac) for name in names]


def list_rules(
    handler: ZKHandler, vni: str, pattern: str | None = None, *, direction: Direction | None = None
) -> list[Rule]:
    """Return a network's firewall rules in the order in which they apply, those for incoming traffic first.

    It takes two batches.

    :param pattern: a regular expression found anywhere in the description.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    matches = matcher(pattern)
    directions = [way for way in DIRECTIONS if direction in (None, way)]
    children = handler.children_many((f"network.rule.{way}", vni) for way in directions)
    named = [
        (way, name) for way, names in zip(directions, children, strict=True) for name in names or [] if matches(name)
    ]
    rows = handler.read_rows(
        [(f"network.rule.{way}", vni, f"rule.{key}", name) for key in ("order", "rule")] for way, name in named
    )
    rules = [
        Rule(way, parse_int(order), name, parse_text(rule))
        for (way, name), (order, rule) in zip(named, rows, strict=True)
    ]
    return sorted(rules, key=_precedence)


def _precedence(rule: Rule) -> tuple[object, ...]:
    return rule.direction, rule.order is None, rule.order or 0, natural_key(rule.description)
