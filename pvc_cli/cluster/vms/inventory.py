"""The documents from which Ansible and Prometheus take a cluster's VMs: made here only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pvc_cli.cluster.vms.addresses import address_of

if TYPE_CHECKING:
    from pvc_cli.cluster.vms.model import VmSummary
    from pvc_cli.cluster.vms.query import VmRef

Document = dict[str, Any]
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NOT_IN_GROUPS = re.compile(r"[^A-Za-z0-9_]")
_TEMPLATE = re.compile(r"\{[{%#]")


def host_names(vms: Sequence[VmRef]) -> dict[str, str]:
    """Return what each VM is called outside, by UUID: its name.

    It is the UUID of a VM whose name is not unique, or could be taken for an option, a pattern or a port.
    """
    counts = Counter(vm.name for vm in vms)
    return {vm.uuid: vm.name if counts[vm.name] == 1 and _HOST.fullmatch(vm.name) else vm.uuid for vm in vms}


def ansible_inventory(vms: Iterable[VmSummary], hosts: Mapping[str, str], addresses: Mapping[str, str]) -> Document:
    """Return what Ansible expects of ``--list``: groups by tag, node and state, and each host's variables.

    :param hosts: what each VM is called, by UUID.
    :param addresses: IP addresses by MAC address.
    """
    variables: Document = {}
    groups: dict[str, list[str]] = {}
    for vm in vms:
        host = hosts[vm.uuid]
        variables[host] = host_variables(vm, addresses)
        for group in _groups_of(vm):
            groups.setdefault(group, []).append(host)
    named = {group: {"hosts": groups[group]} for group in sorted(groups)}
    return {"_meta": {"hostvars": variables}, "all": {"children": [*named, "ungrouped"]}, **named}


def _groups_of(vm: VmSummary) -> Iterator[str]:
    names = [f"tag_{tag}" for tag in vm.tags] + [f"state_{vm.state or 'unknown'}"]
    names += [f"node_{vm.node}"] if vm.node else []
    # Two tags may differ only in what Ansible does not take.
    yield from dict.fromkeys(_NOT_IN_GROUPS.sub("_", name) for name in names)


def host_variables(vm: VmSummary, addresses: Mapping[str, str]) -> Document:
    """Return Ansible's variables of a VM: parts of its document; with an address, if DHCP gave it one."""
    found = vm.hardware
    address = address_of(vm, addresses)
    variables = {
        "pvc_name": vm.name,
        "pvc_uuid": vm.uuid,
        "pvc_node": vm.node,
        "pvc_state": vm.state,
        "pvc_tags": list(vm.tags),
        "pvc_profile": vm.profile,
        "pvc_memory": found and found.memory,
        "pvc_vcpu": found and found.vcpu,
        "pvc_networks": [network._asdict() for network in found.networks] if found else None,
    }
    plain = {"ansible_host": address} if address else {}
    return plain | {name: _never_a_template(value) for name, value in variables.items()}


def _never_a_template(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return *value* so that Ansible evaluates nothing in it: whoever tags a VM must not run code elsewhere."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value} if _TEMPLATE.search(value) else value
    if isinstance(value, list):
        return [_never_a_template(part) for part in value]
    if isinstance(value, dict):
        return {name: _never_a_template(part) for name, part in value.items()}
    return value


def prometheus_target(vm: VmSummary, host: str, port: int, address: str | None) -> Document:
    """Return an entry of Prometheus' ``file_sd``: one VM, with labels for relabelling, after which they are dropped.

    None stays by itself: a label that changes, as a VM's node does, makes other series of all that are scraped.
    """
    tags = ",".join(vm.tags)
    meta = {
        "name": vm.name,
        "uuid": vm.uuid,
        "node": vm.node,
        "state": vm.state,
        "profile": vm.profile,
        "address": address or "",
        # With a comma on each side, so that one expression finds a tag wherever it is.
        "tags": f",{tags}," if tags else "",
    }
    return {
        "targets": [f"{host}:{port}"],
        "labels": {f"__meta_pvc_{name}": value for name, value in meta.items()},
    }
