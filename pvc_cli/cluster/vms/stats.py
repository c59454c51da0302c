"""What a VM's node last counted of it, as PVC's keepalive writes it: memory, CPUs, disks and networks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pvc_cli.cluster.values import parse_object

Numbers = Mapping[str, int | float]
Entries = Mapping[str, Sequence[Numbers]]
"""The counters of devices by the devices' names, in the order of the XML where several share one."""
DISK_COUNTERS = ("rd_req", "rd_bytes", "wr_req", "wr_bytes")
NETWORK_COUNTERS = (
    "rd_bytes", "rd_packets", "rd_errors", "rd_drops", "wr_bytes", "wr_packets", "wr_errors", "wr_drops",
)  # fmt: skip
_NUMBERS = (int, float)  # as types: a boolean is an instance of int


class VmStats(NamedTuple):
    """A VM's statistics; all are empty for a VM that has not run."""

    memory: Numbers
    """libvirt's statistics of memory, most of them in KiB."""
    vcpu: Numbers
    """libvirt's statistics of all CPUs together, in nanoseconds."""
    disks: Entries
    """By volume or file: :data:`DISK_COUNTERS`."""
    networks: Entries
    """By bridge: :data:`NETWORK_COUNTERS`."""


NO_STATS = VmStats({}, {}, {}, {})


def parse_stats(text: str | None) -> VmStats:
    """Return the statistics that the JSON *text* holds; what is broken in it is left out."""
    found = parse_object(text) or {}
    return VmStats(
        memory=_numbers(found.get("mem_stats")),
        vcpu=_numbers(found.get("cpu_stats")),
        disks=_entries(found.get("disk_stats"), "name", DISK_COUNTERS),
        networks=_entries(found.get("net_stats"), "bridge", NETWORK_COUNTERS),
    )


def counters(names: Sequence[str | None], entries: Entries, keys: Sequence[str]) -> Iterator[Numbers]:
    """Yield the counters of devices with these *names*, each entry once; zeros for a device that has none."""
    zeros: Numbers = dict.fromkeys(keys, 0)
    left = {name: iter(found) for name, found in entries.items()}
    for name in names:
        yield next(left[name], zeros) if name in left else zeros


def _numbers(value: object) -> Numbers:
    pairs = value.items() if isinstance(value, dict) else ()
    return {key: number for key, number in pairs if type(number) in _NUMBERS}


def _entries(value: object, name: str, keys: Sequence[str]) -> Entries:
    entries: dict[str, list[Numbers]] = {}
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get(name), str):
            numbers: Numbers = {key: entry[key] if type(entry.get(key)) in _NUMBERS else 0 for key in keys}
            entries.setdefault(entry[name], []).append(numbers)
    return entries
