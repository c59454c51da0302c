"""The agent as a service: one loop, into which every event and every timer goes, until it is stopped.

The loop itself never waits for a server or a driver: sessions are opened, and rounds are done, in other threads. So
it answers signals, and systemd's watchdog, at any time.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from pvc_cli.agent.agent import Agent, Depth
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.notify import Notifier
from pvc_cli.agent.pace import Pace
from pvc_cli.agent.session import Connect, Sessions
from pvc_cli.agent.signals import Signals
from pvc_cli.agent.worker import Result, Worker
from pvc_cli.errors import ConfigError, PvcError
from pvc_cli.zk import ZKHandler

_SETTLE = 0.002
"""Seconds to wait after a change in the tree for others that come with it."""
_RETRY_SETTLE = 0.05
"""Seconds before a look at the cards that is due, at least."""
_RETRY_REFUSED = 300.0
"""Seconds after which drivers are asked again for what they refused."""
_START = 2.0
"""Seconds to wait for the cluster before the saved settings are applied."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_OTHERS = 5.0
"""Seconds to wait, at the end, for the other threads."""


class _Signal(Enum):
    WAKE = auto()
    TREE = auto()
    LINK = auto()
    SESSION = auto()


@dataclass(frozen=True, slots=True)
class _Opened:
    handler: ZKHandler


@dataclass(frozen=True, slots=True)
class _Failed:
    error: PvcError


@dataclass(frozen=True, slots=True)
class _Crashed:
    error: BaseException


@dataclass(frozen=True, slots=True)
class _Configured:
    cluster: object


_Event = _Signal | _Opened | _Failed | _Crashed | _Configured | Result


