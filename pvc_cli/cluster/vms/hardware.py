"""Parse a VM's hardware from its libvirt XML, safely."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast, final

from pvc_cli.cluster.values import parse_int
from pvc_cli.cluster.vms.shapes import Shapes, Values

if TYPE_CHECKING:
    from pvc_cli.cluster.vms.domain import Layout

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


_SHAPES: Shapes[Layout] = Shapes()


@final
class Hardware:
    """A VM's hardware, made on demand from the values in its XML, as a list shows little of it.

    None is not in the XML.
    """

    __slots__ = ("_layout", "_values")

    def __init__(self, layout: Layout, values: Values) -> None:
        self._layout = layout
        self._values = values

    @property
    def description(self) -> str | None:
        """What people wrote down about it."""
        return _stripped(self._values[0])

    @property
    def memory(self) -> int | None:
        """Its memory, in MiB."""
        return _memory(*self._values[1:3])

    @property
    def vcpu(self) -> int | None:
        """How many virtual CPUs it has."""
        return parse_int(self._values[3])

    @property
    def vcpu_topology(self) -> str | None:
        """Its CPUs, as ``SOCKETS/CORES/THREADS``."""
        sockets, cores, threads = self._values[4:7]
        return None if sockets is None else f"{sockets}/{cores}/{threads}"

    @property
    def networks(self) -> tuple[Interface, ...]:
        """Its network interfaces."""
        values = self._values
        return tuple([_interface(*values[at : at + 4]) for at in self._layout.interfaces])

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Its disks."""
        values = self._values
        return tuple([Disk(*values[at : at + 4]) for at in self._layout.disks])

    @property
    def type(self) -> str | None:
        """How it is virtualised, such as ``hvm``."""
        return _stripped(self._values[7])

    @property
    def arch(self) -> str | None:
        """The architecture of its CPUs."""
        return self._values[8]

    @property
    def machine(self) -> str | None:
        """The type of machine that is emulated."""
        return self._values[9]

    @property
    def console(self) -> str | None:
        """The type of its console."""
        return self._values[10]

    @property
    def emulator(self) -> str | None:
        """The program that runs it."""
        return _stripped(self._values[11])

    @property
    def features(self) -> tuple[str, ...]:
        """The features of a machine that it has, such as ``acpi``."""
        features = self._layout.features
        return cast("tuple[str, ...]", self._values[features.start : features.stop])

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """Its controllers."""
        values = self._values
        return tuple([Controller(*values[at : at + 2]) for at in self._layout.controllers])

    @property
    def pci_devices(self) -> tuple[PciDevice, ...]:
        """The devices of its node that are passed through to it."""
        found = (_pci_device(*self._values[at : at + 5]) for at in self._layout.pci_devices)
        return tuple([device for device in found if device])


def parse(xml: str) -> Hardware:
    """Return the hardware that the libvirt document *xml* describes.

    :raises BrokenXmlError: if it is not XML, not a domain, or has a document type: entities could grow without
        end or read local files, and libvirt writes none.
    """
    return Hardware(*(_SHAPES.read(xml) or _look_up(xml)))


def _look_up(xml: str) -> tuple[Layout, Values]:
    """Parse a document of no known shape, and take note of it."""
    # Imported here: a list needs the parser for few documents, and the tab key for none.
    from xml.etree.ElementTree import ParseError, fromstring

    from pvc_cli.cluster.vms.domain import look_up

    if "<!DOCTYPE" in xml:
        raise BrokenXmlError("it holds a DOCTYPE, which libvirt never writes")
    try:
        root = fromstring(xml)  # noqa: S314 - expat reads nothing external, and there is no DTD
    except (ParseError, ValueError) as error:
        raise BrokenXmlError(str(error) if xml.strip() else "it is empty") from None
    if root.tag != "domain":
        raise BrokenXmlError("it describes no domain")
    found = look_up(root)
    _SHAPES.add(xml, look_up)
    return found


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _memory(amount: str | None, unit: str | None) -> int | None:
    """Return an amount of memory in MiB."""
    number = parse_int(amount)
    factor = _KIB.get((unit or "").lower())
    return int(number * factor / 1024) if factor and number is not None else None


def _interface(kind: str | None, source: str | None, mac: str | None, model: str | None) -> Interface:
    vni: int | str | None
    if kind == "direct":
        vni = f"macvtap:{source or ''}"
    elif kind == "hostdev":
        source = _stripped(source)
        vni = f"hostdev:{source or ''}"
    else:
        bridge = _BRIDGE.fullmatch(source or "")
        vni = source
        if bridge:
            label = bridge.group(1)
            vni = int(label) if label.isdigit() else label
    return Interface(kind, vni, mac, source, model)


def _pci_device(*values: str | None) -> PciDevice | None:
    """Return a device of the host; None if its address is not one."""
    *address, mac = values
    try:
        parts = [int(part or "", 0) for part in address]
    except ValueError:
        return None
    return PciDevice("{:04x}:{:02x}:{:02x}.{:x}".format(*parts), mac or "")
