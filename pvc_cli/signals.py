"""Signals that end a command: it cleans up, and is never ended where that would hang it."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SOON = 0.01
_AT_LAST = 1.0
_IGNORABLE = {signal.SIGHUP, signal.SIGQUIT}
"""Those that stay ignored where they are: nohup starts a command so, and a shell one in the background."""
_OURS = ("pvc_cli", "click", "getpass")


class Terminated(BaseException):
    """A signal other than SIGINT was received that ends the command: *number*."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def raised() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt for SIGINT and Terminated for the others; yield a list of the signals received.

    What is raised inside other libraries may leave their locks held, and the next who needs one would wait for ever.
    A signal that comes there waits until this program's own code runs or waits, at most one second.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    latest = 0.0

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal latest
        if number == signal.SIGHUP and received:
            # A terminal that closes hangs up twice, by itself and by its shell: the first is being answered.
            return
        if number != signal.SIGALRM:
            received.append(number)
            latest = time.monotonic() + _AT_LAST
        if _starts_a_thread(frame) or (not _may_raise(frame) and time.monotonic() < latest):
            signal.setitimer(signal.ITIMER_REAL, _SOON)
            return
        raise KeyboardInterrupt if received[-1] == signal.SIGINT else Terminated(received[-1])

    heeded = {number for number in _IGNORABLE if signal.getsignal(number) != signal.SIG_IGN}
    taken = heeded | {signal.SIGTERM, signal.SIGINT, signal.SIGALRM}
    before = {number: signal.signal(number, end) for number in taken}
    try:
        yield received
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _may_raise(frame: FrameType | None) -> bool:
    """Tell whether the code that runs is ours, or waits for something and can be woken."""
    if frame is None or frame.f_code is threading.Condition.wait.__code__:
        return True
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS


def _starts_a_thread(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False
