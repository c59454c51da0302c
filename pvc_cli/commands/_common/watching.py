"""Refresh a list on every change."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pvc_cli.output.writer import Output

if TYPE_CHECKING:
    from pvc_cli.zk import Key, ZKHandler
    from pvc_cli.zk.watch import Watcher

Turns = Iterator["set[Key] | None"]


@contextmanager
def turns(
    output: Output, handler: ZKHandler, arm: Callable[[ZKHandler, Watcher], None], *, watch: bool
) -> Iterator[Turns]:
    """Give what says when to show something: once, or, to *watch*, again after every change of what *arm* watches.

    Each turn is the set of keys that changed since the one before, or None for all there are. A table on a
    terminal is redrawn in place, and gone in the end. Watching ends, without an error, when it is interrupted.
    """
    if not watch:
        yield iter([None])
        return
    watcher = handler.watcher()

    def resized(*_: object) -> None:
        # Not here and now: whom the signal interrupts may hold the lock that this takes.
        threading.Thread(target=watcher.wake).start()

    with output.in_place():
        before = signal.signal(signal.SIGWINCH, resized)
        try:
            yield _turns(output, handler, arm, watcher)
        except KeyboardInterrupt:
            # The normal end of watching; the command returns the exit code.
            pass
        finally:
            signal.signal(signal.SIGWINCH, before)


def _turns(output: Output, handler: ZKHandler, arm: Callable[[ZKHandler, Watcher], None], watcher: Watcher) -> Turns:
    changed = None
    while True:
        arm(handler, watcher)
        yield changed
        output.refresh()
        watcher.wait()
        changed = watcher.fired()
