"""What the daemons of a demo cluster have measured: statistics of VMs, health checks and network cards of nodes."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

NOW = 1772361600
"""When the daemons reported last, in seconds since 1970: the demo is the same whenever it is made."""
NODE_MEMORY = 131072
"""MiB of a node."""
_BASE_MEMORY = 8192
_LINK_SPEED = 10_000_000_000
_PACKET = 900


def vm_stats(name: str, memory: int, vcpus: int, volumes: Iterable[str], bridges: Iterable[str]) -> str:
    """Return the statistics of a running VM as JSON, with *memory* in MiB."""
    chance = random.Random(name)  # noqa: S311 - a demo needs variety, no secrets
    kibibytes = memory * 1024
    unused = kibibytes // 4 + chance.randrange(kibibytes // 4)
    user, system = chance.randrange(10**12, 10**14), chance.randrange(10**11, 10**13)
    return json.dumps(
        {
            "state": "RUNNING",
            "maxmem": kibibytes,
            "livemem": kibibytes,
            "cpus": vcpus,
            "cputime": user + system,
            "mem_stats": {
                "actual": kibibytes,
                "swap_in": 0,
                "swap_out": 0,
                "major_fault": chance.randrange(10_000),
                "minor_fault": chance.randrange(10**8),
                "unused": unused,
                "available": kibibytes - kibibytes // 64,
                "usable": unused + kibibytes // 8,
                "last_update": NOW - chance.randrange(10),
                "rss": kibibytes - unused // 2,
            },
            "cpu_stats": {"cpu_time": user + system, "user_time": user, "system_time": system},
            "disk_stats": [{"name": volume, **_disk(chance)} for volume in volumes],
            "net_stats": [
                {"name": f"vnet{chance.randrange(100)}", "bridge": bridge, **dict(_traffic(chance))}
                for bridge in bridges
            ],
        }
    )


def _disk(chance: random.Random) -> Mapping[str, int]:
    reads, writes = chance.randrange(10**6), chance.randrange(10**7)
    return {"rd_req": reads, "rd_bytes": 16384 * reads, "wr_req": writes, "wr_bytes": 8192 * writes, "err": -1}


def _traffic(chance: random.Random) -> Iterator[tuple[str, int]]:
    for way in ("rd", "wr"):
        packets = chance.randrange(10**8)
        yield f"{way}_bytes", _PACKET * packets
        yield f"{way}_packets", packets
        yield f"{way}_errors", 0
        yield f"{way}_drops", chance.randrange(100)


def load_of(number: int, machines: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what node *number* reports of its memory, its CPUs and the VMs on it."""
    running = [machine for machine in machines if machine["domain.state"] == "start"]
    provisioned = sum(int(machine["memory"]) for machine in machines)
    allocated = sum(int(machine["memory"]) for machine in running)
    # As large as its VMs want it, for no cluster runs more than fits.
    total = max(NODE_MEMORY, 2 * provisioned)
    used = _BASE_MEMORY + allocated * 3 // 4
    return {
        "node.keepalive": "0",
        "node.running_domains": " ".join(machine["uuid"] for machine in running),
        "node.count.provisioned_domains": str(len(running)),
        "node.cpu.load": f"{1.25 + number}",
        "node.vcpu.allocated": str(sum(int(machine["vcpus"]) for machine in running)),
        "node.memory.total": str(total),
        "node.memory.used": str(used),
        "node.memory.free": str(total - used),
        "node.memory.allocated": str(allocated),
        "node.memory.provisioned": str(provisioned),
    }


def health_checks(node: str, load: str, cards: Sequence[str]) -> dict[str, tuple[str, Mapping[str, object]]]:
    """Return each health plugin's message about a healthy node, and what it has to add."""
    return {
        "disk": ("All 3 checked disks report OK: /dev/sda, /dev/sdb, /dev/nvme0n1", {}),
        "dpkg": (
            "Debian 12.12; Obsolete conffiles: 0; Packages inconsistent: 0, upgradable: 0",
            {
                "debian_version": "12.12",
                "obsolete_conffiles": [],
                "inconsistent_packages": [],
                "upgradable_packages": [],
            },
        ),
        "edac": ("EDAC reports no errors", {}),
        "ipmi": (f"IPMI via admin@{node}-lom.example.net is responding", {}),
        "load": (f"Current load is {load} out of 32 CPU cores", {}),
        "nics": (", ".join(f"{card} OK at {_LINK_SPEED // 10**6} Mbps" for card in cards), {}),
    }


def network_stats(node: str, cards: Iterable[str]) -> str:
    """Return the traffic of a node's network cards as JSON: bits and packets per second."""
    chance = random.Random(node)  # noqa: S311 - a demo needs variety, no secrets
    stats = {}
    for card in cards:
        rates = {f"{way}_pps": chance.randrange(1_000, 100_000) for way in ("rx", "tx")}
        rates["total_pps"] = sum(rates.values())
        rates |= {key.replace("pps", "bps"): 8 * _PACKET * rate for key, rate in rates.items()}
        stats[card] = {**rates, "link_speed": _LINK_SPEED, "state": "up"}
    return json.dumps(stats)
