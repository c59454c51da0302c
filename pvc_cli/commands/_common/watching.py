"""Refresh a list on every change."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pvc_cli.errors import EXIT_INTERRUPTED, ProtocolError, UnreachableError
from pvc_cli.output.keyboard import Keyboard
from pvc_cli.output.writer import Output

if TYPE_CHECKING:
    from pvc_cli.output.screen import Screen
    from pvc_cli.zk import Key, ZKHandler
    from pvc_cli.zk.watch import Watcher

_SOON = 0.01
_RETRY = 0.5
"""How often to look whether a lost connection is back, in seconds."""
_QUIT = "qQ"


@dataclass
class Turns:
    """When to show something: each turn is the set of keys that changed since the one before, or None for all."""

    each: Iterator[set[Key] | None]
    code: int = 0
    """The exit code, once it is over: that of an interruption if it ended so."""

    redrawn: bool = False
    """Whether a turn may be made again: on a screen, after the first one. What a program has read, it has read."""
    lost: bool = False
    """Whether the connection was lost in this turn."""

    def __iter__(self) -> Iterator[set[Key] | None]:
        """Yield each turn."""
        return self.each

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Within a ``with`` block, read and show; if the connection is lost meanwhile, another turn may follow."""
        try:
            yield
        except ProtocolError:
            raise  # it would be the same again
        except UnreachableError:
            if not self.redrawn:
                raise
            self.lost = True


@contextmanager
def turns(
    output: Output, handler: ZKHandler, arm: Callable[[ZKHandler, Watcher], None], *, watch: bool
) -> Iterator[Turns]:
    """Give what says when to show something: once, or, to *watch*, again after every change of what *arm* watches.

    A table on a terminal is redrawn in place, and gone in the end. Watching ends, without an error, when it is
    interrupted, and such a table when ``q`` is pressed. A connection that is lost is waited for.
    """
    if not watch:
        yield Turns(iter([None]))
        return
    watcher, quitting = handler.watcher(), threading.Event()

    def each() -> Iterator[set[Key] | None]:
        changed, begun = None, False
        while not quitting.is_set():
            found.lost = False
            try:
                arm(handler, watcher)
            except UnreachableError:
                if not begun or not handler.reconnects:
                    raise
                found.lost = True
            else:
                yield changed
            if not found.lost:
                output.refresh()
                begun, found.redrawn = True, screen is not None
                watcher.wait()
            changed = watcher.fired()
            if found.lost or handler.lost_since:
                changed = None
                _await_connection(output, handler, watcher, quitting)

    found = Turns(each())
    with (
        output.in_place() as screen,
        _quitting_keys(screen, quitting, watcher) as keyboard,
        _attentive(screen, keyboard, watcher),
    ):
        try:
            yield found
        except KeyboardInterrupt:
            # The normal end of watching; the command returns the exit code.
            found.code = EXIT_INTERRUPTED


def _await_connection(output: Output, handler: ZKHandler, watcher: Watcher, quitting: threading.Event) -> None:
    """Wait until there is a connection again, or *quitting* is set, and say that what is shown may be old."""
    since = time.localtime(handler.lost_since or time.time())
    line = f"connection lost since {time.strftime('%H:%M:%S', since)}: retrying"
    if not output.draw_below(line):
        output.warning(line)
    waits = True
    while waits:
        if watcher.wait(_RETRY):
            # The terminal may have another size, or be ours again.
            output.draw_below(line)
        waits = bool(handler.lost_since) and handler.reconnects and not quitting.is_set()


@contextmanager
def _quitting_keys(screen: Screen | None, quitting: threading.Event, watcher: Watcher) -> Iterator[Keyboard | None]:
    """Within a ``with`` block, set *quitting* when ``q`` is pressed on *screen*."""
    if screen is None:
        yield None
        return

    def hear(key: str) -> None:
        if key in _QUIT:
            quitting.set()
            watcher.wake()

    with Keyboard(hear, watcher.wake) as keyboard:
        yield keyboard


@contextmanager
def _attentive(screen: Screen | None, keyboard: Keyboard | None, watcher: Watcher) -> Iterator[None]:
    """Within a ``with`` block, draw *screen* anew when the terminal's size changes, and after Ctrl-Z and ``fg``."""

    def wake(*_: object) -> None:
        # Not here and now: whom the signal interrupts may hold the lock that this takes.
        threading.Thread(target=watcher.wake).start()

    def stop(*_: object) -> None:
        if screen and not screen.suspend():
            threading.Timer(_SOON, os.kill, (os.getpid(), signal.SIGTSTP)).start()
            return
        if keyboard:
            keyboard.suspend()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)

    def go_on(*_: object) -> None:
        signal.signal(signal.SIGTSTP, stop)
        if screen:
            screen.resume()
        if keyboard:
            keyboard.resume()
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
