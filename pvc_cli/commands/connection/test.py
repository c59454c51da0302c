import click

from pvc_cli.cluster.server_documents import ensemble_document
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.listing import list_options, rows_of, show_records
from pvc_cli.commands._common.servers import SERVER_HEADERS, server_row
from pvc_cli.commands.connection._saved import meant
from pvc_cli.connections.check import Check, check_connection
from pvc_cli.connections.resolve import Target
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import Output


@click.command("test")
@click.argument("name", required=False, shell_complete=complete.connections)
@list_options(*SERVER_HEADERS, things="servers", takes_several=False)
@pass_context
def command(context: Context, name: str | None) -> int:
    """Check each ZooKeeper server of a connection, then open a session.

    ANSWER is how long a server took to answer now, LATENCY its own average. IN STEP tells whether a follower has all
    that the leader has, and of the leader, how many have. What a server's 4lw.commands.whitelist hides is shown as a
    question mark. Exit 1 if a server is down, 4 if there is no session.

    \b
    Example:
      pvc connection test
    """
    target = meant(context, name)
    found = check_connection(target, context.timeout, context.refused_timeout)
    _show(context.output, target, found)
    if found.error:
        raise found.error
    return 0 if found.servers.healthy else EXIT_REFUSED


def _show(output: Output, target: Target, found: Check) -> None:
    servers = found.servers
    show_records(
        output,
        servers.servers,
        documents=lambda _: {
            "name": target.name or None,
            "coordinators": target.hosts,
            **ensemble_document(servers),
            "session_ms": found.session_ms,
            "schema_version": found.schema_version,
            "error": found.error and str(found.error),
        },
        names=lambda shown: [server.name for server in shown if server.answers],
        headers=SERVER_HEADERS,
        rows=rows_of(lambda server: server_row(server, servers)),
        nothing="",
    )
    for server in servers.servers:
        if server.reason:
            output.message(f"{server.name}: {server.reason}.")
    output.message(f"{servers.summary}.")
    if not found.error:
        output.message(f"Session opened in {found.session_ms:g} ms; schema version {found.schema_version}.")
