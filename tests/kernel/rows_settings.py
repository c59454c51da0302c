"""What the cards are asked for, and what others do to them."""

from __future__ import annotations

import time
from pathlib import Path

from pvc_cli.cluster.sriov.model import find_vfs
from tests.kernel.node import (
    AGENT,
    IGB,
    NODE,
    RESYNC,
    SIM,
    card,
    count,
    expect,
    ip,
    journal,
    run,
    status,
    systemctl,
    with_statistics,
    within,
)
from tests.kernel.rows import (
    Tree,
    configured,
    drifts,
    drifts_often,
)


def many_vfs(tree: Tree) -> str:
    """250 VFs are registered, with what the card really has, and settled."""
    with tree.open() as handler:
        names = [vf.phy for vf in find_vfs(handler, NODE, [f"{SIM}v*"])]
        expect("250 are in the tree", len(names) == 250, len(names))
        at = ("node.sriov.vf", NODE)
        found = handler.read_many((*at, f"sriov_vf.config.{key}", f"{SIM}v249") for key in ("vlan_id", "vlan_qos"))
    expect("the last has the VLAN that was set before the agent came", found == ["777", "3"], found)
    within("all are in sync", lambda: count(status(), "in sync") == 254, RESYNC)
    expect("the card still has it", card(SIM, 249)["vlan_id"] == 777, card(SIM, 249))
    return f"{status()}; VF 249: {card(SIM, 249)}\nwith statistics, {with_statistics(SIM)}"


def drift_among_many(tree: Tree) -> str:
    """One of 250, changed by hand, is put right in less than a second at the median."""
    tree.set(f"{SIM}v200", vlan_id=200)
    within("the card has the VLAN", lambda: card(SIM, 200)["vlan_id"] == 200, RESYNC)
    return drifts_often(SIM, 200, 200)


def drift_on_hardware(tree: Tree) -> str:
    """The same on igb."""
    tree.set(f"{IGB}v1", vlan_id=101, vlan_qos=2)
    within("the card has the VLAN", lambda: card(IGB, 1)["vlan_id"] == 101, RESYNC)
    return drifts_often(IGB, 1, 101)


def drift_untold(_tree: Tree) -> str:
    """What the kernel does not tell of, as the PF is down, is put right within the default resync."""
    ip("link", "set", SIM, "down")
    time.sleep(2)
    return f"VF 200 put right after {drifts(SIM, 200, 200):.1f} s: {card(SIM, 200)}"


def tags_and_addresses(tree: Tree) -> str:
    """A tag of 802.1ad is put right; two VFs with one MAC address are named."""
    tree.set(f"{SIM}v7", vlan_id=20)
    within("the card has the VLAN", lambda: card(SIM, 7)["vlan_id"] == 20, RESYNC)
    ip("link", "set", SIM, "vf", "7", "vlan", "20", "proto", "802.1ad")
    within("its tag is 802.1Q again", lambda: "VLAN tag 802.1ad -> 802.1Q" in journal(AGENT), RESYNC)
    for index in ("8", "9"):
        ip("link", "set", SIM, "vf", index, "mac", "02:00:00:00:00:99")
    within("both are named", lambda: "have the same MAC address" in journal(AGENT), RESYNC)
    ip("link", "set", SIM, "vf", "9", "mac", "02:00:00:00:00:98")
    return "\n".join(line for line in journal(AGENT).splitlines() if "802.1ad" in line or "same MAC" in line)


def minimum_rate_refused(tree: Tree) -> str:
    """igb has no minimum rate: it gets the maximum alone, and the minimum is reported."""
    tree.set(f"{IGB}v1", tx_rate_min=100, tx_rate_max=500)
    try:
        within("the maximum is set", lambda: card(IGB, 1)["tx_rate_max"] == 500, RESYNC)
        within("the minimum is said to be refused", lambda: "tx_rate_min" in journal(AGENT), RESYNC)
        return f"{card(IGB, 1)}; {status()!r}"
    finally:
        tree.set(f"{IGB}v1", tx_rate_min=0, tx_rate_max=0)


def mtu_refused(_tree: Tree) -> str:
    """A refused MTU leaves the PF up, with its VFs; the status and the exit code of sync say so."""
    ip("link", "set", IGB, "down")
    with configured("{phy: enp1s0, ", "{phy: enp1s0, mtu: 20000, "):
        systemctl("reload", AGENT)
        within("the PF is up", lambda: "state UP" in ip("link", "show", IGB), RESYNC)
        within("the journal says it", lambda: "MTU" in journal(AGENT), RESYNC)
        said = status()
        # There is one agent per node: it makes room for this one.
        systemctl("stop", AGENT)
        synced = run("python3", "-m", "pvc_cli", "sriov", "agent", "sync", check=False)
        systemctl("start", AGENT)
        expect("sync fails", "exit 1" in synced, synced)
    systemctl("reload", AGENT)
    return f"{ip('link', 'show', IGB).splitlines()[0]}; {said!r}"


def mtu_of_vfs(_tree: Tree) -> str:
    """The VFs' network devices get the MTU of their PF."""
    with configured("{phy: enp1s0, ", "{phy: enp1s0, mtu: 9000, "):
        systemctl("reload", AGENT)
        devices = list(Path(f"/sys/class/net/{IGB}/device").glob("virtfn*/net/*"))
        mtus = [device / "mtu" for device in devices]
        within("all have it", lambda: {mtu.read_text() for mtu in mtus} == {"9000\n"}, RESYNC)
    systemctl("reload", AGENT)
    return ", ".join(f"{device.name} {(device / 'mtu').read_text().strip()}" for device in devices)


def given_to_vfio(tree: Tree) -> str:
    """A VF that vfio-pci has, as under a VM, is set through its PF, and stays registered."""
    function = Path(f"/sys/class/net/{IGB}/device/virtfn3").resolve()
    run("modprobe", "vfio-pci")
    (function / "driver_override").write_text("vfio-pci")
    (function / "driver/unbind").write_text(function.name)
    Path("/sys/bus/pci/drivers_probe").write_text(function.name)
    driver = (function / "driver").resolve().name
    expect("vfio-pci has it", driver == "vfio-pci", driver)
    tree.set(f"{IGB}v3", vlan_id=103, trust=True)
    within("it has the VLAN", lambda: card(IGB, 3)["vlan_id"] == 103, RESYNC)
    within("it is trusted", lambda: card(IGB, 3)["trust"] == 1, RESYNC)
    expect("it is registered", f"{IGB}v3" in tree.names(), tree.names())
    return f"driver {driver}; VF 3: {card(IGB, 3)}"
