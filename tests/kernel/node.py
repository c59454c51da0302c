"""The guest as a node: what its cards, its kernel and its systemd say, and how they are changed by hand."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyroute2

NODE = "pvchv4"
IGB, SIM = "enp1s0", "eni1np1"
ZOOKEEPER, AGENT, DAEMON = "zookeeper.service", "pvc-sriov-agent.service", "pvcnoded.service"
RESYNC = 35
"""Seconds until a round finds what the kernel does not tell: 30, and some for the round."""
SPARE = 60
CONFIG = Path("/etc/pvc/pvc.conf")
FIGURES = Path("/var/lib/prometheus/node-exporter/pvc-sriov.prom")
_WITHOUT_STATISTICS = 1 | 8
"""With statistics, the kernel cuts the list of VFs at 64 KiB."""


class NotSoError(Exception):
    """Something is not as it must be."""


def expect(what: str, met: bool, found: object = "") -> None:
    if not met:
        raise NotSoError(f"not so: {what}: {found}")


def within(what: str, met: Callable[[], bool], seconds: float, pause: float = 0.1) -> None:
    """Wait for something that must be so in some seconds; look again after each *pause*."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise NotSoError(
                f"not within {seconds:g} s: {what}; status {status()!r}; the journal's end:\n{last_words()}"
            )
        time.sleep(pause)


def run(*words: str, check: bool = True) -> str:
    """Run a command, and return all that it prints, and its exit status if that is not 0."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    if done.returncode:
        output += f"exit {done.returncode}"
        expect(f"{' '.join(words)} works", not check, output)
    return output


def ip(*words: str, check: bool = True) -> str:
    return run("ip", *words, check=check)


def systemctl(*words: str) -> str:
    return run("systemctl", "--no-pager", *words).strip()


def property_of(unit: str, name: str) -> str:
    return systemctl("show", "--value", f"--property={name}", unit)


def status(unit: str = "pvc-sriov-agent.service") -> str:
    """What a service says about itself."""
    return property_of(unit, "StatusText")


def journal(unit: str = "pvc-sriov-agent.service") -> str:
    return run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")


def last_words(lines: int = 10) -> str:
    """The end of the agent's journal, without what it says about each new VF."""
    said = [line for line in journal().splitlines() if not line.endswith(" registered")]
    return "\n".join(said[-lines:])


def count(text: str, of: str) -> int | None:
    """The first number in ``8 of 10 VFs in sync``."""
    found = re.search(rf"(\d+) of \d+ VFs {of}", text)
    return int(found[1]) if found else None


@functools.cache
def _netlink() -> pyroute2.IPRoute:
    return pyroute2.IPRoute()


def card(phy: str, index: int) -> dict[str, int]:
    """What the kernel says about a VF, by pyroute2's own decoder; nothing if it has none of that number."""
    (found,) = _netlink().link_lookup(ifname=phy) or [0]
    (link,) = _netlink().link("get", index=found, ext_mask=_WITHOUT_STATISTICS) if found else [None]
    listed = link.get_attr("IFLA_VFINFO_LIST") if link else None
    if not listed or index >= len(listed["attrs"]):
        return {}
    # Only this one is decoded: that of 250 takes seconds here.
    vf = listed["attrs"][index][1]
    expect("the kernel lists VFs by number", vf.get_attr("IFLA_VF_MAC")["vf"] == index, vf)
    vlan, rate = vf.get_attr("IFLA_VF_VLAN"), vf.get_attr("IFLA_VF_RATE")
    return {
        "vlan_id": vlan["vlan"],
        "vlan_qos": vlan["qos"],
        "tx_rate_max": rate["max_tx_rate"],
        "spoof_check": vf.get_attr("IFLA_VF_SPOOFCHK")["spoofchk"],
        "trust": vf.get_attr("IFLA_VF_TRUST")["trust"],
    }


def with_statistics(phy: str) -> str:
    """How many VFs pyroute2 finds if it asks for their statistics, too: the kernel cuts the list at 64 KiB."""
    (found,) = _netlink().link_lookup(ifname=phy)
    try:
        (link,) = _netlink().link("get", index=found, ext_mask=1)
        return f"the kernel's list has {len(link.get_attr('IFLA_VFINFO_LIST')['attrs'])} of {number_of_vfs(phy)}"
    except Exception as error:
        return f"the kernel's list cannot be decoded: {type(error).__name__}"


def figure(name: str) -> str:
    """One of the agent's figures for Prometheus."""
    found = re.search(rf"^pvc_sriov_{name}{{[^}}]*}} (.*)$", FIGURES.read_text(), re.MULTILINE)
    return found[1] if found else ""


def cpu_time(process: int) -> float:
    """The CPU time, in seconds, that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _counter(phy: str) -> Path:
    return Path(f"/sys/class/net/{phy}/device/sriov_numvfs")


def number_of_vfs(phy: str) -> int:
    return int(_counter(phy).read_text())


def set_count(phy: str, number: int) -> None:
    """Set the number of VFs by hand."""
    _counter(phy).write_text(str(number))


@contextmanager
def delayed_writes(process: int, path: Path, seconds: int) -> Iterator[None]:
    """Let each write of a process to a file take some seconds, as in a slow driver, for a ``with`` block."""
    tracer = subprocess.Popen(
        [
            *("strace", "--follow-forks", f"--attach={process}", "--trace=write", f"--trace-path={path}"),
            *(f"--inject=write:delay_enter={seconds}s", "--output=/run/strace"),
        ],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(2)
        yield
    finally:
        tracer.send_signal(signal.SIGTERM)
        tracer.wait(30)
