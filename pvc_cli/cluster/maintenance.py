"""Maintenance mode: while it is on, PVC fences no node."""

from collections.abc import Sequence

from pvc_cli.cluster.controls import Control, Plan, decide
from pvc_cli.cluster.values import parse_bool
from pvc_cli.zk import ZKHandler

_KEY = "base.config.maintenance"


def plan_maintenance(*, on: bool) -> Plan[str]:
    """Return the plan that switches maintenance mode, for :func:`pvc_cli.cluster.controls.control`."""
    word = "on" if on else "off"

    def plan(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
        (found,) = handler.get_znodes([_KEY])
        # Any spelling will do, and a missing key means off.
        same = bool(parse_bool(found.text if found else "")) == on
        values = [] if same else [(_KEY, found, "true" if on else "false")]
        what = f"maintenance mode {word}"
        return [decide(handler.transaction(), name, values, what, what) for name in names]

    return plan
