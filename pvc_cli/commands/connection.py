"""``pvc connection``: keep names for clusters, and say which one is current."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import click

from pvc_cli.access import Access
from pvc_cli.commands import complete
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import dry_run_option, output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.credentials import read_access
from pvc_cli.errors import InvalidInputError, NotFoundError, RefusedError, quoted
from pvc_cli.output import Cell, Format
from pvc_cli.settings import Connections, Target, resolve

_file = click.Path(dir_okay=False, resolve_path=True)
_name_argument = click.argument("name", shell_complete=complete.connections)


@click.group(cls=LazyGroup)
def connection() -> None:
    """Keep names for clusters, and say which is current."""


@connection.command("list")
@output_option
@pass_context
def list_(context: Context, style: Format) -> None:
    """List the connections that are kept; the current one is marked.

    \b
    Example:
      pvc connection list
    """
    connections = Connections.load()
    entries = sorted(connections.hosts.items())
    output = context.output
    output.show(
        style,
        lambda: [_document(connections, name) for name, _ in entries],
        names=lambda: [name for name, _ in entries],
        table=lambda: output.table(
            ("", "NAME", "COORDINATORS"),
            [["*" if name == connections.current else "", Cell(name, "bold"), hosts] for name, hosts in entries],
        ),
    )
    if not entries:
        output.message(f"No connections in {connections.path}: add one with 'pvc connection add NAME HOST[:PORT],…'.")


def _document(connections: Connections, name: str) -> dict[str, Any]:
    return {"name": name, "coordinators": connections.hosts[name], "current": name == connections.current}


@connection.command("add")
@click.argument("name")
@click.argument("coordinators", metavar="HOST[:PORT],…[/CHROOT]")
@click.option("--user", help="Log in as this user; the password is asked for, or read from a file.")
@click.option("--password-file", type=_file, metavar="FILE", help="Where the password is, readable by nobody else.")
@click.option("--login", type=click.Choice(("digest", "sasl")), help="How to log in (digest).")
@click.option("--tls", is_flag=True, default=None, help="Use TLS; so does each of the next four.")
@click.option(
    "--ca", type=_file, metavar="FILE", help="Whose certificates to believe (those that this machine does)."
)
@click.option("--certificate", type=_file, metavar="FILE", help="Our own certificate, for servers that ask for one.")
@click.option("--key", type=_file, metavar="FILE", help="The key of our certificate.")
@click.option("--no-check-hostname", is_flag=True, help="Believe a certificate for another name, too.")
@click.option("--acl", metavar="open|creator|SCHEME:ID:PERMISSIONS,…", help="Who may use what we create (open).")
@click.option("--force", is_flag=True, help="Replace a connection of that name.")
@dry_run_option
@pass_context
def add(
    context: Context,
    /,
    name: str,
    coordinators: str,
    no_check_hostname: bool,
    force: bool,
    dry_run: bool,
    **access: Any,  # noqa: ANN401
) -> None:
    """Keep a cluster's ZooKeeper servers under a name; the first one that is kept becomes current.

    \b
    Examples:
      pvc connection add prod hv1,hv2,hv3
      pvc connection add safe hv1:2281 --user pvc --password-file ~/.pvc-password --ca ca.pem
    """
    if not name or not name.isprintable() or name.strip() != name:
        raise InvalidInputError(f"{quoted(name)} cannot be a connection's name: give it printable characters")
    if not coordinators.strip() or not coordinators.isprintable():
        raise InvalidInputError(f"{quoted(coordinators)} names no ZooKeeper servers: give HOST[:PORT],…[/CHROOT]")
    more = {option: value for option, value in access.items() if value is not None}
    if no_check_hostname:
        more["check_hostname"] = False
    connections = Connections.load()
    entry = (coordinators, more)
    known = (connections.hosts.get(name, coordinators), connections.more.get(name, more))
    if known != entry and not force:
        raise RefusedError(
            f"connection {quoted(name)} is kept already, for {connections.hosts[name]}: replace it with --force"
        )
    if "user" in more and "password_file" not in more:
        more["password"] = _ask_password(more["user"])
    read_access(more, "")
    changed = dataclasses.replace(
        connections,
        hosts={**connections.hosts, name: coordinators},
        current=connections.current or name,
        more={**connections.more, name: more} if more else connections.more,
    )
    _save(context, connections, changed, f"Connection {name} is kept for {coordinators}.", dry_run=dry_run)


def _ask_password(user: str) -> str:
    """Ask for a password where nobody sees it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError("there is no terminal to ask for the password on: give --password-file")
    return str(click.prompt(f"Password of {user}", hide_input=True, err=True))


