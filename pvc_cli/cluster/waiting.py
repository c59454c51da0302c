"""Wait until the nodes' daemons have done what was requested."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from pvc_cli.cluster.controls import Control, Item, OnProgress, Outcome, fail, unheard
from pvc_cli.errors import PvcError, RefusedError
from pvc_cli.zk import ZKHandler

_GLANCE = 0.5
"""How often, in seconds, to look."""


Goal = Callable[[ZKHandler, Sequence[Item]], list[str | PvcError]]
"""Reads things, and returns of each how it is instead of done, nothing once it is done, or why it never will be."""


def require_daemons(handler: ZKHandler) -> None:
    """Check that there are daemons to wait for.

    :raises RefusedError: on a backup.
    """
    if not handler.is_live:
        raise RefusedError("cannot wait: a backup has no daemons that act on it; omit --wait")


def wait_for(
    handler: ZKHandler, outcome: Outcome[Item], goal: Goal[Item], timeout: float, on_progress: OnProgress = unheard
) -> Outcome[Item]:
    """Wait up to *timeout* seconds until everything in *outcome* that was not refused has reached *goal*.

    :returns: the outcome, in which what did not reach it has failed.
    """
    waited = [control.item for control in outcome.controls if control.status in ("changed", "unchanged")]
    pending, until = list(waited), time.monotonic() + timeout
    failed: dict[Item, PvcError] = {}
    while True:
        still: list[Item] = []
        for item, instead in zip(pending, goal(handler, pending), strict=True):
            failed.pop(item, None)
            if isinstance(instead, PvcError):
                failed[item] = instead
            elif instead:
                still.append(item)
                failed[item] = RefusedError(f"requested, but not done within {timeout:g} s: {instead}")
        pending = still
        on_progress(len(waited) - len(pending), len(waited))
        left = until - time.monotonic()
        if not pending or left <= 0:
            break
        time.sleep(min(_GLANCE, left))
    controls = tuple(_ended(handler, control, failed.get(control.item)) for control in outcome.controls)
    return Outcome(controls, (*outcome.errors, *failed.values()))


def _ended(handler: ZKHandler, control: Control[Item], error: PvcError | None) -> Control[Item]:
    """Return how *control* ended, after the wait: with *error*, or done."""
    if error:
        return replace(fail(handler, control.item, error), transaction=control.transaction)
    return replace(control, detail=f"{control.detail}; done") if control.status == "changed" else control
