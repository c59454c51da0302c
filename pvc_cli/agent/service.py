"""The agent as a service: look, wait for a change, look again; until it is told to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.metrics import Metrics
from pvc_cli.agent.notify import Notifier
from pvc_cli.errors import ConfigError, PvcError, SchemaError, UnreachableError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.watch import Watcher

_SETTLE = 0.002
"""Seconds to wait after a change for others that come with it: `vf set` writes all of its in one transaction."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0


class Service:
    """Runs an agent.

    :param connect: opens a session with the cluster; is given what wants to hear what happens to it.
    :param reload: reads the node's configuration again.
    :param resync: how often, in seconds, everything is looked at, whether something changed or not.
    :param metrics_file: where to leave figures for Prometheus, if anywhere.
    """

    def __init__(
        self,
        agent: Agent,
        connect: Callable[[Callable[[str], None]], AbstractContextManager[ZKHandler]],
        reload: Callable[[], NodeConfig],
        *,
        resync: float,
        metrics_file: Path | None = None,
    ) -> None:
        self._agent = agent
        self._connect = connect
        self._reload = reload
        self._resync = resync
        self._metrics_file = metrics_file
        self._metrics = Metrics(agent.node)
        self._notifier = Notifier()
        self._watcher: Watcher | None = None
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._again = threading.Event()
        """Set when everything has to be looked at, whatever was seen before."""
        self._failures = 0

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
        with self._signals():
            while not self._stopping.is_set():
                try:
                    with self._connect(self._hear) as handler:
                        self._failures = 0
                        self._serve(handler)
                except UnreachableError as error:
                    self._agent.journal.once("zookeeper", str(error))
                    self._rest(self._pause())
        self._notifier.stopping()
        self._agent.journal.say("stopped", "notice")

    def _serve(self, handler: ZKHandler) -> None:
        watcher = self._watcher = handler.watcher(settle=_SETTLE)
        self._again.set()
        full_at = 0.0
        while not self._stopping.is_set():
            if self._reloading.is_set():
                self._reload_config()
            full = self._again.is_set() or time.monotonic() >= full_at
            self._again.clear()
            if full:
                full_at = time.monotonic() + self._resync
            # What goes wrong is tried again, ever more rarely; what changes meanwhile is looked at at once.
            if self._look(handler, watcher, full=full):
                self._wait(watcher, self._pause())
            else:
                self._failures = 0
                self._wait(watcher, max(full_at - time.monotonic(), 0.0))

    def _hear(self, text: str) -> None:
        """Log what happened to the session. What happened meanwhile to the tree or the cards, nobody has told us."""
        self._agent.journal.say(text, "notice")
        self._again.set()
        if self._watcher:
            self._watcher.wake()

    def _look(self, handler: ZKHandler, watcher: Watcher, *, full: bool) -> bool:
        """Pass over the node once, and tell whether that should be tried again soon."""
        agent, journal = self._agent, self._agent.journal
        try:
            restless = agent.pass_over(handler, watcher, full=full)
        except SchemaError as error:
            journal.once("cluster", f"{error}; waiting for that")
            self._notifier.ready("Waiting for a schema version with SR-IOV")
            self._again.set()
            return False
        except PvcError as error:
            # Whatever it is, it is about the cluster as it is now, and not worth the life of a service.
            journal.once("cluster", str(error))
            self._again.set()
            return True
        journal.settle("cluster")
        journal.settle("zookeeper")
        metrics = self._metrics
        metrics.note(agent.reports.values())
        metrics.applied, metrics.drifted = agent.applied, agent.drifted
        self._write_metrics()
        self._notifier.ready(f"{metrics.in_sync} of {metrics.vfs} VFs in sync, {metrics.refused} settings refused")
        return restless

    def _write_metrics(self) -> None:
        if self._metrics_file:
            try:
                self._metrics.write(self._metrics_file)
                self._agent.journal.settle("metrics")
            except OSError as error:
                self._agent.journal.once("metrics", f"{self._metrics_file} cannot be written: {error.strerror}")

    def _pause(self) -> float:
        """Return how long to wait before the next try, longer each time."""
        self._failures += 1
        return min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)

    def _wait(self, watcher: Watcher, timeout: float) -> None:
        """Wait for a change or a signal, telling the watchdog meanwhile that we live."""
        until = time.monotonic() + timeout
        changed = False
        while not changed and (left := until - time.monotonic()) > 0:
            self._notifier.alive()
            changed = watcher.wait(min(left, self._notifier.interval or left))

    def _rest(self, pause: float) -> None:
        """Wait where there is no session, and so nothing to watch."""
        until = time.monotonic() + pause
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            self._notifier.alive()
            self._stopping.wait(min(left, self._notifier.interval or left))

    def _reload_config(self) -> None:
        self._reloading.clear()
        self._notifier.reloading()
        journal = self._agent.journal
        try:
            self._agent.config = self._reload()
        except ConfigError as error:
            journal.say(f"{error}; going on with what was configured before", "warning")
        else:
            journal.say(f"{self._agent.config.path} is read again", "notice")
        self._again.set()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Take signals in a thread of their own: a handler may not set events that the main thread waits for."""
        wanted = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)

        def listen() -> None:
            while not self._stopping.is_set():
                (self._reloading if signal.sigwait(wanted) == signal.SIGHUP else self._stopping).set()
                if self._watcher:
                    self._watcher.wake()

        threading.Thread(target=listen, daemon=True).start()
        try:
            yield
        finally:
            # Told to stop twice is no reason to die of it on the way out.
            while signal.sigtimedwait(wanted, 0):
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
