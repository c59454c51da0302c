"""The store that is a running ZooKeeper: batched reads, and transactions whose outcome is always found out."""

from __future__ import annotations

import copy
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from kazoo.exceptions import (
    NoAuthError,
    NoNodeError,
    UnimplementedError,
)
from kazoo.security import OPEN_ACL_UNSAFE

from pvc_cli.errors import OutcomeUnknownError, PvcError, UnreachableError
from pvc_cli.zk.connection import LOST_ERRORS, Connection
from pvc_cli.zk.flow import Flow, Sizes
from pvc_cli.zk.locks import HeldLock
from pvc_cli.zk.multiread import MultiRead
from pvc_cli.zk.outcome import DELETED, judge, unknown, verdict
from pvc_cli.zk.request_size import RequestSize
from pvc_cli.zk.store import (
    LockKind,
    OnWait,
    Op,
    Read,
    ReadResult,
    ReplacedError,
    Stat,
    TextResult,
    Znode,
    access_denied,
    as_text,
    judge_replaced,
    pack_stat,
)
from pvc_cli.zk.undo import (
    OnChange,
    changed_by,
    read_written,
    thing_of,
    things_before,
    with_things,
    without_before,
)


class LiveStore:
    """Reads and commits over a :class:`Connection`.

    :param multiread: whether to use ZooKeeper's `multiRead`; a server that turns out not to know it
        (before 3.6) gets pipelined single reads instead, for as long as this store lives.
    :param before_change: is called before every transaction that is sent.
    :param on_change: is told what each transaction is about to change; what it returns is told what that has changed.
    :param lock_timeout: how long, in seconds, to wait for a lock.
    :param lock_holder: who holds this store's locks, for those who wait for them.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        multiread: bool = True,
        before_change: Callable[[], None] | None = None,
        on_change: OnChange | None = None,
        lock_timeout: float = 30.0,
        lock_holder: str = "",
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._multiread = multiread
        self._multiread_works = False
        self._before_change = before_change
        self._on_change = on_change
        self._lock_timeout = lock_timeout
        self._lock_holder = lock_holder or f"process {os.getpid()} on {socket.gethostname()}"
        self._denied: dict[str, None] | None = None
        self._sizes = Sizes()
        self._request_size = RequestSize(connection)
        self._waits = [0]

    @property
    def round_trips(self) -> int:
        """How often this store and its views waited for the servers: what a batch saves."""
        return self._waits[0]

    def tolerant(self, denied: dict[str, None]) -> LiveStore:
        """Return a view of this store that puts into *denied* what may not be read, and takes it for missing."""
        view = copy.copy(self)
        view._denied = denied
        return view

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Return the result of each of *reads*, in order; see :class:`pvc_cli.zk.store.Store`.

        :raises UnreachableError: if no server answers in time; a connection lost meanwhile is waited for.
        """
        if not reads:
            return []
        return [result for batch in self.stream(reads) for result in batch]

    def stream(self, reads: Sequence[Read]) -> Iterator[list[ReadResult]]:
        """Yield the results of *reads* in order, as they come; see :class:`pvc_cli.zk.store.Store`.

        :raises UnreachableError: if no server answers in time; a connection lost meanwhile is waited for.
        """
        self._waits[0] += bool(reads)
        done = 0
        until = time.monotonic() + self._connection.timeout
        while done < len(reads):
            try:
                for batch in self._stream_once(reads[done:]):
                    done += len(batch)
                    # What arrives is an answer, however long all of them take.
                    until = time.monotonic() + self._connection.timeout
                    yield batch
            except UnimplementedError:
                self._multiread = False
            except LOST_ERRORS:
                # An old server may hang up before its refusal arrives. What has never worked is not insisted on.
                self._multiread = self._multiread and self._multiread_works
                self._connection.await_session(until)
                if time.monotonic() >= until:
                    raise self._connection.unreachable() from None

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        """Send *reads*, and return what waits for their results; see :class:`pvc_cli.zk.store.Store`."""
        flow = self._send(reads, text=True) if reads and self._multiread_works else None

        def collect() -> list[TextResult]:
            if flow:
                self._waits[0] += 1
                # A lost connection may have come back to an older server of a mixed ensemble.
                with suppress(UnimplementedError, *LOST_ERRORS):
                    return [result for batch in flow.collect() for result in batch]
            return [as_text(result) for result in self.read(reads)]

        return collect

    def _stream_once(self, reads: Sequence[Read]) -> Iterator[list[ReadResult]]:
        if self._multiread:
            for batch in self._send(reads).collect():
                self._multiread_works = True
                yield batch
            return
        get, children = self._client.get_async, self._client.get_children_async
        for some in self._sizes.batches(reads):
            answers = [children(read.path) if read.children else get(read.path) for read in some]
            wait = self._connection.deadline()
            results = [self._single(wait, read, answer) for read, answer in zip(some, answers, strict=True)]
            self._sizes.learn(some, results)
            yield results

    def _send(self, reads: Sequence[Read], *, text: bool = False) -> Flow:
        """Begin to send `multiRead` requests, which kazoo does not know, and return what collects their answers."""
        learn = self._sizes.learn

        def send(batch: Sequence[Read]) -> Any:  # noqa: ANN401 - kazoo is untyped
            answer = self._client.handler.async_result()
            self._client._call(MultiRead(batch, self._client.chroot, text, self._denied, learn), answer)
            return answer

        return Flow(reads, self._sizes, send, self._connection.deadline)

    def _single(self, wait: Callable[[Any], Any], read: Read, answer: Any) -> ReadResult:  # noqa: ANN401
        try:
            result = wait(answer)
        except NoNodeError:
            return None
        except NoAuthError:
            if self._denied is None:
                raise access_denied(read.path) from None
            self._denied[read.path] = None
            return None
        if read.children:
            return list(result)
        data, stat = result
        return Znode(data or b"", pack_stat(stat))

    def commit(self, ops: Sequence[Op]) -> None:
        """Apply all of *ops*, or none; see :class:`pvc_cli.zk.store.Store`.

        :raises TooLargeError: if they do not fit into one request.
        :raises AccessDeniedError: if an access control list forbids one.
        :raises UnreachableError: if no server can be asked, so that nothing was applied.
        """
        if not ops:
            return
        self.require_fit(ops)
        if self._before_change:
            self._before_change()
        if not self._on_change:
            self._commit(ops, lambda _: None)
            return
        before = self._look_before(ops)
        changes = changed_by(ops, [None] * len(ops), before, 0)
        settle = self._on_change(with_things(changes, lambda path: thing_of(path, before.get(path))))
        try:
            self._commit(ops, lambda results: settle(changed_by(ops, results, before, self.last_zxid)))
        except (OutcomeUnknownError, ReplacedError):
            raise
        except PvcError:
            settle([])
            raise

    def _commit(self, ops: Sequence[Op], tell: Callable[[Sequence[Any]], object]) -> None:
        """Apply all of *ops*, or none, and *tell* the results once they are."""
        until = time.monotonic() + self._connection.timeout
        while True:
            self._waits[0] += 1
            last_seen = self._client.last_zxid
            try:
                results = self._connection.deadline()(self._request(ops).commit_async())
            except LOST_ERRORS:
                if self._was_applied(ops, until, last_seen):
                    # It was made, whether or not its versions can be read.
                    with suppress(PvcError):
                        tell(self._stats([op.path for op in ops]))
                    return
            except UnreachableError as error:
                raise unknown(f"({error})") from None
            else:
                judge(ops, results)
                tell(results)
                judge_replaced(ops, [getattr(result, "czxid", None) for result in results])
                return

    def _look_before(self, ops: Sequence[Op]) -> dict[str, Znode | None]:
        """Return what *ops* change and the things that it is of, as far as they tell; the rest is read, in one batch.

        A thing that may not be read stays unknown.
        """
        told: dict[str, Znode | None] = {op.path: op.found for op in ops if op.found}
        unknown = without_before(ops)
        denied: dict[str, None] = {}
        found = read_written(self.tolerant(denied), [*unknown, *(set(things_before(ops)) - told.keys())])
        if refused := denied.keys() & set(unknown):
            raise access_denied(min(refused))
        return told | found

    def _stats(self, paths: Sequence[str]) -> list[Stat | None]:
        found = self.read([Read(path) for path in paths])
        return [znode.stat if isinstance(znode, Znode) else None for znode in found]

    @property
    def last_zxid(self) -> int:
        """The number of the last transaction that the servers told of."""
        return int(self._client.last_zxid)

    def size(self, ops: Sequence[Op]) -> int:
        """Return how many bytes *ops* take in a request; see :class:`pvc_cli.zk.store.Store`."""
        return self._request_size.size(ops)

    def require_fit(self, ops: Sequence[Op]) -> None:
        """Check that *ops* fit into one request; see :class:`pvc_cli.zk.store.Store`."""
        self._request_size.require_fit(ops)

    def require_writable(self) -> None:
        """Do nothing: who may write what is for the servers to say."""

    def exposes(self, paths: Sequence[str]) -> bool:
        """Tell whether what we create is open, while one of *paths* is not; see :class:`pvc_cli.zk.store.Store`."""
        if self._client.default_acl not in (None, OPEN_ACL_UNSAFE):
            return False
        until = time.monotonic() + self._connection.timeout
        while True:
            try:
                return self._are_restricted(paths)
            except LOST_ERRORS:
                self._connection.await_session(until)
                if time.monotonic() >= until:
                    raise self._connection.unreachable() from None

    def _are_restricted(self, paths: Sequence[str]) -> bool:
        wait = self._connection.deadline()
        answers = [self._client.get_acls_async(path) for path in paths]
        for answer in answers:
            with suppress(NoNodeError):
                try:
                    acl, _ = wait(answer)
                except NoAuthError:
                    return True
                if list(acl) != OPEN_ACL_UNSAFE:
                    return True
        return False

    def lock(self, kind: LockKind, path: str, on_wait: OnWait = None) -> HeldLock:
        """Return a lock on the existing znode at *path*."""
        return HeldLock(self._connection, kind, path, self._lock_timeout, self._lock_holder, on_wait)

    def _request(self, ops: Sequence[Op]) -> Any:  # noqa: ANN401 - kazoo is untyped
        """Return kazoo's transaction of *ops*; it can be committed once only."""
        request = self._client.transaction()
        for op in ops:
            if op.kind == "create":
                request.create(op.path, op.data)
            elif op.kind == "set":
                request.set_data(op.path, op.data, op.version)
            elif op.kind == "delete":
                request.delete(op.path, op.version)
            else:
                request.check(op.path, op.version)
        return request

    def _was_applied(self, ops: Sequence[Op], until: float, last_seen: int) -> bool:
        """Tell, after the connection was lost around a commit, whether it was made.

        On the same session or a later one, nothing of the old connection can still arrive behind a `sync`. Whatever
        *ops* changed carries a later transaction's number than what we had seen before; one znode that does not shows
        that none was applied. That all are as we wrote them, by one transaction, shows that they were.

        :param last_seen: the number of the last transaction that we knew of before they were sent.
        :raises OutcomeUnknownError: if the connection does not come back, or others changed the same znodes since.
        :raises ReplacedError: if it was made, but to another znode than it was decided on.
        """
        # Of several steps on one znode, the last shows.
        changes = list({op.path: op for op in ops if op.kind != "check"}.values())
        try:
            self._connection.await_session(until)
            self._connection.deadline()(self._client.sync_async("/"))
            found = self.read([Read(op.path) for op in changes])
            parents = self.read([Read(op.path.rpartition("/")[0] or "/") for op in changes])
        except (UnreachableError, *LOST_ERRORS) as error:
            raise unknown(f"({error})") from None
        verdicts = {verdict(*row, last_seen) for row in zip(changes, found, parents, strict=True)}
        if not changes or 0 in verdicts:
            return False
        if None in verdicts or len(verdicts - {DELETED}) > 1:
            raise unknown("because another client has changed the same znodes since")
        judge_replaced(changes, [znode.stat.czxid if isinstance(znode, Znode) else None for znode in found])
        return True
