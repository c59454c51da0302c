"""One agent per node: the lock that keeps a second one out.

It is a lock on the node's own SR-IOV znode. That exists wherever the tree has SR-IOV, nobody else lists what is in
it, and it goes with the node.
"""

import time
from dataclasses import dataclass

from pvc_cli.agent.register import SEE_NODE
from pvc_cli.cluster.nodes import require_node
from pvc_cli.errors import LockError
from pvc_cli.zk import Key, Lock, ZKHandler
from pvc_cli.zk.store import CommitConflictError

QUIET = 3.0
"""Seconds for which what somebody deletes from the tree is left so: who deletes a node must be able to finish."""


class OtherAgentError(LockError):
    """Another agent manages the node."""


@dataclass(slots=True)
class Lease:
    """The right to manage a node, as long as the session lasts."""

    node: str
    _handler: ZKHandler | None = None
    _session: int | None = None
    _lock: Lock | None = None
    _lost_at: float | None = None

    @property
    def lock(self) -> Lock | None:
        """The lock, if it was held when that was last asked; what is fenced with it fails if it no longer is."""
        return self._lock

    def hold(self, handler: ZKHandler) -> Lock:
        """Return the lock, held.

        :raises NotFoundError: if the tree has no such node.
        :raises OtherAgentError: if another agent has it.
        :raises LockError: if somebody has just deleted it, perhaps with all of the node.
        :raises UnreachableError: if no server answers in time.
        """
        same = self._handler is handler and self._session == handler.session_id
        if self._lock and same:
            if self._lock.is_held():
                return self._lock
            self._lost_at = time.monotonic()
        self._lock = None
        key: Key = ("node.sriov", self.node)
        own, place = handler.exists_many([("node", self.node), key])
        if not own:
            require_node(handler, self.node, otherwise=SEE_NODE)
        if same and self._lost_at and time.monotonic() < self._lost_at + QUIET:
            raise LockError(
                f"somebody deleted the agent's lock of node {self.node}: acquiring it again in {QUIET:g} s"
            )
        if not place:
            self._create(handler, key)
        lock = handler.exclusivelock(key)
        if holders := lock.try_acquire():
            raise OtherAgentError(
                f"another agent manages node {self.node}: {holders}; stop that one first, there can be only one"
            )
        self._handler, self._session, self._lock, self._lost_at = handler, handler.session_id, lock, None
        return lock

    def _create(self, handler: ZKHandler, key: Key) -> None:
        transaction = handler.transaction()
        transaction.create(key)
        try:
            transaction.commit()
        except CommitConflictError:
            # Another agent was faster; or the node is gone, and then the lock says so.
            return

    def release(self) -> None:
        """Let another agent manage the node."""
        lock, self._lock = self._lock, None
        if lock:
            lock.release()
