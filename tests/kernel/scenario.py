"""What the agent does on a real kernel, told as it happens. Runs in the guest, as root."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyroute2

from pvc_cli.agent.linux import LinuxKernel
from tests.kernel.probe import probe

NODE = "pvchv1"
TOTALS = {"igb": 7, "netdevsim": 4}
CONFIG = """
guest_networking:
  sriov_enable: yes
  sriov_device:
    - {{phy: {igb}, vfcount: 3}}
"""
WANTED = (
    *("--vlan-id", "101", "--qos-prio", "2", "--tx-min", "100", "--tx-max", "1000"),
    *("--link-state", "enable", "--no-spoof-check", "--trust", "--query-rss"),
)
KEPT = [f"{NODE}/ens1f{port}v{n}" for port in range(2) for n in range(4)]
"""The VFs of the demo's cards, which this node does not have."""
failures: list[str] = []


def main() -> None:
    """Tell the whole story, and end with 1 if anything was not as it should be."""
    hosts, answers = sys.argv[1:]
    igb, netdevsim = find_cards()
    say(f"Linux {os.uname().release}, pyroute2 {pyroute2.__version__}; igb is {igb}, netdevsim is {netdevsim}")
    with LinuxKernel() as kernel:
        found = {"igb": probe(kernel, igb, TOTALS["igb"]), "netdevsim": probe(kernel, netdevsim, TOTALS["netdevsim"])}
    Path(answers).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    for device in (igb, netdevsim):
        subprocess.run(["ip", "link", "set", device, "down"], check=True)

    config = Path("/run/pvc.conf")
    both = CONFIG.format(igb=igb) + f"    - {{device: {netdevsim}, mtu: 1400, vfcount: 2}}\n"
    config.write_text(both)
    say("The agent starts: VFs are created and registered")
    agent = Agent(hosts, config)
    show(pvc(hosts, "sriov", "vf", "list", NODE))
    names = pvc(hosts, "sriov", "vf", "list", NODE, "-o", "name").split()
    expect("all VFs are in the tree, and what was there is kept", names == [
        *(f"{NODE}/{netdevsim}v{n}" for n in range(2)), *(f"{NODE}/{igb}v{n}" for n in range(3)), *KEPT
    ])  # fmt: skip
    pci = json.loads(pvc(hosts, "sriov", "vf", "info", NODE, f"{igb}v1", "-o", "json"))["pci"]
    expect("a VF's PCI address is what virtfnN says", Path(f"/sys/class/net/{igb}/device/virtfn1").resolve().name ==
           "{domain}:{bus}:{slot}.{function}".format(**pci))  # fmt: skip
    expect("the MTU is set", Path(f"/sys/class/net/{netdevsim}/mtu").read_text() == "1400\n")

    say("Settings are made on both cards")
    for device in (igb, netdevsim):
        pvc(hosts, "sriov", "vf", "set", NODE, f"{device}v1", *WANTED)
    within(f"{netdevsim} has all eight", lambda: all(
        text in vf(netdevsim, 1) for text in ("vlan 101, qos 2", "max_tx_rate 1000Mbps", "min_tx_rate 100Mbps",
                                              "spoof checking off", "link-state enable", "trust on", "query_rss on")
    ))  # fmt: skip
    within(f"{igb} has what its driver can do", lambda: all(
        text in vf(igb, 1) for text in ("vlan 101, qos 2", "spoof checking off", "trust on")
    ))  # fmt: skip
    for device in (igb, netdevsim):
        show(subprocess.run(["ip", "-d", "link", "show", device], capture_output=True, text=True, check=True).stdout)
    show(pvc(hosts, "sriov", "vf", "info", NODE, f"{igb}v1"))
    for knob in (
        "tx_rate_min 0 -> 100",
        "link_state auto -> enable",
        "query_rss False -> True",
    ):
        said = f"{igb}v1: {knob} failed"
        within(f"what igb lacks is said: {knob}", lambda said=said: said in agent.log())  # type: ignore[misc]
    pvc(hosts, "sriov", "vf", "set", NODE, f"{igb}v1", "--tx-min", "0")
    within("without a minimum, igb takes the maximum", lambda: "max_tx_rate 1000Mbps" in vf(igb, 1))

    say("Somebody changes a VF with ip")
    subprocess.run(["ip", "link", "set", igb, "vf", "2", "vlan", "77"], check=True)
    expect("it is so", "vlan 77" in vf(igb, 2))
    within("it is put right", lambda: "vlan" not in vf(igb, 2))
    within("and said to be drift", lambda: f"{igb}v2: vlan_id 77 -> 0 (drift" in agent.log())

    say("A VF is taken from its driver, as for a VM: it has no network device any more")
    function = Path(f"/sys/class/net/{igb}/device/virtfn0").resolve()
    (function / "driver" / "unbind").write_text(function.name)
    expect("it has none", not (function / "net").exists())
    pvc(hosts, "sriov", "vf", "set", NODE, f"{igb}v0", "--vlan-id", "55")
    within("it is set all the same", lambda: "vlan 55" in vf(igb, 0))
    registered = pvc(hosts, "sriov", "vf", "list", NODE, "-o", "name").split()
    expect("and still registered", f"{NODE}/{igb}v0" in registered)

    say("A PF leaves the configuration")
    config.write_text(CONFIG.format(igb=igb))
    agent.signal(signal.SIGHUP)
    left = [*(f"{NODE}/{igb}v{n}" for n in range(3)), *KEPT]
    within(
        "it is pruned, with its VFs", lambda: pvc(hosts, "sriov", "vf", "list", NODE, "-o", "name").split() == left
    )
    expect("its VFs are untouched in the kernel", "vlan 101" in vf(netdevsim, 1))

    status = agent.stop()
    expect("the agent stops cleanly", status == 0)
    say("What the agent said, and left for Prometheus")
    show(agent.log())
    show(Path("/run/pvc.prom").read_text())
    say(f"{len(failures)} failures" if failures else "All as it should be")
    sys.exit(bool(failures))


