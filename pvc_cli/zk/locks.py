"""Locks on keys: kazoo's recipes, the ones that PVC's daemons use, so that each keeps out the other."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from typing import Any

from kazoo.exceptions import KazooException, LockTimeout, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from pvc_cli.errors import LockError, UnreachableError
from pvc_cli.zk.connection import LOST_ERRORS, Connection
from pvc_cli.zk.contenders import who
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.store import LockKind, OnWait, Op

_SLACK = 2.0
"""How much longer, in seconds, than it was told kazoo may wait for a lock, cleaning up included."""
_GLANCE = 1.0
"""How often, in seconds, to tell how long a wait still lasts."""
_UNKNOWN = "an unknown client"
_RECIPES = {"readlock": "ReadLock", "writelock": "WriteLock", "exclusivelock": "Lock"}


class HeldLock:
    """A lock on an existing znode, held inside a ``with`` block; see :class:`pvc_cli.zk.store.Lock`.

    :param timeout: how long, in seconds, to wait for those who hold it.
    :param holder: who we are, for those who wait.
    :param on_wait: is told, every second, who holds it and how long it is still waited for.
    """

    def __init__(
        self, connection: Connection, kind: LockKind, path: str, timeout: float, holder: str, on_wait: OnWait
    ) -> None:
        self.path = path
        self.fence: Op | None = None
        self._connection = connection
        self._timeout = timeout
        self._on_wait = on_wait
        self._waiting_for = _UNKNOWN
        self._recipe: Any = getattr(connection.client, _RECIPES[kind])(path, holder)
        # The recipe would create the path on acquiring, and so invent a znode that the schema does not have.
        self._recipe.assured_path = True

    def acquire(self) -> None:
        """Wait for the lock; see :meth:`pvc_cli.zk.store.Lock.acquire`."""
        if not self._try(blocking=False):
            self._waiting_for = self._holders()
            self._tell(self._timeout)
            if not self._try(blocking=True):
                raise LockError(
                    f"could not acquire the lock on {self.path} within {self._timeout:g} s:"
                    f" held by {self._holders()}; retry, or raise --lock-timeout"
                )
        self._set_fence()

    def try_acquire(self) -> str:
        """Acquire the lock if it is free; see :meth:`pvc_cli.zk.store.Lock.try_acquire`."""
        while not self._try(blocking=False):
            if holders := self._holders(otherwise=""):
                return holders
        self._set_fence()
        return ""

    def holders(self) -> str:
        """Return who holds the lock, then who waits for it; see :meth:`pvc_cli.zk.store.Lock.holders`."""
        return self._holders(otherwise="")

    def is_held(self) -> bool:
        """Ask the servers whether it is still held."""
        if self.fence is None:
            return False
        answer = self._connection.client.exists_async(self.fence.path)
        try:
            stat = self._connection.deadline()(answer)
        except LOST_ERRORS:
            raise self._connection.unreachable() from None
        return stat is not None and bool(stat.ephemeralOwner == (self._connection.client.client_id or (0,))[0])

    def _set_fence(self) -> None:
        # ZooKeeper itself refuses a transaction with this step once our contender, and with it the lock, is gone.
        self.fence = Op("check", f"{self.path}/{self._recipe.node}", version=0)

    def _try(self, *, blocking: bool) -> bool:
        try:
            return self._acquire_in_time(blocking=blocking)
        except NoNodeError:
            raise LockError(f"cannot lock {self.path}: it does not exist; check that the item still exists") from None
        except (LockTimeout, KazooTimeoutError):
            return False
        except KazooException as error:
            raise LockError(f"could not acquire the lock on {self.path}: {type(error).__name__}; retry") from None

    def _acquire_in_time(self, *, blocking: bool) -> bool:
        """Have kazoo acquire the lock, in a thread that can be left: without a connection it would wait for ever.

        :raises UnreachableError: if the servers do not answer.
        """
        results: queue.SimpleQueue[bool | Exception] = queue.SimpleQueue()

        def acquire() -> None:
            try:
                results.put(
                    bool(self._recipe.acquire(blocking=blocking, timeout=self._timeout if blocking else None))
                )
            except Exception as error:
                results.put(error)

        threading.Thread(target=acquire, daemon=True).start()
        answers_by = now = time.monotonic()
        until = now + self._timeout if blocking else now
        while True:
            with contextlib.suppress(queue.Empty):
                result = results.get(timeout=_GLANCE)
                if isinstance(result, Exception):
                    raise result
                return result
            now = time.monotonic()
            if now < until:
                self._tell(until - now)
            if self._connection.client.connected and now < until + _SLACK:
                answers_by = now
            if now >= answers_by + self._connection.timeout:
                self._recipe.cancel()
                raise self._connection.unreachable()

    def _tell(self, left: float) -> None:
        if self._on_wait:
            self._on_wait(f"Waiting {math.ceil(left)} s for the lock on {self.path}, held by {self._waiting_for}.")

    def _holders(self, otherwise: str = _UNKNOWN) -> str:
        """Return who holds the lock or waits for it, as far as they say; *otherwise* if there is nobody.

        :raises LockError: if one belongs to no session, and so will not release it.
        """
        client, wait = self._connection.client, self._connection.deadline()
        try:
            names = sorted(filter(is_contender, wait(client.get_children_async(self.path))), key=lambda n: n[-10:])
            asked = [(name, client.get_async(f"{self.path}/{name}")) for name in names]
        except KazooException:
            return _UNKNOWN
        holders = []
        for name, answer in asked:
            try:
                data, stat = wait(answer)
            except KazooException:
                continue  # released meanwhile
            if not stat.ephemeralOwner:
                raise LockError(
                    f"the lock on {self.path} is stuck: {name} belongs to no session and will not be released;"
                    " remove it with 'pvc schema apply --prune'"
                )
            holders.append(who(data.decode("utf-8", "replace")))
        return ", ".join(filter(None, holders)) or (_UNKNOWN if holders else otherwise)

    def release(self) -> None:
        """Release the lock."""
        self.fence = None
        node, self._recipe.node, self._recipe.is_acquired = self._recipe.node, None, False
        client = self._connection.client
        if not node:
            return
        # Without a connection, kazoo sends it once there is one again, if the session, and with it our contender, is
        # still there. Its own release would wait for that, however long it takes.
        with contextlib.suppress(KazooException, UnreachableError):
            answer = client.delete_async(f"{self.path}/{node}")
            if client.connected:
                self._connection.deadline()(answer)

    def __enter__(self) -> HeldLock:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
