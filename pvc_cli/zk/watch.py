"""Wait for changes: one-shot watches, set again only where they fired, any number in one request."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from pvc_cli.zk.connection import LOST_ERRORS, Connection
from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.setwatches import SetWatches
from pvc_cli.zk.store import Read, Store

_BATCH = 2_000
_LOOK = 1.0
"""How often to look for signals, in seconds."""
_Mark = tuple[str, bool]
"""A path, and whether its children are watched instead of its value."""


class Watcher:
    """Tells when any of many keys changed. Set the watches, read, then wait: no change is missed.

    A lost connection fires all watches, so that the caller looks at everything again.

    :param settle: how long, in seconds, to wait after a change for others that come with it.
    :param on_change: is called at each change, on kazoo's thread for callbacks: it may not block.
    """

    def __init__(
        self,
        connection: Connection,
        store: Store,
        schema: Callable[[], ZKSchema],
        *,
        settle: float = 0.1,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self._connection = connection
        self._store = store
        self._schema = schema
        self._settle = settle
        self._armed: set[_Mark] = set()
        # Each key once, in a dictionary: whoever never asks which they were must not pay for it in memory.
        self._fired: dict[Key | None, None] = {}
        self._on_change = on_change or (lambda: None)
        self._changed = threading.Event()

    def watch(self, *, values: Iterable[Key] = (), children: Iterable[Key] = ()) -> None:
        """Watch the values of some keys and the children of others; for a missing key, its creation.

        :raises UnreachableError: if no server answers in time.
        """
        path_of = self._schema().path
        wanted = {(path_of(key), False): key for key in values} | {(path_of(key), True): key for key in children}
        keys = {(path, below): key for (path, below), key in wanted.items() if path is not None}
        new = [mark for mark in keys if mark not in self._armed]
        there = self._store.read([Read(path, children=True) for path, _ in new])
        exists = {path for (path, _), names in zip(new, there, strict=True) if names is not None}
        client = self._connection.client
        # kazoo's registries of watchers. When a connection is lost, it fires all of them and replaces the registries.
        of_values, of_children = client._data_watchers, client._child_watchers
        answers = []
        for batch in _batches(new):
            request = SetWatches([], [], [])
            for mark in batch:
                path = self._connection.absolute(mark[0])
                registry, names = (of_children, request.children) if mark[1] else (of_values, request.values)
                if mark[0] not in exists:
                    registry, names = of_values, request.absent
                names.append(path)
                self._armed.add(mark)
                # In place before the request leaves, so that no change is missed.
                registry[path].add(self._alarm(mark, keys[mark]))
            answer = client.handler.async_result()
            client._call(request, answer)
            answers.append(answer)
        wait = self._connection.deadline()
        try:
            for answer in answers:
                wait(answer)
            lost = client._data_watchers is not of_values
        except LOST_ERRORS:
            lost = True
        if lost:
            self._armed.clear()
            self._note(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a change, and a moment longer for others that come with it; tell whether there was one."""
        changed = self._changed.wait(timeout) if timeout is not None else self._wait_for_good()
        if changed:
            time.sleep(self._settle)
            self._changed.clear()
        return changed

    def _wait_for_good(self) -> bool:
        # A signal that the kernel gives to another thread, as that of a closed terminal, does not wake this one.
        while not self._changed.wait(_LOOK):
            pass
        return True

    def fired(self) -> set[Key] | None:
        """Return the keys that changed since this was last asked, or None if any may have."""
        # An alarm may come meanwhile; the next call tells of it.
        fired = {self._fired.popitem()[0] for _ in range(len(self._fired))}
        return None if None in fired else cast("set[Key]", fired)

    def wake(self) -> None:
        """End the wait of another thread, as a change would."""
        self._changed.set()

    def _alarm(self, mark: _Mark, key: Key) -> Callable[[Any], None]:
        def alarm(_event: Any) -> None:  # noqa: ANN401 - kazoo is untyped
            # On kazoo's one thread for callbacks: nothing here may block.
            self._armed.discard(mark)
            self._note(key)

        return alarm

    def _note(self, key: Key | None) -> None:
        self._fired[key] = None
        self._changed.set()
        self._on_change()


def _batches(marks: Sequence[_Mark]) -> Iterator[Sequence[_Mark]]:
    for start in range(0, len(marks), _BATCH):
        yield marks[start : start + _BATCH]
