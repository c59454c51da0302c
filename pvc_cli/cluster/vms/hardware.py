"""Parse a VM's hardware from its libvirt XML, safely."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from pvc_cli.cluster.values import parse_int

# Bridges of PVC's networks: vmbr100 has VNI 100, and brcluster, brstorage and brupstream are the nodes' own.
_BRIDGE = re.compile(r"[vm]*br([0-9a-z]+)")
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
    """A VM's network interface; None is not in the XML."""

    type: str | None
    vni: int | str | None
    """The network's VNI, ``cluster``, ``storage`` or ``upstream``; for a device of the host ``macvtap:DEVICE`` or
    ``hostdev:DEVICE``; for a bridge with another name that name."""
    mac: str | None
    source: str | None
    model: str | None


class Disk(NamedTuple):
    """A VM's disk: *type* ``rbd`` or ``file``, *name* ``POOL/VOLUME`` or the file. None is not in the XML."""

    type: str | None
    name: str | None
    dev: str | None
    bus: str | None


class PciDevice(NamedTuple):
    """A device of the host, by its PCI address such as ``0000:03:10.1``; *mac* may be empty."""

    address: str
    mac: str


class Controller(NamedTuple):
    """A controller in a VM; None is not in the XML."""

    type: str | None
    model: str | None


class Hardware(NamedTuple):
    """A VM's hardware; *memory* in MiB, *vcpu_topology* as ``SOCKETS/CORES/THREADS``. None is not in the XML."""

    description: str | None
    memory: int | None
    vcpu: int | None
    vcpu_topology: str | None
    networks: tuple[Interface, ...]
    disks: tuple[Disk, ...]
    type: str | None
    arch: str | None
    machine: str | None
    console: str | None
    emulator: str | None
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
        description=_text(root.find("description")),
        memory=_memory(root.find("memory")),
        vcpu=parse_int(root.findtext("vcpu")),
        vcpu_topology=_topology(_find(root, "cpu", "topology")),
        networks=tuple([_interface(device) for device in devices.findall("interface")]),
        disks=tuple([_disk(device) for device in devices.findall("disk")]),
        type=_text(kind),
        arch=kind.get("arch") if kind is not None else None,
        machine=kind.get("machine") if kind is not None else None,
        console=_attribute(devices, "console", "type"),
        emulator=_text(devices.find("emulator")),
        features=tuple([feature.tag for feature in features]) if features is not None else (),
        controllers=tuple(
            [Controller(device.get("type"), device.get("model")) for device in devices.findall("controller")]
        ),
        pci_devices=tuple([found for kind in ("interface", "hostdev") for found in _pci_devices(devices, kind)]),
    )


def _find(element: ElementTree.Element | None, *tags: str) -> ElementTree.Element | None:
    """Return the first element at a path: tag by tag, for that never leaves C, and a path as text does."""
    for tag in tags:
        if element is not None:
            element = element.find(tag)
    return element


def _text(element: ElementTree.Element | None) -> str | None:
    return None if element is None else (element.text or "").strip()


def _attribute(element: ElementTree.Element, path: str, name: str) -> str | None:
    """Return an attribute of the element at *path*, None if there is none."""
    found = element.find(path)
    return found.get(name) if found is not None else None


def _memory(element: ElementTree.Element | None) -> int | None:
    """Return an amount of memory in MiB."""
    amount = parse_int(element.text) if element is not None else None
    if element is None or amount is None:
        return None
    factor = _KIB.get(element.get("unit", "KiB").lower())
    return int(amount * factor / 1024) if factor else None


def _topology(element: ElementTree.Element | None) -> str | None:
    if element is None:
        return None
    get = element.get
    return f"{get('sockets', '')}/{get('cores', '')}/{get('threads', '')}"


def _interface(device: ElementTree.Element) -> Interface:
    kind = device.get("type")
    vni: int | str | None
    if kind == "direct":
        source = _attribute(device, "source", "dev")
        vni = f"macvtap:{source or ''}"
    elif kind == "hostdev":
        source = _text(device.find("sriov_device"))
        vni = f"hostdev:{source or ''}"
    else:
        source = _attribute(device, "source", kind or "")
        bridge = _BRIDGE.fullmatch(source or "")
        vni = source
        if bridge:
            label = bridge.group(1)
            vni = int(label) if label.isdigit() else label
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
        yield PciDevice("{:04x}:{:02x}:{:02x}.{:x}".format(*parts), _attribute(device, "mac", "address") or "")


def _disk(device: ElementTree.Element) -> Disk:
    source = device.find("source")
    attributes = source.attrib if source is not None else {}
    if device.get("type") == "network":
        kind, name = attributes.get("protocol"), attributes.get("name")
    else:
        kind = device.get("type")
        name = attributes.get("file") or attributes.get("dev")
    return Disk(kind, name, _attribute(device, "target", "dev"), _attribute(device, "target", "bus"))
