"""One ZooKeeper session. kazoo owns it: it suspends, resumes and reconnects by itself; here it is only watched.

Nothing in this module rebuilds a client or a session. It starts one, waits with a deadline, says what happens
to it, and translates kazoo's many ways of not answering into one error.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import (
    AuthFailedError,
    ConnectionClosedError,
    ConnectionLoss,
    NoAuthError,
    OperationTimeoutError,
    SessionExpiredError,
    SessionMovedError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.hosts import collect_hosts
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry

from pvc_cli.errors import AccessDeniedError, ConfigError, UnreachableError, printable, quoted

# kazoo's recipes log to module loggers; an application that wants to see that adds its own handler.
logging.getLogger("kazoo").addHandler(logging.NullHandler())

LOST_ERRORS = (ConnectionLoss, SessionExpiredError, SessionMovedError, OperationTimeoutError)
"""What kazoo raises for a request whose fate it does not know."""

Report = Callable[[str], None]


class Connection:
    """A session with the ZooKeeper servers of one cluster.

    :param hosts: ``HOST[:PORT],…[/chroot]``.
    :param timeout: how long, in seconds, a server may take to answer before it is given up.
    :param session_timeout: how long, in seconds, the servers keep the session of a client that went silent.
        It also bounds how long kazoo tries one server that swallows packets, so several hosts share it.
    :param report: is told, in one sentence each, what happens to the session. It runs on kazoo's thread.
    :raises ConfigError: if *hosts* makes no sense.
    """

    def __init__(self, hosts: str, *, timeout: float, session_timeout: float, report: Report | None = None) -> None:
        try:
            addresses, _ = collect_hosts(hosts)
        except ValueError as error:
            raise ConfigError(
                f"{quoted(hosts)} names no ZooKeeper servers ({error}): give HOST[:PORT],…[/chroot]"
            ) from None
        self.hosts = hosts
        self.timeout = timeout
        self._report = report
        self._connected_before = False
        self._last_words: deque[str] = deque(maxlen=1)
        self.client: Any = KazooClient(
            hosts=hosts,
            timeout=max(session_timeout / len(addresses), 1.0),
            logger=self._listening_logger(),
            # kazoo's own pace grows to an hour; a person who waits wants the server seen when it is back.
            connection_retry=KazooRetry(max_tries=-1, delay=0.05, backoff=2, max_delay=1.0),
            command_retry=KazooRetry(max_tries=3, delay=0.05, backoff=2, max_delay=1.0),
        )
        self.client.add_listener(self._listen)

    def start(self) -> None:
        """Open the session.

        :raises UnreachableError: if no server accepted it in time.
        :raises ConfigError: if the chroot does not exist.
        """
        self._live = self.client.start_async()
        if not self._live.wait(self.timeout):
            # kazoo waits for its thread, which may hang in connect(): that is not for the caller to wait for.
            threading.Thread(target=self._abandon, daemon=True).start()
            raise self.unreachable()
        if self.client.chroot:
            with self.patience() as wait:
                if wait(self.client.exists_async("/")) is None:
                    self.stop()
                    raise ConfigError(f"there is no {self.client.chroot} on {self.hosts}: check the chroot")

    def stop(self) -> None:
        """Close the session, so that the servers forget it at once."""
        self.client.remove_listener(self._listen)
        self._abandon()
        if self._connected_before and self._report:
            self._report(f"Disconnected from ZooKeeper at {printable(self.hosts)}.")

    def _abandon(self) -> None:
        self.client.stop()
        self.client.close()

    def await_session(self, until: float) -> None:
        """Wait for kazoo to be connected again.

        :param until: when to give up, on the monotonic clock.
        :raises UnreachableError: if it is not connected by then.
        """
        if not self._live.wait(max(until - time.monotonic(), 0)):
            raise self.unreachable()

    @contextmanager
    def patience(self) -> Iterator[Callable[[Any], Any]]:
        """Give a function that waits for kazoo's asynchronous results until this block's one deadline.

        :raises UnreachableError: from that function, if there is no answer in time or the session is closed.
        """
        until = time.monotonic() + self.timeout

        def wait(result: Any) -> Any:  # noqa: ANN401 - kazoo is untyped
            try:
                return result.get(timeout=max(until - time.monotonic(), 0.001))
            except (KazooTimeoutError, ConnectionClosedError):
                raise self.unreachable() from None
            except (AuthFailedError, NoAuthError) as error:
                raise AccessDeniedError(
                    f"ZooKeeper at {printable(self.hosts)} refuses access ({type(error).__name__}): check credentials"
                ) from None

        yield wait

    def absolute(self, path: str) -> str:
        """Return the path that the servers know *path* by, as kazoo makes it for its own requests."""
        chroot = str(self.client.chroot)
        return chroot or path if path == "/" else chroot + path

    def unreachable(self) -> UnreachableError:
        """Return the error for servers that do not answer, with the last reason that kazoo gave."""
        reason = f" ({printable(self._last_words[0])})" if self._last_words else ""
        return UnreachableError(
            f"ZooKeeper at {printable(self.hosts)} did not answer within {self.timeout:g} s{reason}:"
            " check that it runs, or name another with --coordinators"
        )

    def _listen(self, state: str) -> None:
        """Say what happened to the session; kazoo deals with it."""
        if state == KazooState.CONNECTED:
            message = "Reconnected to" if self._connected_before else "Connected to"
            self._connected_before = True
        else:
            message = "Lost the session with" if state == KazooState.LOST else "Lost the connection to"
        if self._report:
            self._report(f"{message} ZooKeeper at {printable(self.hosts)}.")

    def _listening_logger(self) -> logging.Logger:
        """Return a logger that keeps the last warning: only there does kazoo say why it cannot connect."""
        logger = logging.Logger("pvc_cli.zk", logging.WARNING)
        keep = logging.Handler()
        keep.emit = lambda record: self._last_words.append(record.getMessage())  # type: ignore[method-assign]
        logger.addHandler(keep)
        return logger
