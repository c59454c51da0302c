"""Ask a card what it does with everything that the agent may want of it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import asdict

from pvc_cli.agent.kernel import Kernel, KernelError

Answers = dict[str, object]


def probe(kernel: Kernel, phy: str, total: int) -> Answers:
    """Return what *phy*, which can have *total* VFs, has none yet, and is down, answers; it has none afterwards."""

    def ask(act: Callable[..., object], *arguments: object) -> str:
        try:
            act(phy, *arguments)
        except KernelError as error:
            return "EOPNOTSUPP" if error.code == errno.EOPNOTSUPP else errno.errorcode[error.code]
        return "ok"

    def vf(index: int) -> Answers:
        state = kernel.vfs(phy)[index]
        return {"pci": bool(state.pci), **asdict(state.config)}

    def count() -> object:
        state = kernel.pf(phy)
        return state and state.vfs

    answers: Answers = {}
    answers["no device"] = kernel.pf("nosuch0")
    answers["more VFs than it can have"] = ask(kernel.create_vfs, total + 1)
    answers["VFs after that"] = count()
    answers["two VFs"] = ask(kernel.create_vfs, 2)
    answers["VFs now"] = count()
    answers["three instead"] = ask(kernel.create_vfs, 3)
    answers["two again"] = ask(kernel.create_vfs, 2)
    answers["a new VF"] = vf(1)
    answers["a rate while the link is down"] = ask(kernel.set_vf, 1, {"tx_rate_min": 0, "tx_rate_max": 100})
    answers["link up"] = ask(kernel.bring_up)
    until = time.monotonic() + 20
    while not ((now := kernel.pf(phy)) and now.carrier) and time.monotonic() < until:
        time.sleep(0.05)
    answers["link works"] = bool(now and now.carrier)
    for name, change in {
        "VLAN": {"vlan_id": 101, "vlan_qos": 0},
        "VLAN and QoS": {"vlan_id": 102, "vlan_qos": 3},
        "maximum rate": {"tx_rate_min": 0, "tx_rate_max": 500},
        "minimum rate": {"tx_rate_min": 100, "tx_rate_max": 500},
        "link state": {"link_state": "enable"},
        "spoof check off": {"spoof_check": False},
        "trust": {"trust": True},
        "query RSS": {"query_rss": True},
    }.items():
        answers[name] = ask(kernel.set_vf, 1, change)
        answers[f"after {name}"] = vf(1)
    answers["the other VF"] = vf(0)
    answers["a VF that is not there"] = ask(kernel.set_vf, 2, {"trust": True})
    answers["none again"] = ask(kernel.create_vfs, 0)
    return answers
