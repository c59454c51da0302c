"""Put what the agent remembers into a report."""

import os
import time
from collections import Counter, defaultdict

import pvc_cli
from pvc_cli import identity
from pvc_cli.agent.agent import Agent
from pvc_cli.agent.memory import runs_with_orphan
from pvc_cli.cluster.sriov.report import AgentReport, PfReport, Report, VfReport


def report_of(agent: Agent, started: float = 0.0, interval: float = 0.0) -> Report:
    """Return the state of an agent, its PFs and its VFs.

    :param started: when it started, in seconds since the epoch.
    :param interval: seconds between its heartbeats.
    """
    now = round(time.time(), 3)
    memory = agent.memory
    own = AgentReport(
        pvc_cli.__version__,
        identity.host(),
        os.getpid(),
        started or now,
        now,
        interval,
        zxid=memory.zxid,
        problems=agent.config.problems,
    )
    vfs = {name: memory.vfs[name].report(memory.wanted.get(name, {})) for name, _, _ in memory.states()}
    absent = {name: VfReport(state, since, {}, {}) for name, (state, _, since) in memory.absent.items()}
    orphaned = Counter(pf for state, pf, _ in memory.absent.values() if state == "orphaned")
    in_use: defaultdict[str, list[str]] = defaultdict(list)
    for name, vms in memory.running.items():
        if name in memory.absent:
            in_use[memory.absent[name][1]].append(runs_with_orphan(name, vms))
    pfs = {}
    for card in memory.cards:
        phy = card.device.phy
        states = Counter(vfs[name].state for name in card.vfs)
        pfs[phy] = PfReport(
            wanted=card.device.vfcount,
            present=len(card.vfs),
            in_sync=states["in_sync"],
            refused=states["refused"],
            drifted=states["drifted"],
            orphaned=orphaned.pop(phy, 0),
            problems=(*card.problems.values(), *memory.problems.get(phy, ()), *in_use[phy]),
        )
    pfs |= {phy: PfReport(0, 0, 0, 0, 0, count, tuple(in_use[phy])) for phy, count in orphaned.items()}
    return Report(own, pfs, {**vfs, **{name: vf for name, vf in absent.items() if name not in vfs}})
