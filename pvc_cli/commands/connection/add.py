"""``pvc connection add``."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

import click

from pvc_cli.commands._common.options import dry_run_option, options_into, pass_context
from pvc_cli.commands.connection._saved import save
from pvc_cli.connections.auth import read_access
from pvc_cli.connections.saved import Connections
from pvc_cli.context import Context
from pvc_cli.errors import InvalidInputError, RefusedError, quoted

_file = click.Path(dir_okay=False, resolve_path=True)


@dataclass(frozen=True, slots=True)
class _Login:
    """What servers want that do not let everybody in; None is what was not said."""

    user: str | None
    password_file: str | None
    login: str | None
    tls: bool | None
    ca: str | None
    certificate: str | None
    key: str | None
    check_hostname: bool | None
    acl: str | None


@click.command("add")
@click.argument("name")
@click.argument("coordinators", metavar="HOST[:PORT],…[/CHROOT]")
@options_into(
    _Login,
    "login",
    click.option("--user", help="Log in as this user; the password is asked for, or read from a file."),
    click.option(
        "--password-file", type=_file, metavar="FILE", help="Where the password is, readable by nobody else."
    ),
    click.option("--login", type=click.Choice(("digest", "sasl")), help="How to log in (digest)."),
    click.option("--tls", is_flag=True, default=None, help="Use TLS; so does each of the next four."),
    click.option(
        "--ca", type=_file, metavar="FILE", help="Whose certificates to believe (those that this machine does)."
    ),
    click.option(
        "--certificate", type=_file, metavar="FILE", help="Our own certificate, for servers that ask for one."
    ),
    click.option("--key", type=_file, metavar="FILE", help="The key of our certificate."),
    click.option(
        "--no-check-hostname",
        "check_hostname",
        flag_value=False,
        type=bool,
        default=None,
        help="Believe a certificate for another name, too.",
    ),
    click.option("--acl", metavar="open|creator|SCHEME:ID:PERMISSIONS,…", help="Who may use what we create (open)."),
)
@click.option("--force", is_flag=True, help="Replace a connection of that name.")
@dry_run_option
@pass_context
def command(context: Context, name: str, coordinators: str, login: _Login, force: bool, dry_run: bool) -> None:
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
    more = {option: value for option, value in dataclasses.asdict(login).items() if value is not None}
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
    save(context, connections, changed, f"Connection {name} is kept for {coordinators}.", dry_run=dry_run)


_file = click.Path(dir_okay=False, resolve_path=True)


def _ask_password(user: str) -> str:
    """Ask for a password where nobody sees it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError("there is no terminal to ask for the password on: give --password-file")
    return str(click.prompt(f"Password of {user}", hide_input=True, err=True))