class Agent:
    """The agent, as a service."""

    def __init__(self, hosts: str, config: Path) -> None:
        self._file = Path("/run/agent.log")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind("/run/notify")
        listener.settimeout(60)
        with self._file.open("w") as log:
            self._process = subprocess.Popen(
                [*command(hosts), "sriov", "agent", "run", "--config", config, "--resync", "3",
                 "--metrics-file", "/run/pvc.prom"],
                stderr=log, env={**os.environ, "NOTIFY_SOCKET": "/run/notify"},
            )  # fmt: skip
        while "VFs in sync" not in listener.recv(4096).decode():
            pass
        listener.close()

    def log(self) -> str:
        return self._file.read_text()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self._process.wait(30)


def find_cards() -> tuple[str, str]:
    """Return the names of the two cards."""
    found = {}
    for device in Path("/sys/class/net").iterdir():
        if (device / "device/sriov_numvfs").exists():
            bus = (device / "device/subsystem").resolve().name
            found["igb" if bus == "pci" else bus] = device.name
    return found["igb"], found["netdevsim"]


def command(hosts: str) -> list[str]:
    return [sys.executable, "-m", "pvc_cli", "--coordinators", hosts, "--timeout", "30"]


def pvc(hosts: str, *arguments: str) -> str:
    """Run pvc, and return its output."""
    say(f"$ pvc {' '.join(arguments)}")
    run = subprocess.run([*command(hosts), *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        fail(f"pvc {' '.join(arguments)} ended with {run.returncode}: {run.stderr}")
    return run.stdout


def vf(device: str, index: int) -> str:
    """Return what ip shows for a VF."""
    shown = subprocess.run(["ip", "-d", "link", "show", device], capture_output=True, text=True, check=True).stdout
    return next(line for line in shown.splitlines() if line.strip().startswith(f"vf {index} "))


def within(what: str, met: Callable[[], bool], seconds: float = 30) -> None:
    started = time.monotonic()
    while not met():
        if time.monotonic() - started > seconds:
            fail(what)
            return
        time.sleep(0.05)
    say(f"ok: {what}")


def expect(what: str, met: bool) -> None:
    if met:
        say(f"ok: {what}")
    else:
        fail(what)


def say(text: str) -> None:
    print(text, flush=True)


def show(text: str) -> None:
    print("".join(f"    {line}\n" for line in text.rstrip().splitlines()), end="", flush=True)


def fail(what: str) -> None:
    failures.append(what)
    say(f"FAILED: {what}")


if __name__ == "__main__":
    main()
