"""Whether a command may change the cluster that is used: settled before anything is read for the change."""

import os
import shlex

from pvc_cli.connections.guards import read_guards
from pvc_cli.connections.resolve import Target
from pvc_cli.connections.saved import PROTECTIONS, Protection
from pvc_cli.connections.servers import sharing
from pvc_cli.context import Context
from pvc_cli.errors import ConfigError, RefusedError, printable, quoted
from pvc_cli.output import person

_OFF = ("", "0", "no", "false", "off")


def with_protection(context: Context, target: Target) -> Target:
    """Return *target* with the strictest protection of all saved connections that name one of its servers.

    A protected cluster stays so, whether it is named by its connection, another one, its servers, or this node's PVC.

    :raises RefusedError: if the protection of one of them is an unknown word, which counts as the strictest.
    :raises ConfigError: if saved connections that may be this cluster cannot be read, unless it is confirmed.
    """
    if target.file:
        return target
    guards, unknown = read_guards()
    stricter = [guard for guard in guards if _rank(guard.protection) > _rank(target.protection)]
    same = sharing([target.hosts], [guard.hosts for guard in stricter])[target.hosts]
    found = [guard for guard in stricter if guard.hosts in same]
    if unknown and not (found or target.protection or context.confirm in _names(target)):
        raise ConfigError(
            f"{unknown[0]}: whether {quoted(target.label)} is protected is not known: repair the file, or rerun with"
            f" --confirm {shlex.quote(target.label)}"
        )
    for error in unknown:
        context.output.warning(f"whether the cluster is protected is not known: {error}")
    if not found:
        return target
    strictest = max(found, key=lambda guard: _rank(guard.protection))
    if strictest.error:
        raise RefusedError(f"connection {quoted(strictest.name)} counts as read-only: {strictest.error}")
    return target._replace(name=strictest.name, protection=strictest.protection)


def _names(target: Target) -> tuple[str, ...]:
    """Return what confirms that *target* is meant: its connection's name, if it has one, and its servers."""
    return tuple(filter(None, (target.name, target.hosts)))


def _rank(protection: Protection | None) -> int:
    return (None, *PROTECTIONS).index(protection)


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
    if context.confirm not in (None, *_names(target)):
        raise RefusedError(
            f"--confirm says {quoted(context.confirm)}, but the cluster is {quoted(target.label)} (from"
            f" {target.origin}): choose it with -c, or correct --confirm"
        )
    if target.protection and context.confirm is None:
        _ask(target, stdin_used=context.stdin_used)
        context.confirm = target.name


def require_permission(context: Context, target: Target) -> None:
    """Check, at the moment of a change, that it was permitted: what forgot to ask changes nothing.

    :raises RefusedError: if it was not.
    """
    require_writable(target)
    if target.protection and context.confirm is None and not context.unattended:
        raise _unconfirmed(target)


def _ask(target: Target, *, stdin_used: bool) -> None:
    """Let a person type the name of *target*."""
    name, hosts = printable(target.name), printable(target.hosts)
    question = f"{name} ({hosts}) is protected. Type its name to change it: "
    if person.ask(question, stdin_used=stdin_used, nobody=_unconfirmed(target)) != target.name:
        raise RefusedError(f"not confirmed: nothing was changed (expected {quoted(target.name)})")


def _unconfirmed(target: Target) -> RefusedError:
    return RefusedError(
        f"connection {quoted(target.name)} is protected, and there is no terminal to type its name on: rerun with"
        f" --confirm {shlex.quote(target.name)}"
    )
