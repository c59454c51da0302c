"""The agent as a service: a round, a wait for changes, another round; until it is stopped."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.figures import Rounds, figures_of
from pvc_cli.agent.metrics import write_metrics
from pvc_cli.agent.notify import Notifier
from pvc_cli.agent.signals import Signals
from pvc_cli.errors import ConfigError, NotFoundError, PvcError, SchemaError, UnreachableError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.watch import Watcher

_SETTLE = 0.002
"""Seconds to wait after a change for others that come with it: `vf set` writes all of its in one transaction."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_LONGEST_WITHOUT_SESSION = 5.0


class Service:
    """Runs an agent.

    :param connect: opens a session with the cluster; is given what to tell about the session's state.
    :param reload: reads the node's configuration.
    :param cluster: tells which cluster is configured; where that is another after a reload, it is connected to.
    :param resync: seconds between full rounds, whether anything changed or not.
    :param metrics_file: where to write figures for Prometheus, if anywhere.
    """

    def __init__(
        self,
        agent: Agent,
        connect: Callable[[Callable[[str], None]], AbstractContextManager[ZKHandler]],
        reload: Callable[[], NodeConfig],
        cluster: Callable[[], object],
        *,
        resync: float,
        metrics_file: Path | None = None,
    ) -> None:
        self._agent = agent
        self._connect = connect
        self._reload = reload
        self._cluster = cluster
        self._configured: object = None
        self._moved = False
        """Whether another cluster is configured than the one of the session."""
        self._resync = resync
        self._metrics_file = metrics_file
        self._notifier = Notifier()
        self._watcher: Watcher | None = None
        self._signals = Signals(self._wake)
        self._full = threading.Event()
        """Set when the next round must be a full one."""
        self._failures = 0
        self._rounds = Rounds()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
        signals, journal = self._signals, self._agent.journal
        with signals.taken():
            # Whoever starts after this service must not wait for a cluster that only they can bring up.
            self._notifier.ready("Connecting to ZooKeeper")
            # Only now: it asks for the coordinators' addresses, which may take long where there is no network yet.
            self._configured = self._cluster()
            while not signals.stopping.is_set():
                if signals.reloading.is_set():
                    self._reload_config()
                self._moved = False
                try:
                    with self._connect(self._on_session) as handler:
                        self._failures = 0
                        self._serve(handler)
                except PvcError as error:
                    journal.write_once("zookeeper", str(error))
                    self._rounds.failed(session=False)
                    self._report("Waiting for ZooKeeper")
                    self._wait(signals.wait, min(self._pause(), _LONGEST_WITHOUT_SESSION))
                finally:
                    self._watcher = None
        self._notifier.stopping()
        journal.write("stopped", "notice")

    def _serve(self, handler: ZKHandler) -> None:
        """Work on one session, until the service stops or another cluster is configured."""
        watcher = self._watcher = handler.watcher(settle=_SETTLE)
        self._full.set()
        full_at = 0.0
        while not self._signals.stopping.is_set():
            if self._signals.reloading.is_set():
                self._reload_config()
            if self._moved:
                self._agent.journal.write("another cluster is configured: connecting to it", "notice")
                return
            full = self._full.is_set() or time.monotonic() >= full_at
            self._full.clear()
            if full:
                full_at = time.monotonic() + self._resync
            # A failure is retried, ever more rarely; a change ends the wait at once.
            if self._reconcile(handler, watcher, full=full):
                self._wait(watcher.wait, self._pause())
            else:
                self._failures = 0
                self._wait(watcher.wait, max(full_at - time.monotonic(), 0.0))

    def _on_session(self, text: str) -> None:
        """Log an event of the session; changes of the tree may have been missed."""
        self._agent.journal.write(text, "notice")
        self._full.set()
        self._wake()

    def _reconcile(self, handler: ZKHandler, watcher: Watcher, *, full: bool) -> bool:
        """Do one round, and tell whether to retry soon."""
        agent, journal = self._agent, self._agent.journal
        try:
            needs_retry = agent.reconcile_node(handler, watcher, full=full)
        except SchemaError as error:
            journal.write_once("cluster", f"{error}; waiting for the upgrade")
            self._fail("Waiting for a schema version with SR-IOV")
            return False
        except NotFoundError as error:
            # On a new node, PVC's daemon registers it once it has brought up the network and ZooKeeper.
            journal.write_once("cluster", f"{error}; waiting for it")
            self._fail(f"Waiting for node {agent.node} to be registered")
            return not self._is_there(handler, watcher)
        except PvcError as error:
            # Whatever it is, the cluster may recover from it: a service outlives it.
            journal.write_once("cluster", str(error))
            lost = isinstance(error, UnreachableError)
            self._fail("Waiting for ZooKeeper" if lost else f"Retrying: {error}", session=not lost)
            return True
        journal.clear("cluster")
        journal.clear("zookeeper")
        self._rounds.passed(failures=needs_retry)
        self._report(str(agent.memory.counts()))
        return needs_retry

    def _fail(self, status: str, *, session: bool = True) -> None:
        """Report a round that ended early; the next one is a full one."""
        self._rounds.failed(session=session)
        self._full.set()
        self._report(status)

    def _report(self, status: str) -> None:
        """Leave the figures, then tell systemd."""
        agent, path = self._agent, self._metrics_file
        if path:
            try:
                write_metrics(path, agent.node, figures_of(agent.config, agent.memory, self._rounds))
                agent.journal.clear("metrics")
            except OSError as error:
                agent.journal.write_once("metrics", f"could not write {path}: {error.strerror}")
        self._notifier.ready(status)

    def _is_there(self, handler: ZKHandler, watcher: Watcher) -> bool:
        """Watch for the node, and tell whether it is registered already."""
        key = ("node", self._agent.node)
        try:
            watcher.watch(values=[key])
            there = handler.exists(key)
        except UnreachableError:
            return False
        if there:
            watcher.wake()
        return there

    def _pause(self) -> float:
        """Return how long to wait before the next retry, longer each time."""
        self._failures += 1
        return min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)

    def _wait(self, wait: Callable[[float], bool], timeout: float) -> None:
        """Wait until *wait* reports something or *timeout* is over, and keep the watchdog quiet meanwhile."""
        deadline = time.monotonic() + timeout
        ended = False
        while not ended and (left := deadline - time.monotonic()) > 0:
            self._notifier.alive()
            ended = wait(min(left, self._notifier.interval or left))

    def _reload_config(self) -> None:
        self._signals.reloading.clear()
        self._notifier.reloading()
        journal = self._agent.journal
        try:
            config, cluster = self._reload(), self._cluster()
        except ConfigError as error:
            journal.write(f"{error}; keeping the previous configuration", "warning")
        else:
            self._agent.config = config
            self._moved = cluster != self._configured
            self._configured = cluster
            journal.write(f"reloaded {config.path}", "notice")
        self._notifier.ready("Reloaded")
        self._full.set()

    def _wake(self) -> None:
        if self._watcher:
            self._watcher.wake()
