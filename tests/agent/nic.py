"""A simulated network card with SR-IOV: in files, so that other processes can look at it and turn its knobs.

What it answers is what `make test-kernel` saw of real drivers; test_nic holds it to that.
"""

from __future__ import annotations

import errno
import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli.agent.kernel import AT_START, KNOBS, NO_MAC, KernelError, PfState, VfState
from pvc_cli.cluster.sriov.model import Settings, VfConfig


@dataclass(frozen=True)
class Model:
    """How a driver behaves."""

    total: int
    too_many: int = errno.ERANGE
    """What it answers to more VFs than it can have."""
    lacks: tuple[str, ...] = ()
    """Knobs that it answers EOPNOTSUPP to."""
    silent: tuple[str, ...] = ()
    """Settings that it does not report."""
    minimum_rate: bool = True
    rate_needs_link: bool = False
    pci: bool = True
    macs: bool = True
    """Whether its VFs have network devices, and so addresses."""
    spoof_check: bool = False
    """What it starts with."""
    remembers: bool = False
    """Whether VFs that are made again have the settings of those that were there before."""


MODELS = {
    "full": Model(total=256),
    "igb": Model(
        total=7,
        lacks=("link_state", "query_rss"),
        silent=("query_rss",),
        minimum_rate=False,
        rate_needs_link=True,
        spoof_check=True,
    ),
    "taciturn": Model(total=64, silent=("trust",)),
    "netdevsim": Model(total=4, too_many=errno.ENOMEM, pci=False, macs=False, remembers=True),
}


class SimulatedKernel:
    """The cards in a folder, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> SimulatedKernel:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def plug_in(self, phy: str, model: str = "full") -> None:
        """Add a card."""
        state = {
            "model": model,
            "mtu": 1500,
            "up": False,
            "cable": True,
            "vfs": [],
            "before": [],
            "refuse": {},
            "ignore": [],
        }
        (self._folder / phy).write_text(json.dumps(state))

    def unplug(self, phy: str) -> None:
        """Take a card out."""
        (self._folder / phy).unlink()

    @contextmanager
    def card(self, phy: str) -> Iterator[dict[str, Any]]:
        """Give a card's state, to be looked at or changed behind everybody's back."""
        with (self._folder / phy).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = json.load(file)
            before = json.dumps(state)
            yield state
            if (after := json.dumps(state)) != before:
                file.seek(0)
                file.truncate()
                file.write(after)

    def actual(self, phy: str, index: int) -> VfConfig:
        """What a VF's settings are, whether the driver reports them or not."""
        with self.card(phy) as state:
            return VfConfig(**state["vfs"][index]["config"])

    def pf(self, phy: str) -> PfState | None:
        if not (self._folder / phy).exists():
            return None
        with self.card(phy) as state:
            return PfState(phy, state["mtu"], state["up"], state["up"] and state["cable"], len(state["vfs"]))

    def create_vfs(self, phy: str, count: int) -> None:
        with self.card(phy) as state:
            model = MODELS[state["model"]]
            doing = f"could not create {count} VFs on {phy}"
            if count == len(state["vfs"]):
                return
            if count > model.total:
                raise KernelError(doing, model.too_many)
            if state["vfs"] and count:
                raise KernelError(doing, errno.EBUSY)
            start = {**AT_START, "spoof_check": model.spoof_check}
            before = [vf["config"] for vf in state["vfs"]] or state["before"] if model.remembers else []
            state["before"] = before
            port = sum(phy.encode()) % 256
            state["vfs"] = [
                {
                    "mac": f"02:00:{port:02x}:00:00:{index:02x}" if model.macs else NO_MAC,
                    "pci": f"0000:{port:02x}:{index // 8 + 16:02x}.{index % 8}" if model.pci else "",
                    "config": before[index] if index < len(before) else start,
                    "at": 0.0,
                }
                for index in range(count)
            ]

    def bring_up(self, phy: str, mtu: int | None) -> None:
        with self.card(phy) as state:
            state["up"] = True
            state["mtu"] = mtu or state["mtu"]

    def vfs(self, phy: str) -> list[VfState]:
        if not (self._folder / phy).exists():
            raise KernelError(f"could not read {phy}", errno.ENODEV)
        with self.card(phy) as state:
            silent = dict.fromkeys(MODELS[state["model"]].silent)
            return [
                VfState(index, vf["mac"], VfConfig(**{**vf["config"], **silent}), vf["pci"])
                for index, vf in enumerate(state["vfs"])
            ]

    def set_vf(self, phy: str, index: int, settings: Settings) -> None:
        with self.card(phy) as state:
            model = MODELS[state["model"]]
            doing = f"could not set VF {index} of {phy}"
            if index >= len(state["vfs"]):
                raise KernelError(doing, errno.EINVAL)
            (knob,) = {knob for knob, names in KNOBS.items() if settings.keys() & set(names)}
            if code := state["refuse"].get(knob):
                raise KernelError(doing, code)
            if knob in model.lacks:
                raise KernelError(doing, errno.EOPNOTSUPP)
            if knob == "rate" and ((model.rate_needs_link and not (state["up"] and state["cable"])) or
                                   (settings.get("tx_rate_min") and not model.minimum_rate)):  # fmt: skip
                raise KernelError(doing, errno.EINVAL)
            if knob not in state["ignore"]:
                # What one request sets together, and is not given, goes back to 0.
                together = {name: settings.get(name, 0) for name in KNOBS[knob]}
                state["vfs"][index]["config"].update(together)
                state["vfs"][index]["at"] = time.monotonic()
