"""Send many reads so that no more is on its way than a small server can hold.

A server makes each reply in its memory, and keeps those that a slow client has not taken. PVC starts ZooKeeper with a
heap of 128 MiB, in which the console logs of a hundred VMs do not fit.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pvc_cli.zk.store import Read, Znode

_BATCH_READS = 2048
_BATCH_BYTES = 1_000_000
"""What a request may take, and what its reply should."""
_WINDOW = 4
"""How many requests are on their way at once."""
_SMALL = 114
"""What a small value takes with its record."""
_LARGE = 4096
_LEAST = 100_000
_LOGS = ("consolelog", "messages")
"""Names of values of up to megabytes, many of which may be small today."""


def are_logs(path: str) -> bool:
    """Tell whether the value at *path* may have megabytes."""
    return path.endswith(_LOGS)


class Sizes:
    """What values of a name take: the largest that was seen lately of each name whose values can be large."""

    def __init__(self) -> None:
        self._largest = dict.fromkeys(_LOGS, _BATCH_BYTES)
        self._names: tuple[str, ...] = _LOGS

    def batches(self, reads: Sequence[Read]) -> Iterator[Sequence[Read]]:
        """Cut *reads* into requests of a modest size, with replies of a modest size."""
        for start in range(0, len(reads), _BATCH_READS):
            part = reads[start : start + _BATCH_READS] if len(reads) > _BATCH_READS else reads
            size = 3 * sum(len(path) for path, _ in part) + _SMALL * len(part)
            names = self._names
            if size <= _BATCH_BYTES and not any(not below and path.endswith(names) for path, below in part):
                yield part
            else:
                yield from self._careful(part)

    def _careful(self, reads: Sequence[Read]) -> Iterator[Sequence[Read]]:
        batch: list[Read] = []
        size = 0
        for read in reads:
            known = 0 if read.children else self._largest.get(read.path.rpartition("/")[2], 0)
            cost = 3 * len(read.path) + _SMALL + known
            if batch and size + cost > _BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(read)
            size += cost
        if batch:
            yield batch

    def learn(self, reads: Sequence[Read], results: Sequence[object]) -> None:
        """Remember what the values of a reply took that was large, or had logs in it."""
        for read, result in zip(reads, results, strict=True):
            name = read.path.rpartition("/")[2]
            size = len(result.data if isinstance(result, Znode) else result if isinstance(result, str) else b"")
            if name in _LOGS:
                self._largest[name] = max(size, self._largest[name] // 2, _LEAST)
            elif size > _LARGE:
                self._largest[name] = max(size, self._largest.get(name, 0))
        self._names = tuple(self._largest)


class Flow:
    """Requests for *reads*, few of them on their way at once.

    :param send: sends a request, and returns kazoo's promise of its answer.
    :param deadline: returns what waits for such a promise, for a while from now.
    """

    def __init__(
        self,
        reads: Sequence[Read],
        sizes: Sizes,
        send: Callable[[Sequence[Read]], Any],
        deadline: Callable[[], Callable[[Any], Any]],
    ) -> None:
        self._sizes, self._send, self._deadline = sizes, send, deadline
        self._batches = sizes.batches(reads)
        self._sent: deque[tuple[Sequence[Read], Any]] = deque()
        while len(self._sent) < _WINDOW and self._send_next():
            pass

    def _send_next(self) -> bool:
        batch = next(self._batches, None)
        if batch:
            self._sent.append((batch, self._send(batch)))
        return bool(batch)

    def collect(self) -> Iterator[list[Any]]:
        """Yield the results of each request, in order."""
        while self._sent:
            batch, answer = self._sent.popleft()
            results = self._deadline()(answer)
            if are_logs(batch[-1].path):
                self._sizes.learn(batch, results)
            self._send_next()
            yield results
