"""Do the agent's rounds in a thread of its own: a slow driver or server must not stop the service."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pvc_cli.agent.agent import Agent, Depth
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.figures import Rounds, figures_of
from pvc_cli.agent.lease import OtherAgentError
from pvc_cli.agent.metrics import write_metrics
from pvc_cli.agent.publish import Publisher
from pvc_cli.agent.status import report_of
from pvc_cli.cluster.sriov.report import Report
from pvc_cli.errors import NotFoundError, PvcError, SchemaError, UnreachableError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.watch import Watcher

_SETTLE = 0.002
_OTHER_AGENT = 3.0
"""Seconds between two looks whether another agent has ended."""
_LEAST_INTERVAL = 10.0
"""Seconds: a heartbeat that comes more often is of no use to anybody."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a round."""

    status: str
    """How it is, in one line."""
    needs_retry: bool = False
    full: bool = False
    """Whether the next round must look at everything."""
    look_again_at: float | None = None
    """When to look again although nothing changes, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class _Task:
    depth: Depth
    config: NodeConfig | None


@dataclass(slots=True)
class Worker:
    """Does rounds, one at a time, in the order in which they are asked for.

    :param interval: seconds between heartbeats.
    :param on_change: is called when the tree changes.
    :param on_done: is given the result of each round.
    :param on_crash: is given what nothing here expects: the service must not go on without its worker.
    """

    agent: Agent
    interval: float
    metrics_file: Path | None
    on_change: Callable[[], None]
    on_done: Callable[[Result], None]
    on_crash: Callable[[BaseException], None]
    _handler: ZKHandler | None = None
    _watched: tuple[ZKHandler, Watcher] | None = None
    _tasks: queue.SimpleQueue[_Task | None] = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None
    _started: float = field(default_factory=lambda: round(time.time(), 3))
    _waits: str = ""
    """Why another agent, or the lack of the node, keeps this one from doing anything."""
    rounds: Rounds = field(default_factory=Rounds)

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.agent.node)

    publisher: Publisher = field(init=False)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def ask(self, depth: Depth, config: NodeConfig | None = None) -> None:
        """Ask for a round; with a new configuration, if one is given."""
        self._tasks.put(_Task(depth, config))

    def use(self, handler: ZKHandler | None) -> None:
        """Use this session from the next round on."""
        self._handler = handler

    def stop(self, timeout: float) -> None:
        """End after the round that is being done; a kernel that does not answer is not waited for any longer."""
        self._tasks.put(None)
        if self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            with self.agent.kernel:
                while (task := self._tasks.get()) is not None:
                    if task.config:
                        self.agent.config = task.config
                    self.on_done(self._do(task.depth))
                self._release()
        except BaseException as error:
            self.on_crash(error)

    def _release(self) -> None:
        try:
            self.agent.lease.release()
        except PvcError:
            # The session's end does it.
            return

    def _do(self, depth: Depth) -> Result:
        agent, started = self.agent, time.monotonic()
        handler = self._handler
        needs_retry = full = False
        status = ""
        if handler is None or not handler.is_connected:
            return self._hold(depth)
        try:
            needs_retry = agent.reconcile_node(handler, self._watcher(handler), depth=depth)
            agent.journal.clear("cluster")
            agent.journal.clear("zookeeper")
            agent.journal.clear("hold")
            self._waits = ""
            self.rounds.passed(failures=needs_retry)
            status = self._publish(handler, time.monotonic() - started, always=depth >= Depth.ALL)
        except UnreachableError as error:
            agent.journal.write_once("zookeeper", str(error))
            return self._hold(depth)
        except SchemaError as error:
            self.rounds.failed(session=True)
            agent.journal.write_once("cluster", f"{error}; waiting for the upgrade")
            self._waits = status = "Waiting for a schema version with SR-IOV"
            full = True
        except NotFoundError as error:
            self.rounds.failed(session=True)
            # On a new node, PVC's daemon registers it once it has brought up the network and ZooKeeper.
            agent.journal.write_once("cluster", f"{error}; waiting for it")
            self._waits = status = f"Waiting for node {agent.node} to be registered"
            needs_retry, full = not self._is_there(handler), True
        except PvcError as error:
            # Whatever it is, the cluster may recover from it: a service outlives it.
            self.rounds.failed(session=True)
            agent.journal.write_once("cluster", str(error))
            if isinstance(error, OtherAgentError):
                # Its session ends some seconds after it was killed.
                self._waits = f"Waiting: {error}"
                self._write_metrics()
                return Result(self._waits, full=True, look_again_at=time.monotonic() + _OTHER_AGENT)
            status = self._waits or str(error)
            needs_retry = full = True
        self._write_metrics()
        return Result(status, needs_retry, full, self._look_again_at())

    def _publish(self, handler: ZKHandler, runtime: float, *, always: bool) -> str:
        """Publish how it is, and return that in one line."""
        agent, report = self.agent, self.report()
        if agent.lease.lock:
            self.publisher.publish(handler, agent.lease.lock, report, runtime, always=always)
        if agent.config.enabled:
            return report.message
        agent.lease.release()
        disabled = f"SR-IOV is disabled: {agent.config.path} has {agent.config.disabled_by}"
        return "; ".join([disabled, *report.agent.problems])

    def _hold(self, depth: Depth) -> Result:
        """Without the cluster, hold what was wanted last; but nothing that another agent may be doing."""
        self.rounds.failed(session=False)
        if self._waits:
            self._write_metrics()
            return Result(self._waits, full=True)
        self.agent.journal.write_once("hold", "without ZooKeeper: holding the last settings", "notice")
        needs_retry = self.agent.hold(depth=depth)
        self._write_metrics()
        message = self.report().message
        return Result(
            f"Waiting for ZooKeeper, holding the last settings: {message}", needs_retry, True, self._look_again_at()
        )

    def _is_there(self, handler: ZKHandler) -> bool:
        """Watch for the node, and tell whether it is registered already."""
        key = ("node", self.agent.node)
        try:
            self._watcher(handler).watch(values=[key])
            there = handler.exists(key)
        except UnreachableError:
            return False
        if there:
            self.on_change()
        return there

    def _look_again_at(self) -> float | None:
        due = [at for at in (self.agent.look_again_at, self.publisher.look_again_at) if at is not None]
        return min(due, default=None)

    def _watcher(self, handler: ZKHandler) -> Watcher:
        if self._watched is None or self._watched[0] is not handler:
            self._watched = (handler, handler.watcher(settle=_SETTLE, on_change=self.on_change))
        return self._watched[1]

    def report(self) -> Report:
        """Return how it is now."""
        return report_of(self.agent, self._started, max(self.interval, _LEAST_INTERVAL))

    def _write_metrics(self) -> None:
        if self.metrics_file is None:
            return
        journal = self.agent.journal
        try:
            write_metrics(
                self.metrics_file,
                self.agent.node,
                figures_of(self.report(), self.agent.memory, self.rounds),
            )
            journal.clear("metrics")
        except OSError as error:
            journal.write_once("metrics", f"could not write {self.metrics_file}: {error.strerror}")
