"""Judge whether the nodes' daemons can live with another schema version."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pvc_cli.errors import PvcError, RefusedError, SchemaError
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.schema import Key, parse_version
from pvc_cli.zk.store import Znode

FORCE = ", or override with --force"
RUNNING = ("init", "run")
"""The states of a daemon that runs."""


class Objection(NamedTuple):
    """What speaks against a change."""

    error: PvcError
    """Refuses it."""
    forced: str
    """Warns of it where the change is forced."""


class NodeDaemon(NamedTuple):
    """What a node reports about its daemon."""

    name: str
    latest: Znode | None
    """The newest schema version that it knows."""
    active: Znode | None
    """The schema version that it runs."""
    state: Znode | None

    @property
    def known(self) -> int | None:
        """The newest version that it knows, if it reports one."""
        return parse_version(self.latest.text) if self.latest and self.latest.text.strip() else None

    @property
    def runs(self) -> bool:
        """Whether it is running, as far as the tree shows it."""
        return self.state is not None and self.state.text in RUNNING


def read_daemons(handler: ZKHandler) -> list[NodeDaemon]:
    """Return what every node reports about its daemon, in two batches."""
    names = handler.children("base.node") or []
    keys: list[Key] = [
        (key, name)
        for name in names
        for key in ("node.data.latest_schema", "node.data.active_schema", "node.state.daemon")
    ]
    found = iter(handler.get_znodes(keys))
    rows = ((name, next(found), next(found), next(found)) for name in names)
    return [NodeDaemon(*row) for row in rows]


def behind(daemons: Sequence[NodeDaemon], version: int) -> list[str]:
    """Return the names of the nodes whose running daemon runs another schema version than *version*."""
    return [
        daemon.name
        for daemon in daemons
        if daemon.runs and (daemon.active is None or parse_version(daemon.active.text) != version)
    ]


def objections(daemons: Sequence[NodeDaemon], current: int, target: int, *, live: bool) -> Iterator[Objection]:
    """Yield what speaks against going from the version *current* to *target*.

    A daemon that does not know the cluster's version does not start again. Running ones that all know more set the
    newest again as soon as they notice, within a second; on the way back the primary deletes what they lack.

    :param live: whether the tree is that of a cluster, not of a backup.
    """
    reasons = []
    for daemon in daemons:
        if daemon.known is None:
            reasons.append(f"node {daemon.name} does not report which version it knows")
        elif daemon.known < target:
            reasons.append(f"node {daemon.name} knows only version {daemon.known}")
    if reasons:
        why = "; ".join(reasons)
        yield Objection(
            SchemaError(
                f"schema version {target} would stop PVC on some nodes: {why}: upgrade PVC there first{FORCE}"
            ),
            f"schema version {target} would stop PVC on some nodes: {why}",
        )
    known = [daemon.known or 0 for daemon in daemons]
    ahead = [daemon for daemon in daemons if daemon.runs and (daemon.known or 0) > target]
    if live and ahead and (target < current or min(known) > target):
        names, most = _names(ahead), max(daemon.known or 0 for daemon in ahead)
        yield Objection(
            RefusedError(
                f"cannot change the schema version to {target} while PVC's daemons run: {names} know version {most}"
                f" and would set it again within a second: stop pvcnoded on every node first{FORCE}"
            ),
            f"changing the schema version to {target} although PVC's daemons run: {names} know version {most} and"
            " would set it again within a second",
        )


def objection_to_restore(daemons: Sequence[NodeDaemon], *, live: bool) -> Iterator[Objection]:
    """Yield what speaks against a restore, whatever the version: daemons that act on what they read."""
    if live and (running := [daemon for daemon in daemons if daemon.runs]):
        names = _names(running)
        yield Objection(
            RefusedError(
                f"cannot restore while PVC's daemons run on {names}: they write to the tree all the time, and act on"
                f" what they find: stop pvcnoded on every node first{FORCE}"
            ),
            f"restoring although PVC's daemons run on {names}: they write to the tree all the time, and act on what"
            " they find",
        )


def _names(daemons: Sequence[NodeDaemon]) -> str:
    return ", ".join(daemon.name for daemon in daemons)
