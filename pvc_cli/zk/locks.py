"""Locks on keys: kazoo's recipes, the ones that PVC's daemons use, so that each keeps out the other."""

from __future__ import annotations

import contextlib
import os
import re
from types import TracebackType
from typing import Any, Literal

from kazoo.exceptions import KazooException, LockTimeout, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from pvc_cli import identity
from pvc_cli.errors import LockError, printable
from pvc_cli.zk.connection import Connection

CONTENDER = re.compile(r"[0-9a-f]{32}__r?lock__\d{10}")
"""The name of a child by which kazoo's recipes queue for a lock: not data, and gone with its holder."""

LockKind = Literal["readlock", "writelock", "exclusivelock"]
_RECIPES = {"readlock": "ReadLock", "writelock": "WriteLock", "exclusivelock": "Lock"}


class HeldLock:
    """A lock on an existing znode, held inside a ``with`` block.

    :param timeout: how long, in seconds, to wait for those who hold it.
    """

    def __init__(self, connection: Connection, kind: LockKind, path: str, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        holder = f"pvc, {identity.user()}@{identity.host()}, process {os.getpid()}"
        self._recipe: Any = getattr(connection.client, _RECIPES[kind])(path, holder)
        # The recipe would create the path on acquiring, and so invent a znode that the schema does not have.
        self._recipe.assured_path = True

    def acquire(self) -> None:
        """Wait for the lock.

        :raises LockError: if it was not free in time, or its znode is gone; nothing is left behind.
        """
        try:
            gotten = self._recipe.acquire(timeout=self._timeout)
        except NoNodeError:
            raise LockError(f"there is no {self.path} to lock: check that the item still exists") from None
        except (LockTimeout, KazooTimeoutError):
            gotten = False
        except KazooException as error:
            raise LockError(f"the lock on {self.path} could not be had: {type(error).__name__}") from None
        if not gotten:
            holders = ", ".join(filter(None, map(printable, self._recipe.contenders()))) or "somebody unnamed"
            raise LockError(
                f"the lock on {self.path} was not free within {self._timeout:g} s (held by {holders}):"
                " try again, or wait longer with --timeout"
            )

    def release(self) -> None:
        """Give the lock up."""
        # A contender that cannot be deleted now is ephemeral: it goes when its session does.
        with contextlib.suppress(KazooException, KazooTimeoutError):
            self._recipe.release()

    def __enter__(self) -> HeldLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
