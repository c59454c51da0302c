"""The networks of the demo cluster: managed ones, with and without DHCP, and a bridged one."""

from pvc_cli.sandbox.demo_items import Pairs, item
from pvc_cli.zk import ZKSchema

NETWORKS = {1001: "Frontend", 1002: "Backend", 1003: "Storage-clients", 2001: "Lab"}
_BRIDGED, _WITHOUT_DHCP, _WITH_IPV6 = {2001}, {1003}, {1001}
_RULES = {
    "in": {
        "port-443": "tcp dport 443 counter accept",
        "port-80": "tcp dport 80 counter accept",
        "ping": "icmp type echo-request limit rate 10/second accept",
    },
    "out": {"port-25": "tcp dport 25 counter accept"},
}


def networks(schema: ZKSchema) -> Pairs:
    """Yield every key of the networks, with its value."""
    for vni, description in NETWORKS.items():
        if vni in _BRIDGED:
            values = {"network.vni": description, "network.type": "bridged"}
            yield from _network(schema, vni, values)
        else:
            yield from _network(schema, vni, _managed(vni, description))
            yield from _rules(schema, vni)
            if vni not in _WITHOUT_DHCP:
                yield from _dhcp(schema, vni)


def _network(schema: ZKSchema, vni: int, values: dict[str, str]) -> Pairs:
    common = {"network.mtu": "1500", "network.ip4.dhcp": "False", "network.ip6.dhcp": "False"}
    yield from item(schema, "network", str(vni), common | values)


def _prefix(vni: int) -> str:
    return f"10.{vni // 256}.{vni % 256}"


def _managed(vni: int, description: str) -> dict[str, str]:
    prefix = _prefix(vni)
    values = {
        "network.vni": description,
        "network.type": "managed",
        "network.nameservers": "10.0.0.5,10.0.0.6",
        "network.domain": f"{description.lower()}.example.net",
        "network.ip4.gateway": f"{prefix}.1",
        "network.ip4.network": f"{prefix}.0/24",
    }
    if vni not in _WITHOUT_DHCP:
        values |= {
            "network.ip4.dhcp": "True",
            "network.ip4.dhcp_start": f"{prefix}.100",
            "network.ip4.dhcp_end": f"{prefix}.199",
        }
    if vni in _WITH_IPV6:
        values |= {
            "network.ip6.network": f"2001:db8:{vni}::/64",
            "network.ip6.gateway": f"2001:db8:{vni}::1",
            "network.ip6.dhcp": "True",
        }
    return values


def _dhcp(schema: ZKSchema, vni: int) -> Pairs:
    prefix = _prefix(vni)
    for host in range(2):
        address = {"reservation.ip": f"{prefix}.{10 + host}", "reservation.hostname": f"host{host}"}
        mac = f"52:54:01:{vni % 256:02x}:00:{host:02x}"
        under = ("network.reservation", str(vni))
        yield from item(schema, "reservation", mac, {"reservation.mac": "static", **address}, under)
    lease = {
        "lease.mac": f"{prefix}.101",
        "lease.ip": f"{prefix}.101",
        "lease.hostname": "guest",
        "lease.expiry": "1760003600",
        "lease.client_id": "*",
    }
    yield from item(schema, "lease", f"52:54:02:{vni % 256:02x}:00:01", lease, ("network.lease", str(vni)))


def _rules(schema: ZKSchema, vni: int) -> Pairs:
    for direction, rules in _RULES.items():
        for order, (name, rule) in enumerate(rules.items()):
            values = {"rule.description": name, "rule.rule": rule, "rule.order": str(order)}
            yield from item(schema, "rule", name, values, (f"network.rule.{direction}", str(vni)))