class Service:
    """Runs an agent.

    :param connect: opens a session with the cluster; is given what to tell about the session's state.
    :param reload: reads the node's configuration.
    :param cluster: tells which cluster is configured; where that is another after a reload, it is connected to.
    :param resync: seconds between rounds that look at everything, whether anything changed or not.
    :param metrics_file: where to write figures for Prometheus, if anywhere.
    """

    def __init__(
        self,
        agent: Agent,
        connect: Connect,
        reload: Callable[[], NodeConfig],
        cluster: Callable[[], object],
        *,
        resync: float,
        metrics_file: Path | None = None,
    ) -> None:
        self._agent = agent
        self._reload = reload
        self._cluster = cluster
        self._configured: object = None
        self._resync = resync
        self._notifier = Notifier()
        self._inbox: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        put = self._inbox.put
        agent.creations.patience = _FIRST_PAUSE
        agent.creations.on_end = lambda: put(_Signal.LINK)
        self._worker = Worker(
            agent,
            resync,
            metrics_file,
            on_change=lambda: put(_Signal.TREE),
            on_done=put,
            on_crash=lambda error: put(_Crashed(error)),
        )
        self._sessions = Sessions(
            connect,
            on_open=lambda handler: put(_Opened(handler)),
            on_event=self._on_session,
            on_error=lambda error: put(_Failed(error)),
            on_crash=lambda error: put(_Crashed(error)),
        )
        self._signals = Signals(lambda: put(_Signal.WAKE))
        self._config: NodeConfig | None = None
        """A configuration for the next round, if there is a new one."""
        self._known: object = None
        """By what the configuration's file that was read last is told from another."""
        self._begin_at = 0.0
        """Until then, on the monotonic clock, the cluster is given time to answer before anything is done."""
        self._busy_since: float | None = None
        self._failures = 0
        self._due: dict[Depth, float] = {}
        """When a round of each depth is to be done, on the monotonic clock."""
        self._retry_refused_at = 0.0
        self._pace = Pace()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
        with self._signals.taken():
            # Whoever starts after this service must not wait for a cluster that only they can bring up.
            self._notifier.ready("Connecting to ZooKeeper")
            with self._agent.kernel.listen(lambda: self._inbox.put(_Signal.LINK)):
                self._begin_at = time.monotonic() + _START
                self._want(Depth.ALL)
                self._worker.start()
                self._sessions.start()
                self._find_cluster()
                while not self._signals.stopping.is_set():
                    self._turn()
                self._notifier.stopping()
                self._worker.stop(_OTHERS)
                self._sessions.stop(_OTHERS)
        self._agent.journal.write("stopped", "notice")

    def _turn(self) -> None:
        """Wait for an event or a timer, and begin the round that is due, if none is being done."""
        now = time.monotonic()
        until = [now + self._notifier.interval] if self._notifier.interval else []
        until += self._due.values() if self._busy_since is None else []
        try:
            timeout = max(min(until) - now, 0.0) if until else None
            event: _Event | None = self._inbox.get(timeout=timeout)
        except queue.Empty:
            event = None
        if event is not None:
            self._handle(event)
        # Not until there are none: the kernel may tell things faster than they are read.
        for _ in range(self._inbox.qsize()):
            self._handle(self._inbox.get_nowait())
        if self._signals.reloading.is_set():
            self._reload_config()
        self._notifier.alive()
        now = time.monotonic()
        if self._busy_since is None and any(at <= now for at in self._due.values()):
            # Before every round: VFs of a number that no longer is configured would have to be destroyed again.
            self._follow_config()
        due = [depth for depth, at in self._due.items() if at <= now]
        if due and self._busy_since is None:
            depth = max(due)
            if depth >= Depth.TREE and now >= self._retry_refused_at:
                depth = Depth.ALL
            if depth == Depth.ALL:
                self._retry_refused_at = now + max(_RETRY_REFUSED, self._resync)
            # A deeper round does what a shallower one would have done.
            self._due = {other: at for other, at in self._due.items() if other > depth}
            if depth >= Depth.CARDS:
                self._pace.look()
            self._busy_since = now
            self._worker.ask(depth, self._config)
            self._config = None

    def _want(self, depth: Depth, delay: float = 0.0) -> None:
        """Have a round of this depth in *delay* seconds at the latest."""
        at = max(time.monotonic() + delay, self._begin_at)
        self._due[depth] = min(self._due.get(depth, at), at)

    def _handle(self, event: _Event) -> None:
        if isinstance(event, Result):
            self._note(event)
        elif isinstance(event, _Opened):
            self._worker.use(event.handler)
            self._failures, self._begin_at = 0, 0.0
            self._want(Depth.ALL)
        elif isinstance(event, _Failed):
            self._agent.journal.write_once("zookeeper", str(event.error))
        elif isinstance(event, _Crashed):
            raise event.error
        elif isinstance(event, _Configured):
            self._use_cluster(event.cluster)
        elif event is _Signal.TREE:
            self._want(Depth.CHANGES, _SETTLE)
        elif event is _Signal.LINK:
            self._want(Depth.CARDS, self._pace.delay())
        elif event is _Signal.SESSION:
            # Lost or back: changes of the tree may have been missed.
            self._want(Depth.ALL)

    def _note(self, result: Result) -> None:
        """Note what came of a round: when to do the next one."""
        self._busy_since = None
        self._notifier.ready(result.status)
        self._want(Depth.TREE, self._resync)
        if result.look_again_at is not None:
            self._want(Depth.CARDS, max(result.look_again_at - time.monotonic(), _RETRY_SETTLE))
        if result.needs_retry:
            # A failure is retried, ever more rarely.
            self._failures += 1
            pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
            self._want(Depth.ALL if result.full else Depth.CHANGES, pause)
        else:
            self._failures = 0

    def _on_session(self, text: str) -> None:
        """Log an event of the session."""
        self._agent.journal.write(text, "notice")
        self._inbox.put(_Signal.SESSION)

    def _reload_config(self) -> None:
        self._signals.reloading.clear()
        self._notifier.reloading()
        self._known = self._stamp()
        journal = self._agent.journal
        try:
            config = self._reload()
        except ConfigError as error:
            journal.write(f"{error}; keeping the previous configuration", "warning")
        else:
            self._config = config
            journal.write(f"reloaded {config.path}", "notice")
            journal.clear("file")
            self._find_cluster()
        self._notifier.ready("Reloaded")
        self._want(Depth.ALL)

    def _follow_config(self) -> None:
        """Follow new numbers of VFs in the configuration's file; all else waits for a reload.

        A file may be read while somebody writes it: half of it lacks cards, whose settings would be pruned.
        """
        stamp = self._stamp()
        # Without a file, it is just being replaced, or gone for good; then a reload says so.
        if stamp in (None, self._known):
            return
        self._known = stamp
        current, journal = self._config or self._agent.config, self._agent.journal
        try:
            config = self._reload()
        except ConfigError as error:
            journal.write(f"{error}; keeping the previous configuration", "warning")
            return
        if config == current:
            journal.clear("file")
        elif _without_counts(config) == _without_counts(current):
            self._config = config
            journal.write(f"{config.path} has another vfcount: following it", "notice")
            self._want(Depth.ALL)
        else:
            text = f"{config.path} has changed: run 'systemctl reload pvc-sriov-agent' to follow it"
            journal.write_once("file", text, "notice")

    def _stamp(self) -> object:
        """Return what tells the configuration's file from what it was before; None if there is no file."""
        try:
            status = self._agent.config.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _find_cluster(self) -> None:
        """Look in a thread which cluster is configured: its addresses may take long where there is no network yet."""

        def find() -> None:
            try:
                self._inbox.put(_Configured(self._cluster()))
            except ConfigError as error:
                self._inbox.put(_Crashed(error) if self._configured is None else _Failed(error))
            except Exception as error:
                self._inbox.put(_Crashed(error))

        threading.Thread(target=find, name="cluster", daemon=True).start()

    def _use_cluster(self, cluster: object) -> None:
        before, self._configured = self._configured, cluster
        if before not in (None, cluster):
            self._agent.journal.write("another cluster is configured: connecting to it", "notice")
            self._worker.use(None)
            self._sessions.reopen()


def _without_counts(config: NodeConfig) -> NodeConfig:
    return replace(config, devices=tuple(replace(device, vfcount=0) for device in config.devices))
