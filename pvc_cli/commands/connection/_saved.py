"""What the commands on saved connections share."""

from collections.abc import Callable

import click

from pvc_cli.commands._common import complete
from pvc_cli.connections.protection import confirm_name
from pvc_cli.connections.resolve import Target, resolve, saved_target
from pvc_cli.connections.saved import PROTECTIONS, Connections, Protection
from pvc_cli.context import Context
from pvc_cli.errors import NotFoundError, hint, quoted

PROTECTION_WORDS: dict[Protection | None, str] = {
    None: "",
    "confirm": "asks before changes",
    "read-only": "read-only",
}
name_argument = click.argument("name", shell_complete=complete.connections)


def require(connections: Connections, name: str) -> Connections:
    """Return *connections*, if one of them is called *name*.

    :raises NotFoundError: if none is.
    """
    if name not in connections.hosts:
        advice = hint(name, connections.hosts, "see 'pvc connection list'")
        raise NotFoundError(f"there is no connection {quoted(name)} in {connections.path}: {advice}")
    return connections


def meant(context: Context, name: str | None) -> Target:
    """Return the saved connection called *name*, or without a name the cluster that is used now.

    :raises NotFoundError: if there is no such connection.
    :raises ConfigError: if no cluster is configured, or its configuration is invalid.
    """
    if name is None:
        return resolve(context.connection, context.coordinators)
    connections = require(Connections.load(), name)
    return saved_target(connections, name, str(connections.path))


def save(
    context: Context, change: Callable[[Connections], Connections], message: str, already: str, *, dry_run: bool
) -> None:
    """Change the saved connections, or say what a dry run would do; who takes a protection away types the name.

    :param change: returns the changed ones; it is given those that are saved now.
    :param message: what is done.
    :param already: what to say if it is so already.
    :raises RefusedError: if a connection is protected, and that is not confirmed.
    """
    before = Connections.load()
    after = change(before)  # what is refused does not even leave an empty file
    if dry_run:
        context.output.message(already if after == before else f"Dry run, nothing written: {message}")
        return
    _require_confirmation(context, before, after)
    with Connections.locked() as before:
        after = change(before)
        _require_confirmation(context, before, after)
        if after == before:
            context.output.message(already)
        else:
            context.sent = True
            after.save()
            context.output.message(message)


def _require_confirmation(context: Context, before: Connections, after: Connections) -> None:
    """Ask for the name of every protected connection that is removed, replaced, or less protected afterwards."""
    for name, hosts in before.hosts.items():
        protection = before.protection(name)
        if protection and (
            (hosts, before.protected(name, None).more.get(name))
            != (after.hosts.get(name), after.protected(name, None).more.get(name))
            or PROTECTIONS.index(protection) > _strength(after.protection(name))
        ):
            confirm_name(context, saved_target(before, name, str(before.path)))


def _strength(protection: Protection | None) -> int:
    return PROTECTIONS.index(protection) if protection else -1
