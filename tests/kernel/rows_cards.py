"""Cards that come late, lose VFs, get another name or take their time: what people entered stays."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.kernel.node import (
    AGENT,
    CONFIG,
    IGB,
    NODE,
    RESYNC,
    SIM,
    SPARE,
    card,
    delayed_writes,
    expect,
    ip,
    journal,
    last_words,
    number_of_vfs,
    property_of,
    run,
    set_count,
    status,
    systemctl,
    within,
)
from tests.kernel.rows import (
    Tree,
    configured,
)


def two_of_four(tree: Tree) -> str:
    """After a boot with 2 of 4 VFs, the others' settings are kept, and come back with them."""
    systemctl("stop", AGENT)
    set_count(IGB, 0)
    set_count(IGB, 2)
    systemctl("start", AGENT)
    within("a round is done", lambda: "VFs in sync" in status(), SPARE)
    time.sleep(2)
    wanted = tree.wanted(f"{IGB}v3", "vlan_id")
    few, said = number_of_vfs(IGB), status()
    systemctl("stop", AGENT)
    set_count(IGB, 0)
    systemctl("start", AGENT)
    within("all four are there", lambda: number_of_vfs(IGB) == 4, SPARE)
    expect("the tree still wants what it did", wanted == "103", wanted)
    within("the card has it again", lambda: card(IGB, 3)["vlan_id"] == 103, SPARE)
    return f"with {few} VFs {said!r}, and the tree wanted VLAN {wanted}; VF 3: {card(IGB, 3)}"


def renamed(tree: Tree) -> str:
    """A PF that the kernel calls otherwise is found by its altname: nothing is pruned, drift is put right."""
    ip("link", "set", IGB, "down")
    ip("link", "set", IGB, "name", "ens1f0np0")
    ip("link", "property", "add", "dev", "ens1f0np0", "altname", IGB, check=False)
    ip("link", "set", "ens1f0np0", "up")
    try:
        systemctl("restart", AGENT)
        within("a round is done", lambda: "VFs in sync" in status(), SPARE)
        expect("the settings are still wanted", tree.wanted(f"{IGB}v3", "vlan_id") == "103", tree.names()[:5])
        ip("link", "set", "ens1f0np0", "vf", "3", "vlan", "66")
        within("it is put right", lambda: card("ens1f0np0", 3)["vlan_id"] == 103, RESYNC)
        return f"VF 3 of ens1f0np0: {card('ens1f0np0', 3)}; {status()!r}"
    finally:
        ip("link", "set", "ens1f0np0", "down")
        ip("link", "property", "del", "dev", "ens1f0np0", "altname", IGB, check=False)
        ip("link", "set", "ens1f0np0", "name", IGB)
        ip("link", "set", IGB, "up")
        systemctl("restart", AGENT)


def renamed_for_good(tree: Tree) -> str:
    """A PF with a new name, configured by it: its VFs, found by PCI address, keep their settings."""
    wanted = []
    for old, new in ((IGB, "ens1f0np0"), ("ens1f0np0", IGB)):
        systemctl("stop", AGENT)
        ip("link", "set", old, "down")
        ip("link", "property", "del", "dev", old, "altname", new, check=False)
        ip("link", "set", old, "name", new)
        with configured(f"phy: {IGB}", f"phy: {new}"):
            systemctl("start", AGENT)
            within("VF 3 has its name", lambda new=new: f"{new}v3" in tree.names(), SPARE)  # type: ignore[misc]
            within("the card has its VLAN", lambda new=new: card(new, 3)["vlan_id"] == 103, SPARE)  # type: ignore[misc]
            expect("the other name is gone", f"{old}v3" not in tree.names(), tree.names()[-5:])
            wanted.append(tree.wanted(f"{new}v3", "vlan_id"))
    systemctl("reload", AGENT)
    expect("the settings went along", wanted == ["103", "103"], wanted)
    return "\n".join(line for line in journal(AGENT).splitlines() if "which has the same" in line)


def slip(tree: Tree) -> str:
    """A typing error in one of two entries destroys nothing."""
    before = tree.names()
    with configured(f"phy: {IGB}", "phy: enp1sO"):
        systemctl("reload", AGENT)
        within("it is seen", lambda: "enp1sO is configured, but" in journal(AGENT), SPARE)
        within("the status says so", lambda: "250 of 254" in status(), SPARE)
        said = status()
        systemctl("restart", AGENT)
        within("a round is done", lambda: "VFs in sync" in status(), SPARE)
    systemctl("reload", AGENT)
    within("all is well again", lambda: "254 of 254" in status(), SPARE)
    expect("nothing was pruned", tree.names() == before, tree.names()[-5:])
    expect("the card has its VLAN", card(IGB, 3)["vlan_id"] == 103, card(IGB, 3))
    return f"{said!r}; then {status()!r}"


