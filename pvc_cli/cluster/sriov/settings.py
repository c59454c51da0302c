"""Change the settings of VFs: checked first, guarded by what the decision came from, only what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvc_cli.cluster.sriov.model import SETTINGS, Vf, VfConfig
from pvc_cli.cluster.values import parse_int
from pvc_cli.errors import InvalidInputError, NotFoundError, quoted
from pvc_cli.zk import Transaction, ZKHandler, Znode

LINK_STATES = ("auto", "enable", "disable")
MOST_MBITS = 2**31 - 1
RANGES = {"vlan_id": 4094, "vlan_qos": 7, "tx_rate_min": MOST_MBITS, "tx_rate_max": MOST_MBITS}
"""The greatest value of each setting that is a number; the smallest is 0."""
_RATES = ("tx_rate_min", "tx_rate_max")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a VF that is to change, as texts; *old* is None where there was none."""

    vf: Vf
    name: str
    old: str | None
    new: str


def check_config(config: VfConfig) -> None:
    """Check settings that are given, as far as they can be judged by themselves.

    :raises InvalidInputError: naming the setting that is out of range, or if there is none.
    """
    given = config.given()
    if not given:
        raise InvalidInputError("nothing is to be changed: give at least one setting")
    for name, most in RANGES.items():
        value = given.get(name, 0)
        if not 0 <= int(value) <= most:
            raise InvalidInputError(f"{name} {value} is out of range: give 0 to {most}")
    if config.link_state not in (None, *LINK_STATES):
        raise InvalidInputError(f"link_state {quoted(config.link_state)} is none of {', '.join(LINK_STATES)}")
    if all(name in given for name in _RATES):
        _check_rates(config.tx_rate_min or 0, config.tx_rate_max or 0, "")


def _check_rates(least: int, most: int, whose: str) -> None:
    """Refuse a minimum rate above the maximum; a maximum of 0 is none."""
    if 0 < most < least:
        raise InvalidInputError(
            f"the minimum rate{whose} would be {least} Mbit/s, above the maximum of {most}:"
            " give both --tx-min and --tx-max, or a maximum of 0 for none"
        )


def set_configs(
    handler: ZKHandler, vfs: Sequence[Vf], config: VfConfig, *, dry_run: bool = False
) -> tuple[Transaction, list[Setting]]:
    """Change settings of VFs, all in one transaction; what is already so is not written.

    :returns: the transaction, committed unless it is a dry run, and what it changes.
    :raises InvalidInputError: if a setting is out of range, or a minimum rate would be above the maximum.
    :raises NotFoundError: if a VF is gone.
    :raises ConflictError: if others kept changing the same settings.
    """
    check_config(config)
    changed: list[Setting] = []

    def plan() -> Transaction:
        transaction = handler.transaction()
        changed.clear()
        keys = ("sriov_vf", "sriov_vf.config", *(f"sriov_vf.config.{name}" for name in SETTINGS))
        found = iter(handler.look_many(("node.sriov.vf", vf.node, key, vf.phy) for vf in vfs for key in keys))
        for vf in vfs:
            if next(found) is None:
                raise NotFoundError(f"VF {vf.phy} of node {vf.node} is gone: see 'pvc sriov vf list {vf.node}'")
            if next(found) is None:
                transaction.create(("node.sriov.vf", vf.node, "sriov_vf.config", vf.phy))
            changed.extend(_plan_one(transaction, vf, config, {name: next(found) for name in SETTINGS}))
        return transaction if changed else handler.transaction()

    transaction = plan() if dry_run else handler.retrying(plan)
    return transaction, changed


def _plan_one(transaction: Transaction, vf: Vf, config: VfConfig, found: Mapping[str, Znode | None]) -> list[Setting]:
    """Add what has to change on one VF, guarded by what was *found*."""
    given = config.given()
    paced = any(name in given for name in _RATES)
    if paced:
        least, most = (
            int(given.get(name, 0)) if name in given else parse_int(znode.text if znode else None) or 0
            for name, znode in ((name, found[name]) for name in _RATES)
        )
        _check_rates(least, most, f" of VF {vf.phy} on node {vf.node}")
    changed = []
    for name, znode in found.items():
        key = ("node.sriov.vf", vf.node, f"sriov_vf.config.{name}", vf.phy)
        if name in given and transaction.ensure(key, znode, str(given[name])):
            changed.append(Setting(vf, name, znode.text if znode else None, str(given[name])))
        elif name in given or (paced and name in _RATES):
            # It stays, but what is written beside it was decided on it.
            transaction.guard(key, znode)
    return changed
