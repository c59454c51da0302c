"""Wait for changes: one-shot watches, set again only where they went off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from kazoo.exceptions import NoNodeError

from pvc_cli.zk.connection import LOST_ERRORS, Connection
from pvc_cli.zk.schema import Key, ZKSchema

_SETTLE = 0.1


class Watcher:
    """Tells when any of many keys changed. Set the watches, read, then wait: no change is missed.

    A lost connection sets off all watches, so that whoever waits looks at everything again.
    """

    def __init__(self, connection: Connection, schema: Callable[[], ZKSchema]) -> None:
        self._connection = connection
        self._schema = schema
        self._armed: set[tuple[str, bool]] = set()
        self._changed = threading.Event()

    def watch(self, *, values: Iterable[Key] = (), children: Iterable[Key] = ()) -> None:
        """Watch the values of some keys and the children of others; those that are missing are left out."""
        schema = self._schema()
        wanted = {(schema.path(key), False) for key in values} | {(schema.path(key), True) for key in children}
        client = self._connection.client
        answers = []
        for path, of_children in wanted:
            if path is None or (path, of_children) in self._armed:
                continue
            self._armed.add((path, of_children))
            ask = client.get_children_async if of_children else client.get_async
            answers.append(((path, of_children), ask(path, watch=self._alarm(path, of_children=of_children))))
        with self._connection.patience() as wait:
            for mark, answer in answers:
                try:
                    wait(answer)
                except NoNodeError:
                    self._armed.discard(mark)
                except LOST_ERRORS:
                    self._armed.discard(mark)
                    self._changed.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something changed, and a moment longer for what changes with it; tell whether anything did."""
        changed = self._changed.wait(timeout)
        if changed:
            time.sleep(_SETTLE)
            self._changed.clear()
        return changed

    def _alarm(self, path: str, *, of_children: bool) -> Callable[[Any], None]:
        def alarm(_event: Any) -> None:  # noqa: ANN401 - kazoo is untyped
            # On kazoo's one thread for callbacks: nothing here may block.
            self._armed.discard((path, of_children))
            self._changed.set()

        return alarm
