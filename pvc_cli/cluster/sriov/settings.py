"""Change the settings of VFs: check them first, write only what differs, guard what the decision came from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NewType

from pvc_cli.cluster.sriov.model import SETTINGS, Settings, Value, VfRef, parse_setting, text_of
from pvc_cli.cluster.values import parse_int
from pvc_cli.errors import InvalidInputError, quoted
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode

LINK_STATES = ("auto", "enable", "disable")
MOST_MBITS = 2**31 - 1
RANGES = {"vlan_id": 4094, "vlan_qos": 7, "tx_rate_min": MOST_MBITS, "tx_rate_max": MOST_MBITS}
"""The greatest value of each setting that is a number; the smallest is 0."""
RATES = ("tx_rate_min", "tx_rate_max")
"""The least and the most that a VF may send."""
CheckedSettings = NewType("CheckedSettings", dict[str, Value])
"""What :func:`check_settings` returned."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a VF that is to change, as texts; *old* is None where there was none."""

    vf: VfRef
    name: str
    old: str | None
    new: str


def find_fault(name: str, value: Value) -> str:
    """Return what is wrong with a setting by itself, or an empty text."""
    if name not in SETTINGS:
        return f"there is no setting {quoted(name)}: choose from {', '.join(SETTINGS)}"
    if name in RANGES and not 0 <= int(value) <= RANGES[name]:
        return f"{name} {value} is out of range: give 0 to {RANGES[name]}"
    if name == "link_state" and value not in LINK_STATES:
        return f"link_state {quoted(value)} is invalid: choose from {', '.join(LINK_STATES)}"
    return ""


def check_settings(given: Mapping[str, Value | None]) -> CheckedSettings:
    """Return the settings that are *given*, not None, once they are checked as far as they can be by themselves.

    :raises InvalidInputError: naming the setting that is invalid, or if none is given.
    """
    settings = {name: value for name, value in given.items() if value is not None}
    if not settings:
        raise InvalidInputError("nothing to change: give at least one setting")
    for name, value in settings.items():
        if fault := find_fault(name, value):
            raise InvalidInputError(fault)
    if all(name in settings for name in RATES):
        _check_rates(settings, "")
    return CheckedSettings(settings)


def excludes(least: int, most: int) -> bool:
    """Tell whether a minimum rate is above the maximum; a maximum of 0 is none."""
    return 0 < most < least


def _check_rates(settings: Settings, whose: str) -> None:
    """Refuse a minimum rate above the maximum."""
    least, most = (int(settings[name]) for name in RATES)
    if excludes(least, most):
        raise InvalidInputError(
            f"the minimum rate{whose} would be {least} Mbit/s, above the maximum of {most}:"
            " set both (--tx-min and --tx-max, or tx_rate_min and tx_rate_max), or a maximum of 0 for none"
        )


def change_settings(
    handler: ZKHandler, vfs: Sequence[VfRef], settings: CheckedSettings, *, dry_run: bool = False
) -> tuple[Transaction, list[Setting]]:
    """Change settings of VFs, all in one transaction; what is already so is not written.

    :returns: the transaction, committed unless it is a dry run, and what it changes.
    :raises InvalidInputError: if a minimum rate would be above the maximum.
    :raises NotFoundError: if a VF is gone.
    :raises ConflictError: if others kept changing the same settings.
    """
    changed: list[Setting] = []

    def plan() -> Transaction:
        transaction = handler.transaction()
        changed.clear()
        found = iter(handler.get_znodes(key for vf in vfs for key in settings_keys(vf, settings)))
        for vf in vfs:
            changed.extend(plan_settings(transaction, vf, settings, found))
        return transaction if changed else handler.transaction()

    transaction = plan() if dry_run else handler.retrying(plan)
    return transaction, changed


def _names(settings: Settings) -> list[str]:
    """Return which settings are looked at: the two rates are checked against each other, also where one stays."""
    rates = RATES if any(name in settings for name in RATES) else ()
    return [name for name in SETTINGS if name in settings or name in rates]


def settings_keys(vf: VfRef, settings: Settings) -> list[Key]:
    """Return the keys whose znodes :func:`plan_settings` takes."""
    keys = ("sriov_vf", "sriov_vf.config", *(f"sriov_vf.config.{name}" for name in _names(settings)))
    return [("node.sriov.vf", vf.node, key, vf.phy) for key in keys]


def plan_settings(
    transaction: Transaction, vf: VfRef, settings: Settings, found: Iterator[Znode | None]
) -> list[Setting]:
    """Add what has to change on one VF, guarded by what was *found*.

    :raises InvalidInputError: if a minimum rate would be above the maximum.
    :raises NotFoundError: if the VF is gone.
    """
    own, config, *more = (next(found) for _ in settings_keys(vf, settings))
    if own is None:
        raise vf.gone()
    if config is None:
        transaction.create(("node.sriov.vf", vf.node, "sriov_vf.config", vf.phy))
    znodes = dict(zip(_names(settings), more, strict=True))
    if stored := {name: parse_int(text_of(znodes[name])) or 0 for name in RATES if name in znodes}:
        _check_rates({**stored, **settings}, f" of VF {vf.phy} on node {vf.node}")
    return _plan_one(transaction, vf, settings, znodes)


def _plan_one(
    transaction: Transaction, vf: VfRef, settings: Settings, found: Mapping[str, Znode | None]
) -> list[Setting]:
    changed = []
    for name, znode in found.items():
        key = ("node.sriov.vf", vf.node, f"sriov_vf.config.{name}", vf.phy)
        # Another spelling of a value stays.
        stays = znode is not None and parse_setting(name, znode.text) == settings.get(name)
        if name in settings and not stays and transaction.ensure(key, znode, str(settings[name])):
            changed.append(Setting(vf, name, znode.text if znode else None, str(settings[name])))
        else:
            # It stays, but what is written beside it was decided on it.
            transaction.guard(key, znode)
    return changed
