"""Look up in a libvirt domain the values that hardware is made from, as they are written there.

What is looked up may depend on elements, on attributes called ``type`` and on which values are empty, but on no other
value: :mod:`~pvc_cli.cluster.vms.shapes` relies on it.
"""

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from pvc_cli.cluster.vms.shapes import Values


class Layout(NamedTuple):
    """Where, behind the values of the VM itself, those of each of its devices begin, and those of its features."""

    interfaces: range
    disks: range
    controllers: range
    pci_devices: range
    features: range


def look_up(domain: Element) -> tuple[Layout, Values]:
    """Return the values of a domain, and where those of its devices are.

    Those of the VM itself are its description; the amount and the unit of its memory; how many CPUs it has, and their
    sockets, cores and threads; its type, architecture and machine; its console and emulator.
    """
    devices = domain.find("devices")
    if devices is None:
        devices = Element("devices")
    interfaces = devices.findall("interface")
    features = domain.find("features")
    values = _of_domain(domain, devices)
    layout = Layout(
        _append(values, 4, [_of_interface(device) for device in interfaces]),
        _append(values, 4, [_of_disk(device) for device in devices.findall("disk")]),
        _append(values, 2, [(device.get("type"), device.get("model")) for device in devices.findall("controller")]),
        _append(values, 5, list(filter(None, map(_of_pci_device, (*interfaces, *devices.findall("hostdev")))))),
        _append(values, 1, [] if features is None else [(feature.tag,) for feature in features]),
    )
    return layout, tuple(values)


def _append(values: list[str | None], width: int, groups: Sequence[Values]) -> range:
    """Append *groups* of *width* values, and return where each begins."""
    start = len(values)
    for group in groups:
        values += group
    return range(start, len(values), width)


def _of_domain(domain: Element, devices: Element) -> list[str | None]:
    find = domain.find
    memory, system, topology = find("memory"), _find(domain, "os", "type"), _find(domain, "cpu", "topology")
    return [
        _text(find("description")),
        _text(memory),
        None if memory is None else memory.get("unit", "KiB"),
        _text(find("vcpu")),
        *([None] * 3 if topology is None else [topology.get(name, "") for name in ("sockets", "cores", "threads")]),
        _text(system),
        *([None] * 2 if system is None else [system.get("arch"), system.get("machine")]),
        _attribute(devices, "console", "type"),
        _text(devices.find("emulator")),
    ]


def _of_interface(device: Element) -> Values:
    """Return an interface's type, what it is connected to, its MAC address and its model."""
    kind = device.get("type")
    if kind == "hostdev":
        source = _text(device.find("sriov_device"))
    else:
        source = _attribute(device, "source", "dev" if kind == "direct" else kind or "")
    return kind, source, _attribute(device, "mac", "address"), _attribute(device, "model", "type")


def _of_disk(device: Element) -> Values:
    """Return a disk's type, its volume or file, its name in the VM and its bus."""
    source = device.find("source")
    attributes = source.attrib if source is not None else {}
    if device.get("type") == "network":
        kind, name = attributes.get("protocol"), attributes.get("name")
    else:
        kind, name = device.get("type"), attributes.get("file") or attributes.get("dev")
    return kind, name, _attribute(device, "target", "dev"), _attribute(device, "target", "bus")


def _of_pci_device(device: Element) -> Values | None:
    """Return the four parts of the address of a host's device that is passed through, and its MAC address."""
    address = _find(device, "source", "address")
    if address is None or "hostdev" not in (device.tag, device.get("type")):
        return None
    parts = [address.get(name, "0") for name in ("domain", "bus", "slot", "function")]
    return *parts, _attribute(device, "mac", "address")


def _find(element: Element | None, *tags: str) -> Element | None:
    """Return the first element at a path: tag by tag, for that never leaves C, and a path as text does."""
    for tag in tags:
        if element is not None:
            element = element.find(tag)
    return element


def _text(element: Element | None) -> str | None:
    return None if element is None else element.text or ""


def _attribute(element: Element, tag: str, name: str) -> str | None:
    """Return an attribute of the first *tag* in an element, None if there is none."""
    found = element.find(tag)
    return None if found is None else found.get(name)
