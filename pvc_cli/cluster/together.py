"""Read things that do not depend on each other at the same time: what counts on a slow connection is who waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pvc_cli.zk import ZKHandler

_T = TypeVar("_T")


def begin(handler: ZKHandler, read: Callable[[], _T]) -> Callable[[], _T]:
    """Begin to read, in a thread of its own, and return what waits for the result.

    A backup has nobody to wait for, and is read when the result is wanted. What *read* raises is raised there, too.
    """
    if not handler.is_live:
        return read
    # The schema is read first, and by one: all that follows needs it.
    _ = handler.schema
    return in_thread(read)


def in_thread(work: Callable[[], _T]) -> Callable[[], _T]:
    """Begin *work* in a thread of its own, and return what waits for its result, or raises what it raised."""
    # Imported here: few commands do several things.
    from concurrent.futures import Future
    from threading import Thread

    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    # A thread that nobody waits for any more, after an error or Ctrl-C, must not hold the process.
    Thread(target=run, daemon=True).start()
    return future.result
