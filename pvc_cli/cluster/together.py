"""Read things that do not depend on each other at the same time: what counts on a slow connection is who waits."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
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
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    def wait() -> _T:
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    # A thread that nobody waits for any more, after an error or Ctrl-C, must not hold the process.
    thread = Thread(target=run, daemon=True)
    thread.start()
    return wait
