"""One ZooKeeper session. kazoo owns it: it suspends, resumes and reconnects by itself.

Nothing here rebuilds a client or a session. This module starts one, waits with a deadline, reports its events, and
turns kazoo's many ways of not answering into one error.
"""

import contextlib
import logging
import re
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import (
    EXCEPTIONS,
    AuthFailedError,
    ConnectionClosedError,
    ConnectionLoss,
    KazooException,
    OperationTimeoutError,
    SessionExpiredError,
    SessionMovedError,
    ZookeeperError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.hosts import collect_hosts
from kazoo.protocol.connection import PURESASL_AVAILABLE
from kazoo.protocol.states import KazooState, KeeperState
from kazoo.retry import KazooRetry
from kazoo.security import CREATOR_ALL_ACL, make_acl

from pvc_cli.errors import (
    AccessDeniedError,
    ConfigError,
    ProtocolError,
    PvcError,
    RefusedError,
    UnreachableError,
    printable,
    quoted,
)
from pvc_cli.zk.access import NO_ACCESS, Access
from pvc_cli.zk.lookup import NameLookup
from pvc_cli.zk.names import check_item
from pvc_cli.zk.wire import WireHandler

# kazoo's recipes log to module loggers; an application that wants to see that adds its own handler.
logging.getLogger("kazoo").addHandler(logging.NullHandler())

LOST_ERRORS = (ConnectionLoss, SessionExpiredError, SessionMovedError, OperationTimeoutError)
"""What kazoo raises for a request whose outcome it does not know."""

OnEvent = Callable[[str], None]
_GLANCE = 0.05
_ASK = 1.0
_LEAST_SPEED = 100_000
"""Bytes a second with which a reply has to arrive; a server that sends it byte by byte is not waited for."""
_REASONS = {
    -124: "it serves authenticated clients only; give the connection a user and a password",
    -125: "the quota of this part of the tree is exceeded; raise it with setquota, or delete something",
    -127: "it has too much to do; retry later",
}
"""What servers refuse with, by ZooKeeper's numbers."""
# Older kazoos do not know these, and lose the number in a RuntimeError.
for _number in _REASONS:
    if _number not in EXCEPTIONS:
        EXCEPTIONS[_number] = type("RefusedByServerError", (ZookeeperError,), {"code": _number})
_PERMISSIONS = ("read", "write", "create", "delete", "admin")


def parse_hosts(hosts: str) -> list[tuple[str, int]]:
    """Return the names and ports of the servers in ``HOST[:PORT],…[/CHROOT]``.

    :raises ConfigError: if it is not a list of servers, or the chroot is not a path.
    """
    try:
        if not hosts.isprintable():
            raise ValueError("it has control characters")
        found, chroot = collect_hosts(hosts)
        addresses: list[tuple[str, int]] = list(found)
        for host, _ in addresses:
            if not re.fullmatch(r"[^\s/@,]+", host) or host == "-":
                raise ValueError(f"{host} is not a host name")
        # kazoo would take // for the root, and stumbles over /.. later.
        for name in (chroot or "/").removesuffix("/").split("/")[1:]:
            check_item(name)
    except ValueError as error:
        raise ConfigError(
            f"invalid ZooKeeper servers {quoted(hosts)} ({error}): expected HOST[:PORT],…[/chroot]"
        ) from None
    return addresses


class Connection:
    """A session with the ZooKeeper servers of one cluster.

    :param hosts: ``HOST[:PORT],…[/chroot]``.
    :param timeout: how long, in seconds, a server may take to answer before it is given up.
    :param refused_timeout: how long, in seconds, all servers may refuse the first connection; by default, *timeout*.
    :param session_timeout: how long, in seconds, the servers keep the session of a client that went silent.
    :param on_event: is told, in one sentence each, what happens to the session. It runs on kazoo's thread.
    :param access: how to authenticate.
    :raises ConfigError: if *hosts* or *access* is invalid.
    """

    def __init__(
        self,
        hosts: str,
        *,
        timeout: float,
        session_timeout: float,
        refused_timeout: float | None = None,
        on_event: OnEvent | None = None,
        access: Access = NO_ACCESS,
    ) -> None:
        addresses = parse_hosts(hosts)
        self._addresses, self._access = addresses, access
        self.hosts = hosts
        self.timeout = timeout
        self._refused_timeout = float("inf") if refused_timeout is None else refused_timeout
        self._on_event = on_event
        self._asked_in = bool(access.user)
        self._refused: Exception | None = None
        self._connected_before = False
        self.lost_since: float | None = None
        """When the connection was lost, in seconds since 1970; None while there is one."""
        self._last_words: deque[str] = deque(maxlen=1)
        self._wire = WireHandler(addresses, min(timeout, session_timeout), access.tls, self._die)
        self.client: Any = KazooClient(
            hosts=hosts,
            timeout=session_timeout,
            logger=self._listening_logger(),
            # kazoo's own delay grows to an hour; someone who waits wants to notice a server that is back.
            connection_retry=KazooRetry(max_tries=-1, delay=0.05, backoff=2, max_delay=1.0),
            command_retry=KazooRetry(max_tries=3, delay=0.05, backoff=2, max_delay=1.0),
            handler=self._wire,
            **_credentials(access.checked()),
        )
        self.client.add_listener(self._listen)

    def start(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Open the session.

        :param meanwhile: is called while the servers are waited for.
        :raises UnreachableError: if no server accepted it in time.
        :raises AccessDeniedError: if the servers reject the credentials.
        :raises ConfigError: if the chroot does not exist.
        """
        until = time.monotonic() + self.timeout
        self._live = self.client.start_async()
        meanwhile()
        # Servers answer within milliseconds: those that did not open a session by half the time are asked why.
        if not self._await_first(time.monotonic() + self.timeout / 2):
            servers = self._why_silent(until - time.monotonic())
            if not self._live.wait(max(until - time.monotonic(), 0)):
                error = self.unreachable(servers)
                self._abandon()
                raise error
        if self.client.chroot or self._asked_in:
            try:
                self._look_around(until)
            except BaseException:
                self.stop()
                raise

    def _await_first(self, until: float) -> bool:
        """Wait for the first session; return whether it is open.

        :raises UnreachableError: at once, if the names of all servers are unknown, and soon, if all servers refuse.
        """
        if self._live.wait(min(_GLANCE, max(until - time.monotonic(), 0))):
            return True
        lookup = NameLookup(self._addresses)
        while not self._live.wait(min(_GLANCE, max(until - time.monotonic(), 0))):
            if reason := lookup.failure:
                self._abandon()
                raise UnreachableError(
                    f"cannot resolve {printable(self.hosts)} ({reason}): check the names, or use others with"
                    " --coordinators"
                )
            if self._refused_timeout < self._wire.all_refused_for():
                self._abandon()
                raise UnreachableError(
                    f"ZooKeeper at {printable(self.hosts)} refuses connections: check that it runs, and its port; or"
                    " wait for it with --timeout 60"
                )
            if time.monotonic() >= until:
                return False
        return True

    def _why_silent(self, timeout: float) -> str:
        """Return what is wrong with several servers, and what to do; nothing of one server, or if enough serve."""
        # Imported here: it needs this module, and hardly any command needs it.
        from pvc_cli.zk.ensemble import why_silent

        several = len(self._addresses) > 1
        return why_silent(self.hosts, self._access, min(_ASK, max(timeout, 0))) if several else ""

    def _look_around(self, until: float) -> None:
        """Check the chroot and the credentials: a session alone shows neither."""
        while True:
            try:
                if self.deadline()(self.client.exists_async("/")) is None:
                    raise ConfigError(
                        f"chroot {self.client.chroot} does not exist on {self.hosts}: check the spelling"
                    )
            except LOST_ERRORS:
                self.await_session(until)
            else:
                return

    @property
    def reconnects(self) -> bool:
        """Whether kazoo tries again to connect: it does, until the session has ended for good."""
        return self.client.client_state not in (KeeperState.AUTH_FAILED, KeeperState.CLOSED)

    def stop(self) -> None:
        """Close the session at once, without waiting for its timeout."""
        self.client.remove_listener(self._listen)
        self._abandon()
        if self._connected_before and self._on_event:
            self._on_event(f"Disconnected from ZooKeeper at {printable(self.hosts)}.")

    def _abandon(self) -> None:
        """End kazoo's threads; one that waits for a server, in connect() or for a reply, is not waited for long."""
        ending = threading.Thread(target=self._end, daemon=True)
        ending.start()
        ending.join(_GLANCE)
        if ending.is_alive():
            self._wire.cut()

    def _end(self) -> None:
        with contextlib.suppress(KazooException):
            self.client.stop()
        self.client.close()

    def await_session(self, until: float) -> None:
        """Wait for kazoo to be connected again.

        :param until: when to give up, on the monotonic clock.
        :raises UnreachableError: if it is not connected by then.
        :raises AccessDeniedError: if the servers reject the credentials.
        """
        while not self._live.wait(min(max(until - time.monotonic(), 0), _GLANCE)):
            if self._refused:
                raise self._denied(self._refused)
            if time.monotonic() >= until:
                raise self._silent()

    def deadline(self) -> Callable[[Any], Any]:
        """Return a function that waits for kazoo's asynchronous results, all of them until one deadline from now.

        As long as a reply arrives with some speed, as a large one does over a slow link, the deadline moves on.

        :raises UnreachableError: from that function, if there is no answer in time or the session is closed.
        """
        until = time.monotonic() + self.timeout
        received = self._wire.received

        def wait(result: Any) -> Any:  # noqa: ANN401 - kazoo is untyped
            nonlocal until, received
            try:
                while True:
                    try:
                        return result.get(timeout=max(until - time.monotonic(), 0.001))
                    except KazooTimeoutError:
                        if self._wire.received - received < _LEAST_SPEED * self.timeout:
                            raise self._silent() from None
                        until, received = time.monotonic() + self.timeout, self._wire.received
            except ConnectionClosedError:
                raise self.unreachable() from None
            except AuthFailedError as error:
                raise self._denied(error) from None
            except (RuntimeError, ValueError, TypeError, struct.error) as error:
                raise failure(error) from None
            except KazooException as error:
                raise (failure(error) if getattr(error, "code", 0) in _REASONS else error) from None

        return wait

    def absolute(self, path: str) -> str:
        """Return the path that the servers know *path* by, as kazoo makes it for its own requests."""
        chroot = str(self.client.chroot)
        return chroot or path if path == "/" else chroot + path

    def unreachable(self, servers: str = "") -> UnreachableError:
        """Return the error for servers that do not answer, with the last reason that kazoo gave.

        :param servers: what is known about the servers: how many answer, and what to do.
        """
        reason = f" ({printable(self._last_words[0])})" if self._last_words else ""
        advice = "check that it runs, or use another with --coordinators"
        if re.search("broken|reset by peer", reason, re.IGNORECASE):
            advice = "it closes connections at once: check that it runs, and maxClientCnxns in its configuration"
        if servers:
            reason, advice = "", servers
        return UnreachableError(
            f"ZooKeeper at {printable(self.hosts)} did not answer within {self.timeout:g} s{reason}: {advice}"
        )

    def _silent(self) -> UnreachableError:
        """Return the error for servers that were not heard from in time; if none serves us, they are asked why."""
        return self.unreachable(self._why_silent(_ASK) if self.lost_since else "")

    def _denied(self, error: Exception) -> AccessDeniedError:
        return AccessDeniedError(
            f"ZooKeeper at {printable(self.hosts)} rejected the credentials ({type(error).__name__}):"
            " check the connection's user and password"
        )

    def _listen(self, state: str) -> None:
        """Report an event of the session; kazoo handles it."""
        if state == KazooState.CONNECTED:
            self.lost_since = None
            message = "Reconnected to" if self._connected_before else "Connected to"
            self._connected_before = True
        else:
            self.lost_since = self.lost_since or time.time()
            message = "Lost the session with" if state == KazooState.LOST else "Lost the connection to"
        if self._on_event:
            self._on_event(f"{message} ZooKeeper at {printable(self.hosts)}.")

    def _die(self, error: Exception) -> None:
        """Wake up all who wait for a connection whose thread died."""
        self._last_words.append(f"{type(error).__name__}: {error}".rstrip(": "))
        if isinstance(error, KazooException):
            self._refused = error
        self.client._session_callback(KeeperState.AUTH_FAILED if self._refused else KeeperState.CLOSED)

    def _listening_logger(self) -> logging.Logger:
        """Return a logger that keeps the last warning: kazoo tells only there why it cannot connect."""
        logger = logging.Logger("pvc_cli.zk", logging.WARNING)
        keep = logging.Handler()
        keep.emit = lambda record: self._last_words.append(record.getMessage())  # type: ignore[method-assign]
        logger.addHandler(keep)
        return logger


def failure(error: Exception) -> PvcError:
    """Return the error for what a server refuses with, or sends instead of a reply."""
    if why := _REASONS.get(getattr(error, "code", 0)):
        return RefusedError(f"ZooKeeper refused: {why}")
    return ProtocolError(f"a ZooKeeper server sent an invalid reply ({type(error).__name__}: {error}): retry")


def _credentials(access: Access) -> dict[str, Any]:
    """Return kazoo's options for credentials and ACL."""
    options: dict[str, Any] = {}
    if access.user and access.scheme == "digest":
        options["auth_data"] = [("digest", f"{access.user}:{access.password}")]
    elif access.user:
        if not PURESASL_AVAILABLE:
            raise ConfigError("SASL needs pure-sasl: install python3-pure-sasl, or pvc with its extra 'sasl'")
        options["sasl_options"] = {"mechanism": "DIGEST-MD5", "username": access.user, "password": access.password}
    if access.acl == "creator":
        options["default_acl"] = CREATOR_ALL_ACL
    elif entries := access.entries():
        options["default_acl"] = [
            make_acl(scheme, identity, **{name: name[0] in permissions for name in _PERMISSIONS})
            for scheme, identity, permissions in entries
        ]
    return options
