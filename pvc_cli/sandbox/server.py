"""Start and stop real ZooKeeper servers on loopback, one or an ensemble of three."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from pvc_cli.errors import ConfigError, UnreachableError

_LOOPBACK = "127.0.0.1"
_DEBIAN_JARS = Path("/usr/share/java")
_SERVER_CLASS = "org.apache.zookeeper.server.ZooKeeperServerMain"
_MEMBER_CLASS = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
# A sandbox is small and short-lived: start fast, stay small.
_JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto")
_START_TIMEOUT = 30.0
_CLOSE_SESSION = struct.pack(">iii", 8, 1, -11)


def class_path() -> str:
    """Return the Java class path of a ZooKeeper server: ``ZOOKEEPER_HOME``'s, or else Debian's.

    :raises ConfigError: if there is no ZooKeeper, or no Java.
    """
    if shutil.which("java") is None:
        raise ConfigError("there is no Java runtime: apt-get install default-jre-headless")
    if home := os.environ.get("ZOOKEEPER_HOME"):
        if not list(Path(home, "lib").glob("zookeeper-[0-9]*.jar")):
            raise ConfigError(f"ZOOKEEPER_HOME={home} holds no lib/zookeeper-*.jar: name an Apache distribution")
        return f"{home}/lib/*"
    jar = _DEBIAN_JARS / "zookeeper.jar"
    if not jar.exists():
        raise ConfigError(
            "there is no ZooKeeper server: apt-get install zookeeper, or name Apache's in ZOOKEEPER_HOME"
        )
    # The last two are for TLS; the package's own class path forgets them.
    return ":".join(
        str(_DEBIAN_JARS / name) for name in (jar.name, "slf4j-nop.jar", "netty-codec.jar", "netty-resolver.jar")
    )


def free_ports(count: int) -> list[int]:
    """Return free loopback ports."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind((_LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in sockets]


def accepts_sessions(port: int, timeout: float = 0.5) -> bool:
    """Tell whether the server at *port* opens a session now; it is closed again at once.

    That is more than a listening socket, and, in an ensemble, means that there is a quorum. A connection made
    while the server loads its data may hang for ever, hence the short timeout on a fresh socket.
    """
    handshake = struct.pack(">iqiqi16s?", 0, 0, 4000, 0, 16, bytes(16), False)
    try:
        with socket.create_connection((_LOOPBACK, port), timeout) as connection:
            connection.sendall(struct.pack(">i", len(handshake)) + handshake)
            answered = len(connection.recv(4)) == 4
            connection.sendall(_CLOSE_SESSION)
            return answered
    except OSError:
        return False


@dataclass(slots=True)
class Server:
    """One ZooKeeper server process, with its data in *folder*."""

    folder: Path
    port: int
    members: tuple[str, ...] = ()
    """The ``server.N=…`` lines of its ensemble; none for a server that stands alone."""
    number: int = 1
    heap: str = "512m"
    settings: dict[str, str] = field(default_factory=dict)
    """More of ZooKeeper's own settings, for its configuration file; an empty one is left out."""
    properties: dict[str, str] = field(default_factory=dict)
    """Java system properties, such as jute.maxbuffer."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def hosts(self) -> str:
        """What a client of this server alone connects to."""
        return f"{_LOOPBACK}:{self.port}"

    def launch(self) -> None:
        """Start the process; :meth:`wait` tells when it serves."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        (data / "myid").write_text(f"{self.number}\n")
        settings = {
            "dataDir": str(data),
            "clientPort": str(self.port),
            "clientPortAddress": _LOOPBACK,
            "tickTime": "2000",
            "initLimit": "10",
            "syncLimit": "5",
            "maxClientCnxns": "0",
            "admin.enableServer": "false",
            "4lw.commands.whitelist": "*",
            "forceSync": "no",
            "snapshot.trust.empty": "true",
            **self.settings,
        }
        lines = [f"{name}={value}" for name, value in settings.items() if value]
        configuration = self.folder / "zoo.cfg"
        configuration.write_text("\n".join((*lines, *self.members)) + "\n")
        main_class = _MEMBER_CLASS if self.members else _SERVER_CLASS
        options = [f"-Xmx{self.heap}", *(f"-D{name}={value}" for name, value in self.properties.items()), *_JVM_FLAGS]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the command is this module's own
                ["java", *options, "-cp", class_path(), main_class, str(configuration)],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the server accepts sessions.

        :raises UnreachableError: if its process ends, or it does not serve in time.
        """
        until = time.monotonic() + _START_TIMEOUT
        while not accepts_sessions(self.port):
            died = self.process is not None and self.process.poll() is not None
            if died or time.monotonic() > until:
                what = "ended" if died else f"accepts no session after {_START_TIMEOUT:g} s"
                raise UnreachableError(f"the ZooKeeper server {what}: see {self.folder / 'server.log'}")
            time.sleep(0.01)

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self.launch()
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, and wait for its end if the signal is one that ends it."""
        if self.process is None:
            return
        self.process.send_signal(number)
        if number in (signal.SIGTERM, signal.SIGKILL):
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End the process, if it runs; its data stays."""
        self.signal(signal.SIGKILL)


class Ensemble:
    """One server, or three that form a quorum, in *folder*."""

    def __init__(self, folder: Path, servers: int = 1, *, heap: str = "512m") -> None:
        ports = free_ports(3 * servers)
        members = tuple(
            f"server.{n + 1}={_LOOPBACK}:{ports[servers + 2 * n]}:{ports[servers + 2 * n + 1]}"
            for n in range(servers)
        )
        self.servers = [
            Server(folder / f"server{n + 1}", ports[n], members if servers > 1 else (), n + 1, heap)
            for n in range(servers)
        ]

    @property
    def hosts(self) -> str:
        """What a client connects to: ``HOST:PORT,…``."""
        return ",".join(server.hosts for server in self.servers)

    def start(self) -> None:
        """Start all servers and wait until each accepts sessions; on failure none is left running."""
        try:
            for server in self.servers:
                server.launch()
            for server in self.servers:
                server.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all servers."""
        for server in self.servers:
            server.stop()

    def __enter__(self) -> Ensemble:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
