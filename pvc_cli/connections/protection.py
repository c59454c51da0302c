"""Whether a command may change the cluster that is used: settled before anything is read for the change."""

import os
import shlex
import sys
from collections.abc import Callable

from pvc_cli.connections.resolve import Target
from pvc_cli.connections.saved import Connections
from pvc_cli.context import Context
from pvc_cli.errors import ConfigError, RefusedError, printable, quoted

_OFF = ("", "0", "no", "false", "off")


def with_protection(target: Target, on_unknown: Callable[[str], object]) -> Target:
    """Return *target* with the protection of a saved connection that names one of its servers.

    A protected cluster stays so, whether it is named by its connection, its servers, or this node's PVC.

    :param on_unknown: is told why the saved connections cannot be read; they protect nothing then.
    """
    if target.protection or target.file:
        return target
    try:
        connections = Connections.load()
        for name, hosts in connections.hosts.items():
            if (protection := connections.protection(name)) and share_a_server(hosts, target.hosts):
                return target._replace(name=name, protection=protection)
    except ConfigError as error:
        on_unknown(f"whether the cluster is protected is not known: {error}")
    return target


def share_a_server(one: str, other: str) -> bool:
    """Tell whether two clusters have a server in common, by its name, and the same chroot on it."""
    # Imported here: it loads kazoo, and few commands come so far without a session.
    from pvc_cli.zk.connection import parse_hosts

    return one.partition("/")[2] == other.partition("/")[2] and bool({*parse_hosts(one)} & {*parse_hosts(other)})


def require_writable(target: Target) -> None:
    """Check that nothing forbids changes.

    :raises RefusedError: if the environment or the saved connection does.
    """
    if os.environ.get("PVC_READ_ONLY", "0").lower() not in _OFF:
        raise RefusedError("PVC_READ_ONLY is set: unset it to change the cluster")
    if target.protection == "read-only":
        raise RefusedError(
            f"connection {quoted(target.name)} is read-only: use 'pvc connection protect"
            f" {shlex.quote(target.name)}' to be asked before each change"
        )


def permit(context: Context, target: Target) -> None:
    """Check that the command may change *target*, a cluster; ask for its name once if it is protected.

    :raises RefusedError: if it may not, if another cluster is confirmed than is used, or if the answer is wrong.
    """
    require_writable(target)
    if target.protection or context.confirm is not None:
        confirm_name(context, target)


def confirm_name(context: Context, target: Target) -> None:
    """Let the name of *target*, which is protected, be typed once, unless the command line confirms it.

    :raises RefusedError: if another cluster is confirmed, or if the answer is wrong.
    """
    if context.confirm not in (None, target.name, target.hosts):
        raise RefusedError(
            f"--confirm says {quoted(context.confirm)}, but the cluster is {quoted(target.label)} (from"
            f" {target.origin}): choose it with -c, or correct --confirm"
        )
    if target.protection and context.confirm is None:
        _ask(target)
        context.confirm = target.name


def require_permission(context: Context, target: Target) -> None:
    """Check, at the moment of a change, that it was permitted: what forgot to ask changes nothing.

    :raises RefusedError: if it was not.
    """
    require_writable(target)
    if target.protection and context.confirm is None and not context.unattended:
        raise _unconfirmed(target)


def _ask(target: Target) -> None:
    """Let a person type the name of *target*."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise _unconfirmed(target)
    print(
        f"{printable(target.name)} ({printable(target.hosts)}) is protected. Type its name to change it: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if sys.stdin.readline().strip() != target.name:
        raise RefusedError(f"not confirmed: nothing was changed (expected {quoted(target.name)})")


def _unconfirmed(target: Target) -> RefusedError:
    return RefusedError(
        f"connection {quoted(target.name)} is protected, and there is no terminal to type its name on: rerun with"
        f" --confirm {shlex.quote(target.name)}"
    )
