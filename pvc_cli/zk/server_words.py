"""How one ZooKeeper server is, as its "four-letter words" ``srvr`` and ``mntr`` tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pvc_cli.errors import printable

Role = Literal["leader", "follower", "observer", "standalone"]
_ROLES: Mapping[str, Role] = {
    "leader": "leader", "follower": "follower", "observer": "observer", "standalone": "standalone",
}  # fmt: skip
State = Literal["serves", "waits", "unknown", "down"]
"""``waits`` answers, but serves nobody, for lack of a quorum; ``unknown`` answers, and does not tell."""

_NOT_SERVING = "not currently serving"
_DISABLED = "not in the whitelist"


class ServerReport(NamedTuple):
    """How one server is; None is what it does not tell."""

    host: str
    port: int
    state: State
    reason: str = ""
    """Why it is down, or why its state is unknown."""
    role: Role | None = None
    version: str | None = None
    answer_ms: float | None = None
    """How long it took to connect and to get the first answer, in milliseconds."""
    latency_ms: float | None = None
    """The server's own average over all requests, in milliseconds."""
    connections: int | None = None
    sessions: int | None = None
    """Of the whole ensemble."""
    zxid: str | None = None
    """The last transaction that it knows of, in hexadecimal."""
    followers: int | None = None
    """Only of a leader: how many servers follow it."""
    followers_in_step: int | None = None
    """Only of a leader: how many of them have all that it has."""
    quorum_size: int | None = None
    """How many servers vote, as its configuration says."""

    @property
    def name(self) -> str:
        """Its host and port, as they are configured."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def answers(self) -> bool:
        """Whether its process runs, as far as can be seen from here."""
        return self.state != "down"


def of_srvr(address: tuple[str, int], text: str) -> ServerReport:
    """Return how the server at *address* is that answered *text* to ``srvr``."""
    if _NOT_SERVING in text:
        return ServerReport(*address, "waits", "it serves nobody: it has no quorum")
    fields = _fields(text.splitlines(), ":")
    role = _ROLES.get(fields.get("Mode", ""))
    if role is None:
        disabled = "its 4lw.commands.whitelist lacks srvr"
        return ServerReport(*address, "unknown", disabled if _DISABLED in text else "it does not answer srvr")
    latency = fields.get("Latency min/avg/max", "").split("/")
    return ServerReport(
        *address,
        "serves",
        role=role,
        version=_version(fields.get("Zookeeper version", "")),
        latency_ms=_number(latency[1]) if len(latency) == 3 else None,
        connections=_whole(fields.get("Connections")),
        zxid=printable(fields["Zxid"]) if "Zxid" in fields else None,
    )


def with_mntr(report: ServerReport, text: str) -> ServerReport:
    """Return *report* with what ``mntr`` adds to it, which may be nothing."""
    fields = _fields(text.splitlines(), "\t")
    if "zk_version" not in fields:
        return report
    role = _ROLES.get(fields.get("zk_server_state", ""), report.role)
    leads = role == "leader"
    # Servers before 3.6 call them followers.
    followers = fields.get("zk_learners", fields.get("zk_followers"))
    return report._replace(
        state="serves" if role else report.state,
        reason="" if role else report.reason,
        role=role,
        version=report.version or _version(fields["zk_version"]),
        latency_ms=_number(fields.get("zk_avg_latency")) if report.latency_ms is None else report.latency_ms,
        connections=_first(report.connections, _whole(fields.get("zk_num_alive_connections"))),
        sessions=_whole(fields.get("zk_global_sessions")),
        followers=_whole(followers) if leads else None,
        followers_in_step=_whole(fields.get("zk_synced_followers")) if leads else None,
        quorum_size=_whole(fields.get("zk_quorum_size")) if role != "standalone" else None,
    )


def _first(known: int | None, other: int | None) -> int | None:
    return other if known is None else known


def _fields(lines: Sequence[str], separator: str) -> dict[str, str]:
    pairs = (line.partition(separator) for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(text: str) -> str | None:
    match = re.match(r"\d+(\.\d+)+", text)
    return match[0] if match else None


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    # 3.4 writes numbers as they are, 3.8 some of them with decimals.
    number = _number(text)
    return None if number is None or not abs(number) < 2**63 else int(number)
