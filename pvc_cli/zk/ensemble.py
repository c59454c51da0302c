"""Ask each ZooKeeper server of a cluster how it is, without a session: all at once, and none for long.

A server answers "four-letter words" on the port that clients use. Each of them may be disabled by
``4lw.commands.whitelist``: since 3.5, servers answer nothing but ``srvr`` by default.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from pvc_cli.errors import printable
from pvc_cli.zk.access import NO_ACCESS, Access
from pvc_cli.zk.connection import parse_hosts
from pvc_cli.zk.server_words import ServerReport, of_srvr, with_mntr
from pvc_cli.zk.wire import tls_context

Connect = Callable[[tuple[str, int], float], socket.socket]
"""Connects to an address within so many seconds."""

_PATIENCE = 2.0
_MOST = 1 << 20


class EnsembleReport(NamedTuple):
    """How the servers of a cluster are, in the configured order."""

    servers: tuple[ServerReport, ...]

    @property
    def voters(self) -> int:
        """How many servers vote: those that are configured, or more if the servers themselves say so."""
        return max(len(self._asked), *(server.quorum_size or 0 for server in self.servers))

    @property
    def others(self) -> int:
        """How many servers vote that are not configured here, and so were not asked."""
        return self.voters - len(self._asked)

    @property
    def needed(self) -> int:
        """How many servers must run, so that the cluster does."""
        return 1 if self.standalone else self.voters // 2 + 1

    @property
    def answering(self) -> int:
        """How many of the voters that were asked answer."""
        return sum(server.answers for server in self._asked)

    @property
    def serves(self) -> bool:
        """Whether a server serves, or may do so."""
        return any(server.state in ("serves", "unknown") for server in self.servers)

    @property
    def has_quorum(self) -> bool:
        """Whether enough servers answer; those that were not asked are taken for running where one serves."""
        return self.answering + (self.others if self.serves else 0) >= self.needed

    @property
    def standalone(self) -> tuple[ServerReport, ...]:
        """The servers that stand alone, and know of no others."""
        return tuple(server for server in self.servers if server.role == "standalone")

    @property
    def healthy(self) -> bool:
        """Whether every server that was asked does what it should, as far as it tells."""
        return all(server.state in ("serves", "unknown") for server in self.servers) and (
            not self.standalone or len(self.servers) == 1
        )

    def behind(self, server: ServerReport) -> int | None:
        """Return how many transactions a follower lacked of the leader's, when both were asked; None is unknown.

        They are asked at the same time, and not at the same moment: on a busy cluster a few are normal.
        """
        leader = next((other for other in self.servers if other.role == "leader"), None)
        if leader is None or server.role not in ("follower", "observer"):
            return None
        ours, theirs = _counted(server.zxid), _counted(leader.zxid)
        # The upper half of the number counts leaders: the lower half starts again with each.
        if ours is None or theirs is None or ours >> 32 != theirs >> 32:
            return None
        return max(theirs - ours, 0)

    def in_step(self, server: ServerReport) -> str:
        """Return in words whether a follower has all that the leader has, or how many followers of a leader have."""
        if server.role == "leader":
            have, of = ("?" if count is None else count for count in (server.followers_in_step, server.followers))
            return f"{have} of {of}"
        if server.role == "standalone":
            return ""
        behind = self.behind(server)
        return "?" if behind is None else f"{behind} behind" if behind else "yes"

    @property
    def summary(self) -> str:
        """One clause: how many servers answer, and how many may still fail."""
        asked, answering = len(self._asked), self.answering
        verb = "answers" if answering == 1 else "answer"
        count = f"1 server {verb}" if asked == answering == 1 else f"{answering} of {asked} servers {verb}"
        if not self.has_quorum:
            return f"{count}, {self.needed} {'is' if self.needed == 1 else 'are'} needed"
        if not self.serves:
            return f"{count}, but {'serves' if answering == 1 else 'serve'} nobody: there is no leader"
        if self.others:
            return f"{count}; {self.others} more vote, and were not asked"
        if answering == self.needed:
            return f"{count}; {'without it' if answering == 1 else 'one more failure and'} the cluster stops"
        return f"{count}; {answering - self.needed} may fail"

    @property
    def _asked(self) -> list[ServerReport]:
        """The voters among the servers that were asked."""
        return [server for server in self.servers if server.role != "observer"]


def _counted(zxid: str | None) -> int | None:
    try:
        return int(zxid or "", 16)
    except ValueError:
        return None


def ask_servers(
    hosts: str,
    access: Access = NO_ACCESS,
    *,
    patience: float = _PATIENCE,
    timeout: float | None = None,
    connect: Connect | None = None,
) -> Callable[[], EnsembleReport]:
    """Ask every server in ``HOST[:PORT],…[/chroot]`` how it is; return what waits for their answers.

    :param patience: how long, in seconds from now, answers are waited for; they may come later if nobody waits yet,
        so that over a slow connection, which takes its time for other things too, no server seems to be down.
    :param timeout: how long a server may take at most; by default, *patience*.
    :param connect: opens a connection to a server; by default through TCP, or TLS if *access* has it.
    :raises ConfigError: if *hosts*, or a file for TLS, is invalid.
    """
    addresses = list(dict.fromkeys(parse_hosts(hosts)))
    opened = connect or _connector(access)
    begun = time.monotonic()
    until = begun + (patience if timeout is None else max(timeout, patience))
    found: dict[tuple[str, int], ServerReport] = {}

    def ask(address: tuple[str, int]) -> None:
        found[address] = _ask(address, opened, until)

    # Looking up a name cannot be interrupted: a thread that still waits for one in the end is left to itself.
    threads = [threading.Thread(target=ask, args=(address,), daemon=True) for address in addresses]
    for thread in threads:
        thread.start()

    def wait() -> EnsembleReport:
        for thread in threads:
            thread.join(max(begun + patience - time.monotonic(), 0) + 0.05)
        late = f"no answer within {time.monotonic() - begun:.1f} s"
        reports = dict(found)
        return EnsembleReport(
            tuple(reports.get(address) or ServerReport(*address, "down", late) for address in addresses)
        )

    return wait


def why_silent(hosts: str, access: Access, timeout: float) -> str:
    """Return what is wrong with servers that open no session, and what to do; nothing if enough serve."""
    found = ask_servers(hosts, access, patience=timeout)()
    if not found.has_quorum:
        down = ", ".join(server.name for server in found.servers if not server.answers)
        return f"{found.summary}; start ZooKeeper on {printable(down)}"
    return "" if found.serves else f"{found.summary}; see the servers' logs"


def _connector(access: Access) -> Connect:
    if access.tls is None:
        return socket.create_connection
    context = tls_context(access.tls)

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        plain = socket.create_connection(address, timeout)
        try:
            return context.wrap_socket(plain, server_hostname=address[0])
        except BaseException:
            plain.close()
            raise

    return connect


def _ask(address: tuple[str, int], connect: Connect, until: float) -> ServerReport:
    begun = time.monotonic()
    try:
        text = _word(b"srvr", address, connect, until)
    except (OSError, ValueError) as error:  # a name that cannot be looked up may be a ValueError
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ServerReport(*address, "down", printable(reason))
    report = of_srvr(address, text)._replace(answer_ms=round((time.monotonic() - begun) * 1000, 1))
    if report.state == "waits":
        return report
    try:
        return with_mntr(report, _word(b"mntr", address, connect, until))
    except (OSError, ValueError):
        return report


def _word(word: bytes, address: tuple[str, int], connect: Connect, until: float) -> str:
    """Return what a server answers to *word*; it closes the connection then."""
    with connect(address, max(until - time.monotonic(), 0.01)) as connection:
        connection.sendall(word)
        data = b""
        while len(data) < _MOST:
            connection.settimeout(max(until - time.monotonic(), 0.01))
            part = connection.recv(65536)
            if not part:
                break
            data += part
    return data.decode("utf-8", "replace")
