"""Change the settings of VFs: check them first, write only what differs, guard what the decision came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NewType

from pvc_cli.cluster.sriov.model import SETTINGS, Settings, Value, VfRef, text_of
from pvc_cli.cluster.values import parse_int
from pvc_cli.errors import InvalidInputError, quoted
from pvc_cli.zk import Transaction, ZKHandler, Znode

LINK_STATES = ("auto", "enable", "disable")
MOST_MBITS = 2**31 - 1
RANGES = {"vlan_id": 4094, "vlan_qos": 7, "tx_rate_min": MOST_MBITS, "tx_rate_max": MOST_MBITS}
"""The greatest value of each setting that is a number; the smallest is 0."""
_RATES = ("tx_rate_min", "tx_rate_max")
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
    if all(name in settings for name in _RATES):
        _check_rates(settings, "")
    return CheckedSettings(settings)


def _check_rates(settings: Settings, whose: str) -> None:
    """Refuse a minimum rate above the maximum; a maximum of 0 is none."""
    least, most = (int(settings[name]) for name in _RATES)
    if 0 < most < least:
        raise InvalidInputError(
            f"the minimum rate{whose} would be {least} Mbit/s, above the maximum of {most}:"
            " give both --tx-min and --tx-max, or a maximum of 0 for none"
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
    # The two rates are checked against each other, also where one of them stays.
    rates = _RATES if any(name in settings for name in _RATES) else ()
    names = [name for name in SETTINGS if name in settings or name in rates]
    keys = ("sriov_vf", "sriov_vf.config", *(f"sriov_vf.config.{name}" for name in names))

    def plan() -> Transaction:
        transaction = handler.transaction()
        changed.clear()
        found = iter(handler.get_znodes(("node.sriov.vf", vf.node, key, vf.phy) for vf in vfs for key in keys))
        for vf in vfs:
            if next(found) is None:
                raise vf.gone()
            if next(found) is None:
                transaction.create(("node.sriov.vf", vf.node, "sriov_vf.config", vf.phy))
            znodes = {name: next(found) for name in names}
            if rates:
                stored = {name: parse_int(text_of(znodes[name])) or 0 for name in rates}
                _check_rates({**stored, **settings}, f" of VF {vf.phy} on node {vf.node}")
            changed.extend(_plan_one(transaction, vf, settings, znodes))
        return transaction if changed else handler.transaction()

    transaction = plan() if dry_run else handler.retrying(plan)
    return transaction, changed


def _plan_one(
    transaction: Transaction, vf: VfRef, settings: Settings, found: Mapping[str, Znode | None]
) -> list[Setting]:
    """Add what has to change on one VF, guarded by what was *found*."""
    changed = []
    for name, znode in found.items():
        key = ("node.sriov.vf", vf.node, f"sriov_vf.config.{name}", vf.phy)
        if name in settings and transaction.ensure(key, znode, str(settings[name])):
            changed.append(Setting(vf, name, znode.text if znode else None, str(settings[name])))
        else:
            # It stays, but what is written beside it was decided on it.
            transaction.guard(key, znode)
    return changed