def late_card(_tree: Tree) -> str:
    """A card that comes late and refuses its VFs at first is said to be so, and set up once it takes them."""
    bus = Path("/sys/bus/netdevsim")
    (bus / "del_device").write_text("1")
    within("it is missed", lambda: f"{SIM} is configured, but" in status(), SPARE)
    missed = status()
    (bus / "new_device").write_text("1 1")
    within("its VFs are refused", lambda: "could not create 250 VFs" in status(), SPARE)
    refused = status()
    Path("/sys/kernel/debug/netdevsim/netdevsim1/max_vfs").write_text("250")
    within("they are tried again", lambda: number_of_vfs(SIM) == 250, 2 * SPARE)
    within("VF 200 has its VLAN", lambda: card(SIM, 200)["vlan_id"] == 200, SPARE)
    within("all is well", lambda: "254 of 254" in status(), SPARE)
    return f"{missed!r}\n{refused!r}\n{status()!r}; VF 200: {card(SIM, 200)}"


def slow_creation(_tree: Tree) -> str:
    """A driver that takes 75 s to create VFs, longer than the watchdog's time: the agent lives on."""
    within("it is in sync", lambda: "VFs in sync" in status(), SPARE)
    before = property_of(AGENT, "MainPID")
    counter = Path(f"/sys/class/net/{SIM}/device/sriov_numvfs").resolve()
    with delayed_writes(int(before), counter, 75):
        set_count(SIM, 0)
        within("the VFs are created", lambda: number_of_vfs(SIM) == 250, 75 + 2 * SPARE)
    within("VF 200 has its VLAN again", lambda: card(SIM, 200)["vlan_id"] == 200, 2 * SPARE)
    within("all is well", lambda: "254 of 254" in status(), 2 * SPARE)
    after = property_of(AGENT, "MainPID")
    expect("the watchdog did not kill it", before == after, last_words())
    return f"process {after} as before; {status()!r}; VF 200: {card(SIM, 200)}"


def resized(tree: Tree) -> str:
    """Two commands resize a PF; the agent follows the file at once, and VFs that stay get their settings back."""
    before, said = CONFIG.read_text(), list[str]()
    for phy in (IGB, SIM):
        tree.set(f"{phy}v2", vlan_id=102)
        within("the card has its VLAN", lambda phy=phy: card(phy, 2).get("vlan_id") == 102, SPARE)  # type: ignore[misc]
    said += _resize(IGB, 7)
    said.append(_pf("drain", IGB, "--resize"))
    expect("nothing is done twice", "unchanged" in said[-1], said[-1])
    said.append(_pf("set", IGB, "--vfcount", "8", check=False))
    expect("the card's own maximum is named", "7 VFs at most" in said[-1], said[-1])
    said += _resize(IGB, 4)
    said += _resize(SIM, 100)
    # This driver does not tell its maximum: it refuses.
    said += [_pf("set", SIM, "--vfcount", "251"), _pf("drain", SIM, "--resize", "--yes", check=False)]
    expect("the refusal is told", "it has 0 VFs now: could not create 251 VFs" in said[-1], said[-1])
    said += _resize(SIM, 250)
    expect("the file is to the byte as it was", CONFIG.read_text() == before, CONFIG.read_text())
    within("all is well", lambda: "254 of 254" in status(), 2 * SPARE)
    lines = [line for text in said for line in text.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("Warning: ", "Next: ")))


def _resize(phy: str, count: int) -> list[str]:
    """Give a PF another number of VFs; VF 2 is to have its VLAN afterwards."""
    said = [_pf("set", phy, "--vfcount", str(count)), _pf("drain", phy, "--resize", "--yes")]
    expect("the card has them", number_of_vfs(phy) == count, said[-1])
    within("it has its VLAN back", lambda: card(phy, 2).get("vlan_id") == 102, SPARE)
    return said


def _pf(verb: str, phy: str, *options: str, check: bool = True) -> str:
    """What a `pvc sriov pf` command of this node says."""
    return run(sys.executable, "-m", "pvc_cli", "sriov", "pf", verb, NODE, phy, *options, check=check)
