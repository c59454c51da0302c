from __future__ import annotations

import pytest

from pvc_cli.cluster.vms.hardware import BrokenXmlError, Controller, Disk, Interface, parse
from pvc_cli.sandbox import domain_xml

DOMAIN = "<domain><memory{unit}>{amount}</memory><devices>{devices}</devices></domain>"


def test_a_whole_domain() -> None:
    xml = domain_xml.render(
        "web & co",
        "u",
        "a <b> c",
        2048,
        2,
        bridges=[("vmbr100", "52:54:00:00:00:01")],
        volumes=["vms/web_root"],
        vfs=[("ens1f0v3", "52:54:00:00:00:02")],
    )
    hardware = parse(xml)
    assert hardware.description == "a <b> c"
    assert (hardware.memory, hardware.vcpu, hardware.vcpu_topology) == (2048, 2, "1/2/1")
    assert hardware.networks == (
        Interface("bridge", 100, "52:54:00:00:00:01", "vmbr100", "virtio"),
        Interface("hostdev", "hostdev:ens1f0v3", "52:54:00:00:00:02", "ens1f0v3", None),
    )
    assert hardware.disks == (Disk("rbd", "vms/web_root", "sda", "scsi"),)
    assert (hardware.type, hardware.arch, hardware.machine) == ("hvm", "x86_64", "pc-i440fx-6.0")
    assert (hardware.console, hardware.emulator) == ("pty", "/usr/bin/kvm")
    assert hardware.features == ("acpi", "apic", "pae")
    assert hardware.controllers == (
        Controller("usb", None),
        Controller("pci", "pci-root"),
        Controller("scsi", "virtio-scsi"),
    )


@pytest.mark.parametrize(
    ("unit", "amount", "mebibytes"),
    [
        ("", "2097152", 2048),
        (" unit='MiB'", "512", 512),
        (" unit='M'", "512", 512),
        (" unit='GiB'", "2", 2048),
        (" unit='GB'", "1", 953),
        (" unit='bytes'", "1073741824", 1024),
        (" unit='b'", "1048576", 1),
        (" unit='TiB'", "1", 1048576),
        (" unit='parsecs'", "1", None),
        ("", "much", None),
        ("", "", None),
    ],
)
def test_memory_in_every_unit_of_libvirt(unit: str, amount: str, mebibytes: int | None) -> None:
    assert parse(DOMAIN.format(unit=unit, amount=amount, devices="")).memory == mebibytes


@pytest.mark.parametrize(
    ("xml", "vni", "source"),
    [
        ("<interface type='bridge'><source bridge='vmbr1001'/></interface>", 1001, "vmbr1001"),
        ("<interface type='bridge'><source bridge='br7'/></interface>", 7, "br7"),
        ("<interface type='bridge'><source bridge='brcluster'/></interface>", "cluster", "brcluster"),
        ("<interface type='bridge'><source bridge='brupstream'/></interface>", "upstream", "brupstream"),
        ("<interface type='bridge'><source bridge='br-lan'/></interface>", "br-lan", "br-lan"),
        ("<interface type='direct'><source dev='ens1f0v1'/></interface>", "macvtap:ens1f0v1", "ens1f0v1"),
        (
            "<interface type='hostdev'><sriov_device>ens1f0v1</sriov_device></interface>",
            "hostdev:ens1f0v1",
            "ens1f0v1",
        ),
        ("<interface/>", None, None),
        ("<interface type='direct'/>", "macvtap:", None),
        ("<interface type='hostdev'/>", "hostdev:", None),
    ],
)
def test_interfaces(xml: str, vni: int | str | None, source: str | None) -> None:
    (interface,) = parse(DOMAIN.format(unit="", amount="1", devices=xml)).networks
    assert (interface.vni, interface.source) == (vni, source)


@pytest.mark.parametrize(
    ("xml", "disk"),
    [
        (
            "<disk type='file'><source file='/x.iso'/><target dev='hdc' bus='ide'/></disk>",
            Disk("file", "/x.iso", "hdc", "ide"),
        ),
        ("<disk type='block'><source dev='/dev/sdx'/></disk>", Disk("block", "/dev/sdx", None, None)),
        ("<disk type='network'/>", Disk(None, None, None, None)),
    ],
)
def test_disks(xml: str, disk: Disk) -> None:
    assert parse(DOMAIN.format(unit="", amount="1", devices=xml)).disks == (disk,)


def test_a_bare_domain_has_no_hardware_and_is_not_broken() -> None:
    hardware = parse("<domain/>")
    assert (hardware.memory, hardware.vcpu, hardware.networks, hardware.type) == (None, None, (), None)
    assert (hardware.description, hardware.vcpu_topology, hardware.console) == (None, None, None)


def test_a_declared_encoding_does_not_matter() -> None:
    assert (
        parse("<?xml version='1.0' encoding='utf-16'?><domain><description>ß</description></domain>").description
        == "ß"
    )


BOMB = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]><domain>&b;</domain>"
OUTSIDE = "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain><description>&x;</description></domain>"


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("<domain>", "no element found"),
        ("not xml", "syntax error"),
        ("<network/>", "describes no domain"),
        (BOMB, "DOCTYPE"),
        (OUTSIDE, "DOCTYPE"),
        ("<domain>&undefined;</domain>", "undefined entity"),
        ("<domain>\x00</domain>", "not well-formed"),
        ("<domain>\udcff</domain>", "surrogates"),
    ],
)
def test_broken_and_hostile_xml_is_refused_with_the_reason(xml: str, why: str) -> None:
    with pytest.raises(BrokenXmlError, match=why):
        parse(xml)
