"""Write the agent's report into the tree, where PVC's own readers find it beside the results of its plugins."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pvc_cli.agent.lease import QUIET
from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.sriov.report import PLUGIN, Report, format_report
from pvc_cli.cluster.values import parse_list
from pvc_cli.zk import Key, Lock, ZKHandler
from pvc_cli.zk.store import CommitConflictError

_FIELDS = ("name", "last_run", "health_delta", "message", "data", "runtime")


@dataclass(slots=True)
class Publisher:
    """Publishes a node's report: when anything in it changes, else once an interval.

    PVC's daemon deletes, when it starts, what it does not know; that is written again a moment later.
    """

    node: str
    _last: Report | None = None
    _missing_since: float | None = None

    def is_due(self, report: Report) -> bool:
        """Tell whether *report* says anything new, or the last heartbeat is an interval old."""
        last = self._last
        if last is None:
            return True
        own = replace(report.agent, heartbeat=last.agent.heartbeat, zxid=last.agent.zxid)
        same = replace(report, agent=own) == last
        return not same or report.agent.heartbeat - last.agent.heartbeat >= report.agent.interval * 0.95

    def publish(
        self, handler: ZKHandler, lock: Lock, report: Report, runtime: float, *, always: bool = False
    ) -> None:
        """Write *report*, if it is due; before schema version 9, which has no place for it, do nothing.

        :param runtime: seconds that the round took.
        :param always: write it in any case.
        """
        if not (always or self.is_due(report)):
            return
        container: Key = ("node.monitoring.data", self.node)
        keys: dict[str, Key] = {name: (*container, f"monitoring_plugin.{name}", PLUGIN) for name in _FIELDS}
        listed: Key = ("node.monitoring.plugins", self.node)
        place, plugins, *found = handler.get_znodes([container, listed, *keys.values()])
        if place is None or not self._may_create(missing=None in found):
            return
        values = _values(report, runtime)
        transaction = handler.transaction()
        for (name, key), znode in zip(keys.items(), found, strict=True):
            transaction.ensure(key, znode, values[name])
        names = parse_list(text_of(plugins), None)
        if plugins is not None and PLUGIN not in names:
            transaction.ensure(listed, plugins, " ".join([*names, PLUGIN]))
        transaction.fence(lock)
        try:
            transaction.commit()
        except CommitConflictError:
            # Whatever it was, the next round sees what became of it.
            self._last = None
        else:
            self._last, self._missing_since = report, None

    def _may_create(self, *, missing: bool) -> bool:
        """Tell whether nobody is just deleting it: perhaps the whole node is being deleted."""
        if not missing:
            self._missing_since = None
            return True
        if self._last is None and self._missing_since is None:
            return True
        self._last = None
        now = time.monotonic()
        self._missing_since = self._missing_since or now
        return now - self._missing_since >= QUIET

    @property
    def look_again_at(self) -> float | None:
        """When to try again, on the monotonic clock, if something is to be written anew."""
        return None if self._missing_since is None else self._missing_since + QUIET


def _values(report: Report, runtime: float) -> Mapping[str, str]:
    return {
        "name": PLUGIN,
        "last_run": str(int(report.agent.heartbeat)),
        "health_delta": str(report.health_delta),
        "message": report.message,
        "data": format_report(report),
        "runtime": f"{runtime:.3f}",
    }
