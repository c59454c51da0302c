"""Threads and sockets for kazoo.

A kazoo thread that dies prints a traceback and leaves its callers waiting; kazoo's own TLS accepts a certificate
for any host name, and misses replies that arrive together with others.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.handlers.utils import create_tcp_connection

from pvc_cli.errors import ConfigError
from pvc_cli.zk.access import Tls


class _Counted:
    """What counts how much a socket received, in whatever class of sockets."""

    received = 0

    def recv(self, *arguments: Any) -> bytes:  # noqa: ANN401 - as the socket has it
        """Receive, and count."""
        data: bytes = super().recv(*arguments)  # type: ignore[misc]
        self.received += len(data)
        return data


class _Socket(_Counted, socket.socket):
    """A socket that counts."""


class _TlsSocket(_Counted, ssl.SSLSocket):
    """A TLS socket that counts."""


class WireHandler(SequentialThreadingHandler):  # type: ignore[misc]
    """kazoo's handler.

    :param hosts: the servers by name and port, as they are configured.
    :param patience: how long, in seconds, all servers together may take to accept a connection and to answer it. One
        that is down may swallow packets, and one that is just starting accepts connections that it will never answer.
    :param tls: how to wrap connections in TLS, if they are to be.
    :param on_death: is told, on a thread of kazoo's, of what that thread dies of.
    :raises ConfigError: if a certificate or a key cannot be used.
    """

    def __init__(
        self,
        hosts: Sequence[tuple[str, int]],
        patience: float,
        tls: Tls | None,
        on_death: Callable[[Exception], None],
    ) -> None:
        super().__init__()
        self._connecting = max(patience / len(hosts), 0.2)
        self._handshake = max(patience / 3, 0.2)
        self._unanswered: socket.socket | None = None
        self._socket: socket.socket | None = None
        self._hosts = hosts
        self._tls = tls_context(tls) if tls else None
        self._on_death = on_death
        self._refusals: dict[tuple[str, int], float] = {}
        """When which address first refused a connection, of those that did so ever since."""
        self._last_refusal = 0.0

    def spawn(self, func: Callable[..., object], *args: Any, **kwargs: Any) -> threading.Thread:  # noqa: ANN401
        """Run *func* in a thread of its own."""

        def guarded() -> None:
            try:
                func(*args, **kwargs)
            except Exception as error:
                self._on_death(error)

        thread = threading.Thread(target=guarded, name=f"kazoo {getattr(func, '__name__', '')}", daemon=True)
        thread.start()
        return thread

    def create_connection(self, *, address: tuple[str, int], timeout: float, **more: Any) -> socket.socket:  # noqa: ANN401
        """Connect to a server, as kazoo asks for it."""
        timeout = min(timeout, self._connecting)
        found = self._reach(address, timeout)
        plain = _Socket(found.family, found.type, found.proto, fileno=found.detach())
        plain.settimeout(timeout)
        self._unanswered = self._socket = plain
        if self._tls is None:
            return plain
        # Newer kazoos say what name they looked up; 2.8 only says what address it found.
        name = more.get("hostname") or self._name_of(*address[:2])
        try:
            self._unanswered = self._socket = self._tls.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise
        return self._unanswered

    def _reach(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """Connect to *address*, and note whether it refuses."""
        try:
            found: socket.socket = create_tcp_connection(socket, address, timeout=timeout)
        except ConnectionRefusedError:
            self._last_refusal = time.monotonic()
            self._refusals.setdefault(address[:2], self._last_refusal)
            raise
        except BaseException:
            self._refusals.clear()
            raise
        self._refusals.clear()
        return found

    def all_refused_for(self) -> float:
        """Return for how many seconds every server has refused each connection; 0 if one has not.

        That is from the first refusal to the last, so that whoever gives up has just tried. A server of two addresses
        does not stand for one that is still waited for: between its refusals in one round, no time passes.
        """
        refusals = list(self._refusals.values())
        return self._last_refusal - min(refusals) if len(refusals) >= len(self._hosts) else 0.0

    @property
    def received(self) -> int:
        """How many bytes the present connection received; fewer than before on a new one."""
        return getattr(self._socket, "received", 0)

    def cut(self) -> None:
        """Cut the connection, so that a thread that waits for a reply does not."""
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _name_of(self, ip: str, port: int) -> str:
        """Return the configured name of the server at an address."""
        for name, known_port in self._hosts:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            if known_port == port and ip in {address[4][0] for address in found}:
                return name
        return ip

    def select(
        self, readers: Sequence[Any], writers: Sequence[Any], others: Sequence[Any], timeout: float | None = None
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """Wait for a socket, but not if data is already decrypted in its buffer."""
        waiting = [reader for reader in readers if isinstance(reader, ssl.SSLSocket) and reader.pending()]
        if waiting:
            readers, timeout = [reader for reader in readers if reader not in waiting], 0
        elif self._unanswered in readers:
            timeout = self._handshake if timeout is None else min(timeout, self._handshake)
        found: tuple[list[Any], list[Any], list[Any]] = super().select(readers, writers, others, timeout)
        if self._unanswered in (*waiting, *found[0]):
            self._unanswered = None
        return [*waiting, *found[0]], found[1], found[2]


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the TLS context of connections.

    :raises ConfigError: if a certificate or a key cannot be used.
    """
    files = [path for path in (tls.ca, tls.certificate, tls.key) if path]
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        context.check_hostname = tls.check_hostname
        context.sslsocket_class = _TlsSocket
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except FileNotFoundError:
        missing = next((path for path in files if not path.exists()), "such file")
        raise ConfigError(f"{missing} does not exist: check the connection's TLS settings") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{', '.join(map(str, files))} cannot be used for TLS: {error}") from None
    return context


def _no_password() -> str:
    # Without this, OpenSSL would ask on the terminal, and a script would stand still.
    raise ValueError("the key has a passphrase: use one without")
