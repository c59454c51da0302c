import sys
from typing import NamedTuple

import click

from pvc_cli.commands._common.command import (
    Context,
    never_asks_option,
    options_into,
    pass_context,
    plain_dry_run_option,
)
from pvc_cli.commands._common.file_names import File
from pvc_cli.commands.connection._saved import save
from pvc_cli.connections.auth import saved_access
from pvc_cli.connections.resolve import FILE, SANDBOX
from pvc_cli.connections.saved import Connections, Protection
from pvc_cli.errors import ConfigError, InvalidInputError, RefusedError, quoted
from pvc_cli.zk.connection import parse_hosts

_file = File(resolve_path=True)


class _Login(NamedTuple):
    """Credentials, TLS and ACL; None is not given."""

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
    click.option("--user", help="Authenticate as this user; asks for the password without --password-file."),
    click.option(
        "--password-file", type=_file, metavar="FILE", help="File with the password, readable only by its owner."
    ),
    click.option("--login", type=click.Choice(("digest", "sasl")), help="Authentication scheme [default: digest]."),
    click.option("--tls", is_flag=True, default=None, help="Use TLS; the TLS options below imply it."),
    click.option("--ca", type=_file, metavar="FILE", help="CA bundle [default: system trust store]."),
    click.option("--certificate", type=_file, metavar="FILE", help="Client certificate."),
    click.option("--key", type=_file, metavar="FILE", help="Private key of the client certificate."),
    click.option(
        "--no-check-hostname",
        "check_hostname",
        flag_value=False,
        type=bool,
        default=None,
        help="Skip host name verification.",
    ),
    click.option("--acl", metavar="open|creator|SCHEME:ID:PERMISSIONS,…", help="ACL of new znodes [default: open]."),
)
@click.option("--protect", is_flag=True, help="Ask for NAME before every change; scripts pass --confirm NAME.")
@click.option("--read-only", is_flag=True, help="Refuse every change.")
@click.option("--force", is_flag=True, help="Replace an existing connection.")
@never_asks_option
@plain_dry_run_option
@pass_context
def command(
    context: Context,
    name: str,
    coordinators: str,
    login: _Login,
    protect: bool,
    read_only: bool,
    force: bool,
    dry_run: bool,
) -> None:
    """Save a cluster connection; it becomes current if none is.

    A protection stays until 'pvc connection protect' changes it, also with --force. To replace a protected
    connection, type its name; scripts pass --confirm NAME.

    \b
    Examples:
      pvc connection add prod hv1,hv2,hv3 --protect
      pvc connection add safe hv1:2281 --user pvc --password-file ~/.pvc-password --ca ca.pem
    """
    if not name or not name.isprintable() or name.strip() != name:
        raise InvalidInputError(f"{quoted(name)} is not a valid connection name: use printable characters")
    if (why := _taken(name)) and name not in Connections.load().hosts:
        raise InvalidInputError(f"{quoted(name)} is not a valid connection name: {why}")
    try:
        parse_hosts(coordinators)
    except ConfigError as error:
        raise InvalidInputError(str(error)) from None
    protection: Protection | None = "read-only" if read_only else "confirm" if protect else None
    more = {option: value for option, value in login._asdict().items() if value is not None}

    def refuse(saved: Connections) -> None:
        known, other = saved.hosts.get(name), saved.protected(name, None).more.get(name, {})
        same = more in ({}, other) and protection in (None, saved.protection(name))
        if known and not force and (known != coordinators or not same):
            raise RefusedError(f"connection {quoted(name)} already exists ({known}): replace it with --force")

    def change(saved: Connections) -> Connections:
        refuse(saved)
        entry = more or ({} if force else saved.more.get(name, {}))
        after = saved._replace(
            hosts={**saved.hosts, name: coordinators},
            current=saved.current or name,
            more={**saved.more, name: entry},
        )
        return after.protected(name, protection or saved.protection(name))

    refuse(Connections.load())
    if "user" in more and "password_file" not in more:
        more["password"] = _ask_password(more["user"])
    saved_access(more, "")
    guarded = {"confirm": "; every change asks for its name", "read-only": "; changes are refused"}.get(
        protection or "", ""
    )
    current = "" if Connections.load().current else "; it is the current connection now"
    save(
        context,
        change,
        f"Saved connection {quoted(name)} ({coordinators}){guarded}{current}.",
        f"Connection {quoted(name)} is saved already ({coordinators}).",
        dry_run=dry_run,
    )


def _taken(name: str) -> str | None:
    """Return what a name means in ``-c`` already, None if nothing."""
    if "," in name:
        return "commas separate names in -c"
    if name == "-":
        return "- is standard input"
    if name == SANDBOX:
        return "-c sandbox is the demo cluster of 'pvc sandbox start'"
    return "-c file:PATH is a backup" if name.startswith(FILE) else None


def _ask_password(user: str) -> str:
    """Prompt for a password without echo."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError("no terminal to ask for the password on: rerun with --password-file")
    return str(click.prompt(f"Password of {user}", hide_input=True, err=True))
