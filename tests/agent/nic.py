"""A simulated network card with SR-IOV: in files, so that other processes can look at it and turn its knobs.

What it answers is what `make test-kernel` saw of real drivers; test_nic holds it to that.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli.agent.kernel import AT_START, KNOBS, NO_MAC, KernelError, PfState, VfState, cannot_create
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
    tells: bool = True
    """Whether the kernel tells when one of its VFs is changed; it does where the link is up."""
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
    "igb250": Model(total=250, lacks=("link_state", "query_rss"), silent=("query_rss",), minimum_rate=False),
    "taciturn": Model(total=64, silent=("trust",)),
    "mute": Model(total=64, tells=False),
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

    def plug_in(self, phy: str, model: str = "full", *altnames: str, bus: str = "") -> None:
        """Add a card, with other names that it has; *bus* is where its VFs are, by default given by its name."""
        state = {
            "altnames": altnames,
            "bus": bus,
            "model": model,
            "mtu": 1500,
            "up": False,
            "cable": True,
            "vfs": [],
            "before": [],
            "refuse": {},
            "ignore": [],
            "slow": 0.0,
            "late": False,
            "reported": None,
        }
        (self._folder / phy).write_text(json.dumps(state))
        self._tell()

    def unplug(self, phy: str) -> None:
        """Take a card out."""
        (self._folder / phy).unlink()
        self._tell()

    def rename(self, phy: str, to: str, *altnames: str) -> None:
        """Give a card another name, as udev does; the old one may stay as one of its *altnames*."""
        with self.card(phy) as state:
            state["altnames"] = altnames
            # The functions stay where they are.
            state["bus"] = state["bus"] or f"{sum(phy.encode()) % 256:02x}"
        (self._folder / phy).rename(self._folder / to)
        self._tell()

    @contextmanager
    def listen(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call *tell* whenever any process does something to a card that the kernel tells of."""
        name = f"nic-{os.getpid()}-{time.monotonic_ns()}"
        path = self._folder / f".listener-{name}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(f"\0{name}")
            path.touch()

            def serve() -> None:
                while listener.recv(16) != b"end":
                    tell()

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield
            finally:
                path.unlink()
                self._send(path, b"end")
                thread.join()

    def _tell(self) -> None:
        for path in self._folder.glob(".listener-*"):
            self._send(path, b"link")

    def _send(self, path: Path, message: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.sendto(message, "\0" + path.name.removeprefix(".listener-"))

    def _name(self, phy: str) -> str:
        """Return the name of the card that has *phy* as one of its names."""
        # Another process may be writing a card's file: only who looks for another name reads it here, unlocked.
        if (self._folder / phy).exists():
            return phy
        for path in sorted(self._folder.glob("[!.]*")):
            if phy in json.loads(path.read_text())["altnames"]:
                return path.name
        return phy

    def name_of(self, phy: str) -> str:
        return self._name(phy)

    @contextmanager
    def card(self, phy: str) -> Iterator[dict[str, Any]]:
        """Give a card's state, to be looked at or changed behind everybody's back."""
        with (self._folder / self._name(phy)).open("r+") as file:
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
        if not (self._folder / self._name(phy)).exists():
            return None
        with self.card(phy) as state:
            return PfState(phy, state["mtu"], state["up"], state["up"] and state["cable"], len(state["vfs"]))

    def create_vfs(self, phy: str, count: int) -> None:
        self._set_count(phy, count, cannot_create(phy, count))

    def remove_vfs(self, phy: str) -> None:
        self._set_count(phy, 0, f"could not remove the VFs of {phy}")

    def most_vfs(self, phy: str) -> int | None:
        with self.card(phy) as state:
            model = MODELS[state["model"]]
            return model.total if model.pci else None

    def _set_count(self, phy: str, count: int, doing: str) -> None:
        try:
            with self.card(phy) as state:
                slow = state["slow"]
        except FileNotFoundError:
            raise KernelError(doing, errno.ENOENT) from None
        time.sleep(slow)  # a driver's own time
        with self.card(phy) as state:
            model = MODELS[state["model"]]
            if code := state["refuse"].get("create" if count else "remove"):
                raise KernelError(doing, code)
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
            bus = state["bus"] or f"{port:02x}"
            state["vfs"] = [
                {
                    "mac": f"02:00:{port:02x}:00:00:{index:02x}" if model.macs and not state["late"] else NO_MAC,
                    "admin_mac": NO_MAC,
                    "pci": f"0000:{bus}:{index // 8 + 16:02x}.{index % 8}" if model.pci else "",
                    "config": before[index] if index < len(before) else start,
                    "mtu": 1500 if model.macs else None,
                    "service_tag": False,
                    "at": 0.0,
                }
                for index in range(count)
            ]
        self._tell()

    def bring_up(self, phy: str) -> None:
        self._set_link(phy, "up", f"could not bring up {phy}", True)

    def set_mtu(self, phy: str, mtu: int) -> None:
        self._set_link(phy, "mtu", f"could not set MTU {mtu} on {phy}", mtu)

    def _set_link(self, phy: str, field: str, doing: str, value: int) -> None:
        with self.card(phy) as state:
            if code := state["refuse"].get(field):
                raise KernelError(doing, code)
            state[field] = value
        self._tell()

    def vfs(self, phy: str) -> list[VfState]:
        if not (self._folder / self._name(phy)).exists():
            raise KernelError(f"could not read {phy}", errno.ENODEV)
        with self.card(phy) as state:
            count, reported = len(state["vfs"]), state["reported"]
            if reported is not None and reported < count:
                reason = f"the kernel reported {reported} of {count} VFs"
                raise KernelError(f"could not read {phy}", errno.EMSGSIZE, reason)
            silent = dict.fromkeys(MODELS[state["model"]].silent)
            return [
                VfState(
                    index, vf["mac"], VfConfig(**{**vf["config"], **silent}), vf["pci"], vf["mtu"], vf["admin_mac"],
                    vf["service_tag"],
                )
                for index, vf in enumerate(state["vfs"])
            ]  # fmt: skip

    def set_vf_mtu(self, phy: str, index: int, mtu: int) -> None:
        doing = f"could not set MTU {mtu} on VF {index} of {phy}"
        with self.card(phy) as state:
            if code := state["refuse"].get("vf_mtu"):
                raise KernelError(doing, code)
            if mtu > state["mtu"]:
                raise KernelError(doing, errno.EINVAL)
            state["vfs"][index]["mtu"] = mtu

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
                if knob == "vlan":
                    state["vfs"][index]["service_tag"] = False
            tells = model.tells and state["up"]
        if tells:
            self._tell()
