"""Keep a session with the cluster open, in a thread of its own: the agent must not wait for servers."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from pvc_cli.errors import PvcError
from pvc_cli.zk import ZKHandler

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
Connect = Callable[[Callable[[str], None]], AbstractContextManager[ZKHandler]]
"""Opens a session; is given what to tell about the session's state."""


@dataclass(slots=True)
class Sessions:
    """Opens sessions, one after another, until :meth:`stop`. kazoo reconnects by itself: most agents need one.

    :param on_open: is called with each open session's handler.
    :param on_event: is told, in a sentence each, what happens to a session.
    :param on_error: is told why none could be opened.
    :param on_crash: is given what nothing here expects.
    """

    connect: Connect
    on_open: Callable[[ZKHandler], None]
    on_event: Callable[[str], None]
    on_error: Callable[[PvcError], None]
    on_crash: Callable[[BaseException], None]
    _stopping: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)
        self._thread.start()

    def reopen(self) -> None:
        """Close the session and open another: perhaps with other servers."""
        self._ended.set()

    def stop(self, timeout: float) -> None:
        """Close the session; a server that does not answer is not waited for longer than *timeout* seconds."""
        self._stopping = True
        self._ended.set()
        if self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._keep_open()
        except BaseException as error:
            self.on_crash(error)

    def _keep_open(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping:
            self._ended.clear()
            try:
                with self.connect(self.on_event) as handler:
                    pause = _FIRST_PAUSE
                    self.on_open(handler)
                    if not self._stopping:
                        self._ended.wait()
            except PvcError as error:
                # Also wrong credentials, or a chroot that is not there: somebody may correct that.
                self.on_error(error)
                self._ended.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
