"""A node boots: with and without its cluster, under systemd."""

from __future__ import annotations

import time

from tests.kernel import standin
from tests.kernel.node import (
    AGENT,
    DAEMON,
    FIGURES,
    IGB,
    RESYNC,
    SIM,
    SPARE,
    ZOOKEEPER,
    card,
    cpu_time,
    expect,
    figure,
    ip,
    journal,
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
    drifts,
)


def boot_without_zookeeper(_tree: Tree) -> str:
    """A boot ends without network and ZooKeeper; the agent is ready and says what it waits for."""
    within("the agent is active", lambda: property_of(AGENT, "ActiveState") == "active", SPARE)
    within("its status says why", lambda: "Waiting for ZooKeeper" in status(), SPARE)
    within("the boot is over", lambda: property_of("multi-user.target", "ActiveState") == "active", SPARE)
    jobs = systemctl("list-jobs")
    expect("no job waits for another", "No jobs" in jobs, jobs)
    return f"active, {status()!r}, {jobs}"


def new_node(_tree: Tree) -> str:
    """PVC's daemon brings up the network, starts ZooKeeper and registers the node; then VFs are registered."""
    standin.GO.touch()
    within("the daemon has registered the node", lambda: "registered" in journal(DAEMON), SPARE)
    within("the agent's round is done", lambda: "VFs in sync" in status(), SPARE)
    ready = int(property_of(AGENT, "ActiveEnterTimestampMonotonic"))
    started = int(property_of(ZOOKEEPER, "ActiveEnterTimestampMonotonic"))
    expect("the agent was ready before ZooKeeper", ready < started, f"{ready} {started}")
    return f"agent ready at {ready / 1e6:.1f} s, ZooKeeper up at {started / 1e6:.1f} s; {status()}"


def unit(_tree: Tree) -> str:
    """systemd understands the unit, is content with its exposure, and shows that nothing waits for it."""
    verified = run("systemd-analyze", "verify", "--man=no", AGENT)
    expect("verify finds nothing", "pvc-sriov-agent" not in verified, verified)
    level = run("systemd-analyze", "security", "--no-pager", AGENT).strip().splitlines()[-1].removeprefix("→ ")
    after = run("systemctl", "list-dependencies", "--after", "--plain", DAEMON)
    expect("PVC's daemon does not start after the agent", AGENT not in after, after)
    chain = run("systemd-analyze", "critical-chain", AGENT).splitlines()[3:7]
    return "\n".join([level, run("systemd-analyze", "time").splitlines()[0], *chain])


def settings_without_zookeeper(tree: Tree) -> str:
    """ZooKeeper is lost: the settings are held, and the status says so; it is back: changes are applied."""
    systemctl("stop", ZOOKEEPER)
    try:
        held = f"VF 1 put right after {drifts(IGB, 1, 101):.2f} s"
        within("the status says it", lambda: "ZooKeeper" in status(), RESYNC)
        said = status()
    finally:
        systemctl("start", ZOOKEEPER)
    tree.set(f"{IGB}v2", vlan_id=102)
    within("a change is applied", lambda: card(IGB, 2)["vlan_id"] == 102, SPARE)
    return f"{held}; {said!r}; VF 2: {card(IGB, 2)}"


def start_without_zookeeper(_tree: Tree) -> str:
    """A boot without ZooKeeper, on a card whose VFs are gone: the last wanted settings are applied."""
    systemctl("stop", AGENT, ZOOKEEPER)
    set_count(IGB, 0)
    systemctl("start", AGENT)
    try:
        within("the VLAN is on the card", lambda: card(IGB, 1).get("vlan_id") == 101, RESYNC)
        return f"{status()!r}; VF 1: {card(IGB, 1)}"
    finally:
        systemctl("start", ZOOKEEPER)
        within("it is in sync again", lambda: "VFs in sync" in status(), SPARE)


def signals(_tree: Tree) -> str:
    """SIGHUP and stop in the middle of a start do no harm; a stop ends well."""
    for _ in range(3):
        systemctl("restart", "--no-block", AGENT)
        time.sleep(0.3)
        systemctl("kill", "--signal=HUP", AGENT)
    within("it runs", lambda: "VFs in sync" in status(), SPARE)
    systemctl("restart", "--no-block", AGENT)
    time.sleep(0.3)
    systemctl("stop", AGENT)
    ended = [property_of(AGENT, name) for name in ("ActiveState", "Result", "ExecMainStatus")]
    systemctl("start", AGENT)
    expect("it ended well", ended[:2] == ["inactive", "success"], ended)
    within("it runs again", lambda: "VFs in sync" in status(), SPARE)
    systemctl("reload", AGENT)
    within("it reloads", lambda: "reloaded" in journal(AGENT), SPARE)
    return f"stopped while starting: {', '.join(ended)}"


def networking_disabled(_tree: Tree) -> str:
    """Without networking, PVC does no SR-IOV, and neither does the agent."""
    with configured("cluster:\n", "subsystem: {enable_networking: no}\ncluster:\n"):
        systemctl("reload", AGENT)
        within("it says so", lambda: "SR-IOV is disabled" in status(), SPARE)
        said = status()
        ip("link", "set", IGB, "vf", "1", "vlan", "55")
        time.sleep(3)
        left = card(IGB, 1)["vlan_id"]
    systemctl("reload", AGENT)
    within("then the card has its VLAN again", lambda: card(IGB, 1)["vlan_id"] == 101, SPARE)
    expect("it changed nothing meanwhile", left == 55, left)
    return said


def second_agent(_tree: Tree) -> str:
    """One agent per node: a second one is refused, and told by whom."""
    synced = run("python3", "-m", "pvc_cli", "sriov", "agent", "sync", check=False)
    expect("it is refused", "another agent manages node" in synced and "exit 5" in synced, synced)
    return synced


def stopped_process(_tree: Tree) -> str:
    """An agent that hangs is started anew by systemd, and puts right what changed meanwhile."""
    before = property_of(AGENT, "MainPID")
    systemctl("kill", "--signal=STOP", AGENT)
    ip("link", "set", SIM, "vf", "200", "vlan", "5")
    started = time.monotonic()
    within("it is started anew", lambda: property_of(AGENT, "MainPID") not in (before, "0"), 3 * SPARE)
    within("the VLAN is back", lambda: card(SIM, 200)["vlan_id"] == 200, SPARE)
    took = time.monotonic() - started
    within("all is well", lambda: "254 of 254" in status(), SPARE)
    return f"after {took:.0f} s; VF 200: {card(SIM, 200)}"


def idle(_tree: Tree) -> str:
    """Between two rounds the agent, which listens to the kernel, uses no CPU time."""
    before = figure("last_pass_timestamp_seconds")
    within("a round is done", lambda: figure("last_pass_timestamp_seconds") != before, RESYNC)
    time.sleep(2)
    spent = cpu_time(int(property_of(AGENT, "MainPID")))
    time.sleep(10)
    spent = cpu_time(int(property_of(AGENT, "MainPID"))) - spent
    expect("it uses none", spent <= 0.1, spent)
    return f"{spent:.2f} s of CPU time in 10 s, on the emulated processor"


def figures(_tree: Tree) -> str:
    """Prometheus finds the figures, although the unit may write nearly nowhere."""
    figures = FIGURES.read_text()
    lines = [line for line in figures.splitlines() if not line.startswith("#")]
    expect("both PFs are there", sum("pvc_sriov_vfs_wanted" in line for line in lines) == 2, figures)
    return "\n".join(lines)
