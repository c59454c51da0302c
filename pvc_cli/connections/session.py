"""Open a session with the configured cluster; log the first change to syslog."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pvc_cli import identity
from pvc_cli.connections.cluster_id import file_hosts, mark_of
from pvc_cli.connections.protection import permit, require_permission, with_protection
from pvc_cli.connections.resolve import Target, resolve
from pvc_cli.context import Context
from pvc_cli.errors import AccessDeniedError, InvalidInputError, printable
from pvc_cli.zk import ZKHandler

if TYPE_CHECKING:
    from pvc_cli.connections.recorder import Recorder
    from pvc_cli.zk.undo import Changed, OnChange, Settle

_FEW = 3


@contextmanager
def connect_to_list(context: Context) -> Iterator[ZKHandler]:
    """Open a session for a command that lists as much as it may read.

    :raises AccessDeniedError: at the end, if it was not all.
    """
    with context.output.alive(lambda: _reading(context)), connect(context) as handler:
        view, denied = handler.tolerant()
        yield view
        items = dict.fromkeys("/".join(path.split("/")[:3]) for path in denied)
        if items:
            more = f" and {len(items) - _FEW} more" if len(items) > _FEW else ""
            raise AccessDeniedError(
                f"the output is incomplete: ZooKeeper denied access to {', '.join(list(items)[:_FEW])}{more}; use"
                " credentials with access"
            )


def _reading(context: Context) -> str:
    return f"Reading {context.cluster}" if context.connected else f"Connecting to {context.cluster}"


@contextmanager
def connect(
    context: Context, on_event: Callable[[str], None] | None = None, pvc_config: Path | None = None
) -> Iterator[ZKHandler]:
    """Open a session with the configured cluster for a ``with`` block.

    :param on_event: gets connection events; by default, messages if -v is given.
    :param pvc_config: a PVC configuration to use instead of this machine's.
    :raises ConfigError: if no cluster is configured.
    :raises RefusedError: if the command would change it, and may not.
    :raises UnreachableError: if it does not answer.
    """
    target = resolve(context.connection, context.coordinators, pvc_config)
    context.cluster = target.label
    if context.verbose:
        context.output.message(f"Using {target.in_words}.")
    if context.changing:
        target = with_protection(context, target)
        permit(context, target)
    if target.file:
        with _open_backup(target.file, context) as handler:
            yield handler
        return
    if context.write:
        raise InvalidInputError("--write goes with a backup, -c file:PATH: a cluster needs no leave to be changed")
    with (
        _recording(context, target.hosts, lambda: mark_of(handler.known_base)) as record,
        ZKHandler(
            target.hosts,
            access=target.access,
            timeout=context.timeout,
            refused_timeout=context.refused_timeout,
            lock_timeout=context.lock_timeout,
            on_event=on_event or (context.output.message if context.verbose else None),
            before_change=_before_change(context, target),
            # What a daemon does is nobody's to undo.
            on_change=None if context.unattended else record,
            lock_holder=f"pvc, {identity.user()}@{identity.host()}, process {os.getpid()}",
            schema_dir=context.schema_dir,
        ) as handler,
    ):
        context.connected = True
        yield handler


def is_file(context: Context) -> bool:
    """Tell whether the configured cluster is a backup file."""
    return resolve(context.connection, context.coordinators).file is not None


@contextmanager
def _open_backup(path: Path, context: Context) -> Iterator[ZKHandler]:
    """Open a backup in place of a cluster; save at the end what was changed, as far as it got.

    It is read-only, unless changes are allowed: who tries something out on a backup still needs the backup.
    """
    # Imported here: few commands work on a backup.
    from pvc_cli.zk.snapshot import SnapshotStore

    why = (
        f"cannot change {path}: a backup file is read-only without --write: copy it, then rerun as"
        " 'pvc --write -c file:COPY …'"
    )
    hosts = file_hosts(path)
    with _recording(context, hosts, lambda: None) as record:
        store = SnapshotStore.open(
            path, lock_timeout=context.lock_timeout, read_only="" if context.write else why, on_change=record
        )
        try:
            yield ZKHandler.over(store, hosts=hosts, schema_dir=context.schema_dir)
        finally:
            store.save()


@contextmanager
def _recording(context: Context, hosts: str, mark: Callable[[], str | None]) -> Iterator[OnChange]:
    """Yield what notes each change that is sent, and that was made, and writes the command into the history.

    :param mark: returns what tells the cluster from all others, if that is known by then.
    """
    at_end = ExitStack()

    @functools.cache
    def recorder() -> Recorder:
        # Imported here: most commands change nothing.
        from pvc_cli.connections.recorder import Recorder

        recorder = Recorder(
            hosts,
            context.words(),
            context.output.warning,
            lambda: {"cluster_id": mark(), "undoes": context.undoes or None},
        )
        at_end.callback(recorder.close)
        return recorder

    def record(changes: list[Changed]) -> Settle:
        context.sent = True
        settle = recorder().record(changes)

        def note(changed: list[Changed]) -> None:
            context.changed |= bool(changed)
            settle(changed)

        return note

    with at_end:
        yield record


def log_line(hosts: str, words: Sequence[str]) -> str:
    """Return what is logged of a command that changes the cluster at *hosts*: fields that nobody can forge.

    Each is quoted, and in it whatever ends a line or a field is escaped.
    """
    # Imported here: most commands change nothing.
    import shlex

    command = " ".join(shlex.quote(word) for word in words)
    fields = {"user": identity.user(), "uid": str(os.getuid()), "cluster": hosts, "command": command}
    return " ".join(f"{name}={_quoted_field(value)}" for name, value in fields.items())


def _quoted_field(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'


def _before_change(context: Context, target: Target) -> Callable[[], None]:
    """Return what refuses every change that is not permitted, notes that one is sent, and logs the first."""
    log = _log_once(target.hosts, context.words)

    def check() -> None:
        require_permission(context, target)
        context.sent = True
        log()

    return check


def _log_once(hosts: str, words: Callable[[], Sequence[str]]) -> Callable[[], None]:
    """Return a function that logs, once, who is about to change the cluster at *hosts*, and with which command.

    It logs before the first change is sent, so that no change goes unlogged. The line goes to syslog's AUTH
    facility; without a syslog daemon it is lost silently.
    """
    logged = False

    def log() -> None:
        nonlocal logged
        if not logged:
            # Imported here: most commands change nothing.
            import syslog

            logged = True
            syslog.openlog("pvc", syslog.LOG_PID, syslog.LOG_AUTH)
            syslog.syslog(syslog.LOG_NOTICE, log_line(hosts, words()))

    return log
