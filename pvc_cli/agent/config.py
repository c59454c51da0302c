"""Read the SR-IOV part of a node's PVC configuration, and ignore the rest."""

import re
from dataclasses import dataclass
from pathlib import Path

from pvc_cli.cluster.values import parse_bool
from pvc_cli.errors import ConfigError, hint, quoted

# Names that Linux allows for a network device: IFNAMSIZ is 16, with the closing NUL.
_DEVICE = re.compile(r"(?!\.{1,2}$)[!-.0-~]{1,15}")
_KEYS = ("sriov_enable", "sriov_device")


@dataclass(frozen=True, slots=True)
class Device:
    """A PF as it is configured; *mtu* None leaves the card's."""

    phy: str
    mtu: int | None
    vfcount: int


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Whether SR-IOV is enabled on this node, and the devices."""

    path: Path
    enabled: bool
    devices: tuple[Device, ...]
    disabled_by: str = "sriov_enable: no"
    """What disables it, if it is disabled."""
    misspelt: tuple[str, ...] = ()
    """What is wrong with the names of keys, a line each: a misspelt key is as if there was none."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is valid, but hardly meant, one line each."""
        if not self.enabled or self.devices:
            return self.misspelt
        return (
            *self.misspelt,
            f"SR-IOV is enabled, but {self.path} has no device in guest_networking.sriov_device: add one, or set"
            " sriov_enable: no",
        )


def parse_config(path: Path, document: object) -> NodeConfig:
    """Return the SR-IOV part of *document*, which is a node's configuration from *path*.

    :raises ConfigError: naming the place in the file, if a value there is invalid.
    """
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is not a PVC configuration: expected a mapping")
    guests = document.get("guest_networking")
    guests = guests if isinstance(guests, dict) else {}
    enabled = _flag(path, "guest_networking.sriov_enable", guests.get("sriov_enable"))
    listed = guests.get("sriov_device")
    where = "guest_networking.sriov_device"
    if listed is not None and not isinstance(listed, list):
        raise ConfigError(f"{path}: {where} is not a list: give a list of phy, mtu and vfcount")
    devices: dict[str, Device] = {}
    for number, entry in enumerate(listed or []):
        device = _device(path, f"{where}[{number}]", entry)
        if device.phy in devices:
            raise ConfigError(f"{path}: {where}[{number}] repeats {device.phy}: list each device once")
        devices[device.phy] = device
    subsystem = document.get("subsystem")
    networking = subsystem.get("enable_networking") if isinstance(subsystem, dict) else None
    # Without networking, PVC leaves SR-IOV alone whatever else is configured.
    if networking is not None and not _flag(path, "subsystem.enable_networking", networking):
        return NodeConfig(path, enabled=False, devices=tuple(devices.values()), disabled_by="enable_networking: no")
    return NodeConfig(path, enabled, tuple(devices.values()), misspelt=_misspelt(path, guests))


def _misspelt(path: Path, guests: dict[object, object]) -> tuple[str, ...]:
    unknown = [key for key in map(str, guests) if key.startswith("sriov") and key not in _KEYS]
    known = f"use {' or '.join(_KEYS)}"
    return tuple(
        f"{path}: unknown key guest_networking.{key} is ignored: {hint(key, _KEYS, known)}" for key in unknown
    )


def _flag(path: Path, where: str, value: object) -> bool:
    flag = parse_bool("" if value is None else str(value))
    if flag is None:
        raise ConfigError(f"{path}: {where} is {quoted(value)}: give yes or no")
    return flag


def _device(path: Path, where: str, entry: object) -> Device:
    if not isinstance(entry, dict):
        raise ConfigError(f"{path}: {where} is not a mapping: give phy, mtu and vfcount")
    # PVC's sample file says device, its daemon reads phy.
    word = "phy" if "phy" in entry else "device"
    name = entry.get(word)
    if not isinstance(name, str) or not _DEVICE.fullmatch(name):
        raise ConfigError(f"{path}: {where}.{word} is {quoted(name)}: give the name of a network device")
    mtu = entry.get("mtu")
    return Device(
        phy=name,
        mtu=None if mtu is None else _number(path, f"{where}.mtu", mtu, 68, 65535),
        vfcount=_number(path, f"{where}.vfcount", entry.get("vfcount"), 0, 65535),
    )


def _number(path: Path, where: str, value: object, least: int, most: int) -> int:
    text = "" if isinstance(value, bool) else str(value)
    if not (text.isdecimal() and least <= int(text) <= most):
        raise ConfigError(f"{path}: {where} is {quoted(value)}: give a number from {least} to {most}")
    return int(text)
