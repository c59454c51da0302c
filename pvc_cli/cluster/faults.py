"""The faults that PVC's daemons report: list them, acknowledge them, delete them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.cluster.controls import Control, Plan, decide, refuse
from pvc_cli.cluster.patterns import matcher
from pvc_cli.cluster.values import natural_key, parse_int
from pvc_cli.errors import NotFoundError, hint, quoted
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.transaction import delete_noticing, refuse_contenders

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher

_SEE = "see 'pvc fault list'"
_FIELDS = ("last_time", "first_time", "ack_time", "status", "delta", "message")


class Fault(NamedTuple):
    """A fault; its times are local ones of the node that wrote them."""

    id: str
    last_reported: str
    first_reported: str
    acknowledged_at: str
    """Empty if nobody has."""
    status: str
    """``new`` or ``ack``."""
    health_delta: int | None
    """How many percent of the cluster's health it takes, until it is acknowledged."""
    message: str


def list_faults(handler: ZKHandler, pattern: str | None = None) -> list[Fault]:
    """Return the faults whose ID or message has *pattern*, a regular expression, the latest first, in two batches.

    :raises InvalidInputError: if *pattern* is none.
    :raises SchemaError: if the cluster's schema has none.
    """
    handler.schema.require("base.faults", "faults need")
    names = sorted(handler.children("base.faults") or [], key=natural_key)
    rows = handler.read_rows([(f"faults.{field}", name) for field in _FIELDS] for name in names)
    found = [
        _fault(name, row) for name, row in zip(names, rows, strict=True) if any(value is not None for value in row)
    ]
    matches = matcher(pattern)
    chosen = [fault for fault in found if matches(fault.id, fault.message)]
    return sorted(chosen, key=lambda fault: fault.last_reported, reverse=True)


def watch_faults(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes the list of faults."""
    handler.schema.require("base.faults", "faults need")
    watcher.watch(children=["base.faults"])
    names = handler.children("base.faults") or []
    watcher.watch(values=[(f"faults.{field}", name) for name in names for field in _FIELDS])


def _fault(name: str, row: Sequence[str | None]) -> Fault:
    last, first, acknowledged, status, delta, message = (value or "" for value in row)
    return Fault(name, last, first, acknowledged, status, parse_int(delta), message)


def find_faults(handler: ZKHandler, names: Sequence[str]) -> list[str]:
    """Return *names*, each once, if all are faults'.

    :raises NotFoundError: if one is not.
    """
    known = [fault.id for fault in list_faults(handler)]
    for name in names:
        if name not in known:
            raise NotFoundError(f"there is no fault {quoted(name)}: {hint(name, known, _SEE)}")
    return list(dict.fromkeys(names))


def plan_acknowledge(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
    """Plan to acknowledge faults, as PVC does: with the local time."""
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    keys = ("faults.status", "faults.ack_time")
    found = iter(handler.get_znodes((key, name) for name in names for key in keys))
    controls = []
    for name in names:
        status, time = next(found), next(found)
        if status is None:
            controls.append(refuse(handler, name, "it is gone"))
            continue
        values = [(("faults.status", name), status, "ack"), (("faults.ack_time", name), time, now)]
        done = status.text == "ack"
        controls.append(
            decide(handler.transaction(), name, [] if done else values, "acknowledged", "already acknowledged")
        )
    return controls


def plan_delete(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
    """Plan to delete faults."""
    controls = []
    for name, tree in zip(names, handler.read_trees(("faults", name) for name in names), strict=True):
        refuse_contenders(tree)
        transaction = handler.transaction()
        transaction.ops += delete_noticing(tree, {min(tree)} if tree else ())
        controls.append(Control(name, transaction, "changed" if tree else "unchanged", "deleted"))
    return controls


ACKNOWLEDGE: Plan[str] = plan_acknowledge
DELETE: Plan[str] = plan_delete
