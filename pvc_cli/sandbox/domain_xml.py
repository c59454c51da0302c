"""libvirt XML for the demo cluster's VMs, in the shape that PVC's provisioner gives it."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

_DOMAIN = """\
<domain type='kvm'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <description>{description}</description>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>{vcpus}</vcpu>
  <cpu>
    <topology sockets='1' cores='{vcpus}' threads='1'/>
  </cpu>
  <bootmenu enable='yes'/>
  <os>
    <type arch='x86_64' machine='pc-i440fx-6.0'>hvm</type>
    <bios useserial='yes' rebootTimeout='5'/>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
    <apic/>
    <pae/>
  </features>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>restart</on_crash>
  <devices>
    <emulator>/usr/bin/kvm</emulator>
    <controller type='usb' index='0'/>
    <controller type='pci' index='0' model='pci-root'/>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <serial type='pty'>
      <log file='/var/log/libvirt/{name}.log' append='on'/>
    </serial>
    <console type='pty'/>
    <rng model='virtio'>
      <rate bytes='4096' period='1000'/>
      <backend model='random'>/dev/random</backend>
    </rng>
{devices}  </devices>
</domain>
"""
_DISK = """\
    <disk type='network' device='disk'>
      <driver name='qemu' discard='unmap'/>
      <auth username='libvirt'>
        <secret type='ceph' uuid='b5cb5bd5-6b0b-4f0a-8c7a-1f7d5c2c7f11'/>
      </auth>
      <source protocol='rbd' name={volume}>
        <host name='pvchv1' port='6789'/>
        <host name='pvchv2' port='6789'/>
        <host name='pvchv3' port='6789'/>
      </source>
      <target dev='sd{letter}' bus='scsi'/>
    </disk>
"""
_BRIDGE = """\
    <interface type='bridge'>
      <mac address='{mac}'/>
      <source bridge='{bridge}'/>
      <model type='virtio'/>
    </interface>
"""
_HOSTDEV = """\
    <interface type='hostdev' managed='yes'>
      <mac address='{mac}'/>
      <source>
        <address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x{function}'/>
      </source>
      <sriov_device>{vf}</sriov_device>
    </interface>
"""


def render(
    name: str,
    uuid: str,
    description: str,
    memory: int,
    vcpus: int,
    *,
    bridges: Iterable[tuple[str, str]] = (),
    volumes: Iterable[str] = (),
    vfs: Iterable[tuple[str, str]] = (),
) -> str:
    """Return a VM's XML: *memory* in MiB, RBD *volumes*, *bridges* and passed-through *vfs* with the MAC on each."""
    devices = [_DISK.format(volume=quoteattr(volume), letter=chr(97 + n)) for n, volume in enumerate(volumes)]
    devices += [_BRIDGE.format(bridge=bridge, mac=mac) for bridge, mac in bridges]
    devices += [_HOSTDEV.format(mac=mac, vf=escape(vf), function=vf[-1]) for vf, mac in vfs]
    return _DOMAIN.format(
        name=escape(name),
        uuid=uuid,
        description=escape(description),
        memory=memory,
        vcpus=vcpus,
        devices="".join(devices),
    )
