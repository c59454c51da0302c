"""Show the ZooKeeper servers of a cluster."""

from pvc_cli.output.cells import Cell, Row, known
from pvc_cli.zk.ensemble import EnsembleReport
from pvc_cli.zk.server_words import ServerReport

SERVER_HEADERS = ("SERVER", "STATE", "ROLE", "VERSION", "ANSWER", "LATENCY", "CLIENTS", "SESSIONS", "IN STEP")
_STATES = {
    "serves": Cell("serves", "green"),
    "waits": Cell("no quorum", "red"),
    "unknown": Cell("unknown", "yellow"),
    "down": Cell("down", "red"),
}


def server_row(server: ServerReport, servers: EnsembleReport) -> Row:
    """Return one of *servers* below :data:`SERVER_HEADERS`; of one that is down, little is known."""
    if not server.answers:
        return [server.name, _STATES[server.state], *[Cell("", value=None)] * (len(SERVER_HEADERS) - 2)]
    return [
        server.name,
        _STATES[server.state],
        known(server.role),
        known(server.version),
        _time(server.answer_ms),
        _time(server.latency_ms),
        server.connections,
        server.sessions,
        servers.in_step(server),
    ]


def _time(milliseconds: float | None) -> Cell:
    return Cell("?" if milliseconds is None else f"{milliseconds:.1f} ms", value=milliseconds)
