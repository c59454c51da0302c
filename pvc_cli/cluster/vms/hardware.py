"""Parse a VM's hardware from its libvirt XML, safely."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from pvc_cli.cluster.values import parse_int

_BRIDGE = re.compile(r"(?:vm)?br(\d+)")
# libvirt's units, in KiB: https://libvirt.org/formatdomain.html#memory-allocation
_KIB = {
    "b": 1 / 1024, "bytes": 1 / 1024,
    "kb": 1000 / 1024, "k": 1, "kib": 1,
    "mb": 1000**2 / 1024, "m": 1024, "mib": 1024,
    "gb": 1000**3 / 1024, "g": 1024**2, "gib": 1024**2,
    "tb": 1000**4 / 1024, "t": 1024**3, "tib": 1024**3,
}  # fmt: skip


class BrokenXmlError(ValueError):
    """A VM's XML cannot be parsed; the message says why."""


class Interface(NamedTuple):
    """A VM's network interface."""

    type: str
    vni: int | str
    """The network's VNI; for a device of the host ``macvtap:DEVICE`` or ``hostdev:DEVICE``."""
    mac: str
    source: str
    model: str


class Disk(NamedTuple):
    """A VM's disk: *type* ``rbd`` or ``file``, *name* the volume ``POOL/VOLUME`` or the file."""

    type: str
    name: str
    dev: str
    bus: str


class PciDevice(NamedTuple):
    """A device of the host, by its PCI address such as ``0000:03:10.1``; *mac* may be empty."""

    address: str
    mac: str


class Controller(NamedTuple):
    """A controller in a VM."""

    type: str
    model: str


class Hardware(NamedTuple):
    """A VM's virtual hardware; *memory* in MiB, *vcpu_topology* as ``SOCKETS/CORES/THREADS``."""

    description: str
    memory: int | None
    vcpu: int | None
    vcpu_topology: str
    networks: tuple[Interface, ...]
    disks: tuple[Disk, ...]
    type: str
    arch: str
    machine: str
    console: str
    emulator: str
    features: tuple[str, ...]
    controllers: tuple[Controller, ...]
    pci_devices: tuple[PciDevice, ...]


def parse(xml: str) -> Hardware:
    """Return the hardware that the libvirt document *xml* describes.

    :raises BrokenXmlError: if it is not XML, not a domain, or has a document type: entities could grow without
        end or read local files, and libvirt writes none.
    """
    if "<!DOCTYPE" in xml:
        raise BrokenXmlError("it holds a DOCTYPE, which libvirt never writes")
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - expat reads nothing external, and there is no DTD
    except (ElementTree.ParseError, ValueError) as error:
        raise BrokenXmlError(str(error) if xml.strip() else "it is empty") from None
    if root.tag != "domain":
        raise BrokenXmlError("it describes no domain")
    devices = root.find("devices")
    if devices is None:
        devices = ElementTree.Element("devices")
    kind = _find(root, "os", "type")
    features = root.find("features")
    return Hardware(
        description=root.findtext("description", "").strip(),
        memory=_memory(root.find("memory")),
        vcpu=parse_int(root.findtext("vcpu")),
        vcpu_topology=_topology(_find(root, "cpu", "topology")),
        networks=tuple([_interface(device) for device in devices.findall("interface")]),
        disks=tuple([_disk(device) for device in devices.findall("disk")]),
        type=(kind.text or "").strip() if kind is not None else "",
        arch=kind.get("arch", "") if kind is not None else "",
        machine=kind.get("machine", "") if kind is not None else "",
        console=_attribute(devices, "console", "type"),
        emulator=devices.findtext("emulator", "").strip(),
        features=tuple([feature.tag for feature in features]) if features is not None else (),
        controllers=tuple(
            [Controller(device.get("type", ""), device.get("model", "")) for device in devices.findall("controller")]
        ),
        pci_devices=tuple([found for kind in ("interface", "hostdev") for found in _pci_devices(devices, kind)]),
    )


def _find(element: ElementTree.Element | None, *tags: str) -> ElementTree.Element | None:
    """Return the first element at a path: tag by tag, for that never leaves C, and a path as text does."""
    for tag in tags:
        if element is not None:
            element = element.find(tag)
    return element


def _attribute(element: ElementTree.Element, path: str, name: str) -> str:
    """Return an attribute of the element at *path*, empty if there is none."""
    found = element.find(path)
    return found.get(name, "") if found is not None else ""


def _memory(element: ElementTree.Element | None) -> int | None:
    """Return an amount of memory in MiB."""
    amount = parse_int(element.text) if element is not None else None
    if element is None or amount is None:
        return None
    factor = _KIB.get(element.get("unit", "KiB").lower())
    return int(amount * factor / 1024) if factor else None


def _topology(element: ElementTree.Element | None) -> str:
    if element is None:
        return ""
    get = element.get
    return f"{get('sockets', '')}/{get('cores', '')}/{get('threads', '')}"


def _interface(device: ElementTree.Element) -> Interface:
    kind = device.get("type", "")
    vni: int | str
    if kind == "direct":
        source = _attribute(device, "source", "dev")
        vni = f"macvtap:{source}"
    elif kind == "hostdev":
        source = device.findtext("sriov_device", "").strip()
        vni = f"hostdev:{source}"
    else:
        source = _attribute(device, "source", kind)
        bridge = _BRIDGE.fullmatch(source)
        vni = int(bridge.group(1)) if bridge else source
    return Interface(kind, vni, _attribute(device, "mac", "address"), source, _attribute(device, "model", "type"))


def _pci_devices(devices: ElementTree.Element, kind: str) -> Iterator[PciDevice]:
    """Yield the devices of the host that elements of one *kind* pass through to the VM."""
    for device in devices.findall(kind):
        address = _find(device, "source", "address")
        if address is None or "hostdev" not in (device.tag, device.get("type")):
            continue
        try:
            parts = [int(address.get(name, "0"), 0) for name in ("domain", "bus", "slot", "function")]
        except ValueError:
            continue
        yield PciDevice("{:04x}:{:02x}:{:02x}.{:x}".format(*parts), _attribute(device, "mac", "address"))


def _disk(device: ElementTree.Element) -> Disk:
    source = device.find("source")
    attributes = source.attrib if source is not None else {}
    if device.get("type") == "network":
        kind, name = attributes.get("protocol", ""), attributes.get("name", "")
    else:
        kind = device.get("type", "")
        name = attributes.get("file") or attributes.get("dev") or ""
    return Disk(kind, name, _attribute(device, "target", "dev"), _attribute(device, "target", "bus"))
