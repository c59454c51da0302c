"""Refresh a list on every change."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pvc_cli.output.writer import Output

if TYPE_CHECKING:
    from pvc_cli.output.screen import Screen
    from pvc_cli.zk import Key, ZKHandler
    from pvc_cli.zk.watch import Watcher

_SOON = 0.01
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
    # To be interrupted is the normal end of watching; the command returns the exit code.
    with output.in_place() as screen, _attentive(screen, watcher), suppress(KeyboardInterrupt):
        yield _turns(output, handler, arm, watcher)


@contextmanager
def _attentive(screen: Screen | None, watcher: Watcher) -> Iterator[None]:
    """Within a ``with`` block, draw *screen* anew when the terminal's size changes, and after Ctrl-Z and ``fg``."""

    def wake(*_: object) -> None:
        # Not here and now: whom the signal interrupts may hold the lock that this takes.
        threading.Thread(target=watcher.wake).start()

    def stop(*_: object) -> None:
        if screen and not screen.suspend():
            threading.Timer(_SOON, os.kill, (os.getpid(), signal.SIGTSTP)).start()
            return
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)

    def go_on(*_: object) -> None:
        signal.signal(signal.SIGTSTP, stop)
        if screen:
            screen.resume()
        wake()

    handlers = {signal.SIGWINCH: wake}
    # Whoever ignores Ctrl-Z, as a shell without job control has it, keeps ignoring it.
    if screen and signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL:
        handlers |= {signal.SIGTSTP: stop, signal.SIGCONT: go_on}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _turns(output: Output, handler: ZKHandler, arm: Callable[[ZKHandler, Watcher], None], watcher: Watcher) -> Turns:
    changed = None
    while True:
        arm(handler, watcher)
        yield changed
        output.refresh()
        watcher.wait()
        changed = watcher.fired()
