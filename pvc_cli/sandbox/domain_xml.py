"""libvirt XML for the demo cluster's VMs, in the shape that PVC's provisioner gives it."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

_TEMPLATES = Path(__file__).with_name("templates")


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
    devices = [_fill("disk", volume=quoteattr(volume), letter=chr(97 + n)) for n, volume in enumerate(volumes)]
    devices += [_fill("bridge", bridge=bridge, mac=mac) for bridge, mac in bridges]
    devices += [_fill("hostdev", mac=mac, vf=escape(vf), function=vf[-1]) for vf, mac in vfs]
    return _fill(
        "domain",
        name=escape(name),
        uuid=uuid,
        description=escape(description),
        memory=memory,
        vcpus=vcpus,
        devices="".join(devices),
    )


def _fill(template: str, **values: object) -> str:
    return _read(template).format(**values)


@cache
def _read(template: str) -> str:
    return (_TEMPLATES / f"{template}.xml").read_text()
