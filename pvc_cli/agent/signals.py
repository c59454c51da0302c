"""The signals of a service: SIGTERM and SIGINT stop it, SIGHUP has it read its configuration again."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WANTED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Signals:
    """Takes signals in a thread of its own: a handler may not set events that the main thread waits for.

    :param on_signal: is called on that thread after each signal.
    """

    def __init__(self, on_signal: Callable[[], None]) -> None:
        self.stopping = threading.Event()
        self.reloading = threading.Event()
        self._received = threading.Event()
        self._on_signal = on_signal

    def wait(self, timeout: float) -> bool:
        """Wait for a signal, and tell whether there was one."""
        received = self._received.wait(timeout)
        self._received.clear()
        return received

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take signals for a ``with`` block, those included that came while they were blocked before it."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WANTED)
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            yield
        finally:
            # A second signal must not kill the process on its way out.
            while signal.sigtimedwait(WANTED, 0):
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _listen(self) -> None:
        while not self.stopping.is_set():
            (self.reloading if signal.sigwait(WANTED) == signal.SIGHUP else self.stopping).set()
            self._received.set()
            self._on_signal()