@connection.command("remove")
@_name_argument
@dry_run_option
@pass_context
def remove(context: Context, name: str, dry_run: bool) -> None:
    """Forget a connection; the cluster itself is not touched.

    \b
    Example:
      pvc connection remove prod
    """
    connections = _load_with(name)
    hosts = {kept: servers for kept, servers in connections.hosts.items() if kept != name}
    more = {kept: entry for kept, entry in connections.more.items() if kept != name}
    current = None if connections.current == name else connections.current
    changed = dataclasses.replace(connections, hosts=hosts, current=current, more=more)
    _save(context, connections, changed, f"Connection {name} is forgotten.", dry_run=dry_run)


@connection.command("use")
@_name_argument
@dry_run_option
@pass_context
def use(context: Context, name: str, dry_run: bool) -> None:
    """Make a connection the current one: what pvc uses where nothing else is said.

    \b
    Example:
      pvc connection use prod
    """
    connections = _load_with(name)
    changed = dataclasses.replace(connections, current=name)
    _save(context, connections, changed, f"Connection {name} is current.", dry_run=dry_run)


@connection.command("show")
@click.argument("name", required=False, shell_complete=complete.connections)
@output_option
@pass_context
def show(context: Context, name: str | None, style: Format) -> None:
    """Show a connection, or, without NAME, which cluster pvc would use now, and why.

    \b
    Example:
      pvc connection show
    """
    if name is not None:
        connections = _load_with(name)
        target = Target(connections.hosts[name], str(connections.path), connections.access(name))
    else:
        target = resolve(context.connection, context.coordinators)
    output = context.output
    output.show(
        style,
        lambda: {
            "name": name,
            "coordinators": target.hosts,
            "origin": target.origin,
            "user": target.access.user or None,
            "tls": target.access.tls is not None,
        },
        names=lambda: [name or target.hosts],
        table=lambda: output.fields(
            [("Coordinators", target.hosts), ("From", target.origin), *_access_fields(target.access)]
        ),
    )


def _access_fields(access: Access) -> list[tuple[str, str]]:
    """Return what there is to say of how a cluster lets us in; no password is among it."""
    fields = []
    if access.user:
        fields.append(("User", f"{access.user} ({access.scheme})"))
    if tls := access.tls:
        files = [f"{word} {path}" for word, path in (("CA", tls.ca), ("certificate", tls.certificate)) if path]
        fields.append(("TLS", ", ".join(("yes", *files, *([] if tls.check_hostname else ["any host name"])))))
    if access.acl != "open":
        fields.append(("ACL", access.acl))
    return fields


def _load_with(name: str) -> Connections:
    """Return the connections that are kept, one of them called *name*."""
    connections = Connections.load()
    if name not in connections.hosts:
        raise NotFoundError(f"there is no connection {quoted(name)} in {connections.path}: see 'pvc connection list'")
    return connections


def _save(context: Context, before: Connections, after: Connections, message: str, *, dry_run: bool) -> None:
    if dry_run:
        context.output.message(f"Dry run, nothing is written: {message}")
    elif after == before:
        context.output.message(f"Unchanged: {message}")
    else:
        after.save()
        context.output.message(message)
