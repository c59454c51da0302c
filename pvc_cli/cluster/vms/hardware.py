"""Parse a VM's hardware from its libvirt XML, safely."""

import re
from collections.abc import Iterator
from typing import NamedTuple, final
from xml.etree.ElementTree import Element, ParseError, fromstring

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


@final
class Hardware:
    """A VM's hardware, looked up in its XML on demand, as a list shows little of it. None is not in the XML."""

    __slots__ = ("_devices", "_root")

    def __init__(self, domain: Element) -> None:
        self._root = domain
        devices = domain.find("devices")
        self._devices = Element("devices") if devices is None else devices

    @property
    def description(self) -> str | None:
        """What people wrote down about it."""
        return _text(self._root.find("description"))

    @property
    def memory(self) -> int | None:
        """Its memory, in MiB."""
        return _memory(self._root.find("memory"))

    @property
    def vcpu(self) -> int | None:
        """How many virtual CPUs it has."""
        return parse_int(self._root.findtext("vcpu"))

    @property
    def vcpu_topology(self) -> str | None:
        """Its CPUs, as ``SOCKETS/CORES/THREADS``."""
        return _topology(_find(self._root, "cpu", "topology"))

    @property
    def networks(self) -> tuple[Interface, ...]:
        """Its network interfaces."""
        return tuple([_interface(device) for device in self._devices.findall("interface")])

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Its disks."""
        return tuple([_disk(device) for device in self._devices.findall("disk")])

    @property
    def type(self) -> str | None:
        """How it is virtualised, such as ``hvm``."""
        return _text(_find(self._root, "os", "type"))

    @property
    def arch(self) -> str | None:
        """The architecture of its CPUs."""
        return _attribute(self._root.find("os"), "type", "arch")

    @property
    def machine(self) -> str | None:
        """The type of machine that is emulated."""
        return _attribute(self._root.find("os"), "type", "machine")

    @property
    def console(self) -> str | None:
        """The type of its console."""
        return _attribute(self._devices, "console", "type")

    @property
    def emulator(self) -> str | None:
        """The program that runs it."""
        return _text(self._devices.find("emulator"))

    @property
    def features(self) -> tuple[str, ...]:
        """The features of a machine that it has, such as ``acpi``."""
        features = self._root.find("features")
        return tuple([feature.tag for feature in features]) if features is not None else ()

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """Its controllers."""
        return tuple(
            [Controller(device.get("type"), device.get("model")) for device in self._devices.findall("controller")]
        )

    @property
    def pci_devices(self) -> tuple[PciDevice, ...]:
        """The devices of its node that are passed through to it."""
        return tuple([found for kind in ("interface", "hostdev") for found in _pci_devices(self._devices, kind)])


def parse(xml: str) -> Hardware:
    """Return the hardware that the libvirt document *xml* describes.

    :raises BrokenXmlError: if it is not XML, not a domain, or has a document type: entities could grow without
        end or read local files, and libvirt writes none.
    """
    if "<!DOCTYPE" in xml:
        raise BrokenXmlError("it holds a DOCTYPE, which libvirt never writes")
    try:
        root = fromstring(xml)  # noqa: S314 - expat reads nothing external, and there is no DTD
    except (ParseError, ValueError) as error:
        raise BrokenXmlError(str(error) if xml.strip() else "it is empty") from None
    if root.tag != "domain":
        raise BrokenXmlError("it describes no domain")
    return Hardware(root)


def _find(element: Element | None, *tags: str) -> Element | None:
    """Return the first element at a path: tag by tag, for that never leaves C, and a path as text does."""
    for tag in tags:
        if element is not None:
            element = element.find(tag)
    return element


def _text(element: Element | None) -> str | None:
    return None if element is None else (element.text or "").strip()


def _attribute(element: Element | None, tag: str, name: str) -> str | None:
    """Return an attribute of the first *tag* in an element, None if there is none."""
    found = element.find(tag) if element is not None else None
    return found.get(name) if found is not None else None


def _memory(element: Element | None) -> int | None:
    """Return an amount of memory in MiB."""
    amount = parse_int(element.text) if element is not None else None
    if element is None or amount is None:
        return None
    factor = _KIB.get(element.get("unit", "KiB").lower())
    return int(amount * factor / 1024) if factor else None


def _topology(element: Element | None) -> str | None:
    if element is None:
        return None
    get = element.get
    return f"{get('sockets', '')}/{get('cores', '')}/{get('threads', '')}"


def _interface(device: Element) -> Interface:
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


def _pci_devices(devices: Element, kind: str) -> Iterator[PciDevice]:
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


def _disk(device: Element) -> Disk:
    source = device.find("source")
    attributes = source.attrib if source is not None else {}
    if device.get("type") == "network":
        kind, name = attributes.get("protocol"), attributes.get("name")
    else:
        kind = device.get("type")
        name = attributes.get("file") or attributes.get("dev")
    return Disk(kind, name, _attribute(device, "target", "dev"), _attribute(device, "target", "bus"))
