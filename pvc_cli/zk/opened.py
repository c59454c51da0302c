"""Open the tree of a PVC cluster: its session, or another store in its place, at its schema version."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pvc_cli.errors import PvcError
from pvc_cli.zk.access import NO_ACCESS, Access
from pvc_cli.zk.base import Base, read_base
from pvc_cli.zk.schema import ZKSchema, find_schema
from pvc_cli.zk.schema.definition import versions
from pvc_cli.zk.store import Store

if TYPE_CHECKING:
    from pvc_cli.zk.connection import Connection
    from pvc_cli.zk.ensemble import EnsembleReport
    from pvc_cli.zk.undo import OnChange

_NOT_CONNECTED = "the handler is not connected: call connect(), or use it in a with statement"
_SERVERS_ANSWER_WITHIN = 2.0


class OpenTree:
    """The tree of one cluster while it is open. Safe to use from several threads.

    :param hosts: ``HOST[:PORT],…[/chroot]``.
    :param access: how to authenticate.
    :param timeout: seconds to wait for an answer.
    :param refused_timeout: seconds after which servers that all refuse connections are given up at the start; by
        default, *timeout*.
    :param session_timeout: seconds after which the servers end the session of a client that went silent.
    :param multiread: False to read without ZooKeeper's `multiRead`; servers before 3.6 are detected anyway.
    :param on_event: is told, in a sentence each, when the session is opened, suspended, resumed and closed.
    :param before_change: is called before every transaction that is sent.
    :param on_change: is told what each transaction is about to change; what it returns is told what that has changed.
    :param lock_timeout: seconds to wait for a lock; a killed holder's is free after its session's timeout.
    :param lock_holder: shown to those who wait for our locks; by default, the number of this process.
    :param schema_dir: where an installed PVC defines newer schema versions; by default, PVC's own place.
    """

    def __init__(
        self,
        hosts: str,
        *,
        access: Access = NO_ACCESS,
        timeout: float = 10.0,
        refused_timeout: float | None = None,
        session_timeout: float = 10.0,
        multiread: bool = True,
        on_event: Callable[[str], None] | None = None,
        before_change: Callable[[], None] | None = None,
        on_change: OnChange | None = None,
        lock_timeout: float = 30.0,
        lock_holder: str = "",
        schema_dir: str | Path | None = None,
    ) -> None:
        self.hosts = hosts
        self.timeout = timeout
        self._refused_timeout = refused_timeout
        self._access = access
        self._session_timeout = session_timeout
        self._multiread = multiread
        self._on_event = on_event
        self._before_change = before_change
        self._on_change = on_change
        self._lock_timeout = lock_timeout
        self._lock_holder = lock_holder
        self._schema_dir = schema_dir
        self._connection: Connection | None = None
        self._store: Store | None = None
        self._schema: ZKSchema | None = None
        self._base: Base | None = None

    @classmethod
    def over(cls, store: Store, *, hosts: str = "", schema_dir: str | Path | None = None) -> Self:
        """Return an open tree that reads from and commits to *store*; it has no session, and so no watches.

        :param hosts: what stands in their place.
        """
        opened = cls(hosts, schema_dir=schema_dir)
        opened._store = store
        return opened

    def connect(self) -> None:
        """Open the session; does nothing on one that is open.

        :raises UnreachableError: if no server answers in time.
        :raises ConfigError: if the hosts are invalid, or the chroot does not exist.
        """
        if self._connection:
            return
        # Imported here: reading the schema or a help page does not need kazoo.
        from pvc_cli.zk.connection import Connection
        from pvc_cli.zk.live import LiveStore

        connection = Connection(
            self.hosts,
            timeout=self.timeout,
            refused_timeout=self._refused_timeout,
            session_timeout=self._session_timeout,
            on_event=self._on_event,
            access=self._access,
        )
        connection.start(meanwhile=versions)
        self._connection = connection
        self._store = LiveStore(
            connection,
            multiread=self._multiread,
            before_change=self._before_change,
            on_change=self._on_change,
            lock_timeout=self._lock_timeout,
            lock_holder=self._lock_holder,
        )

    def tolerant(self) -> tuple[Self, dict[str, None]]:
        """Return a view of this tree that reads as missing what access control lists forbid, and their paths.

        That is for listings and backups: what would be decided on it could be wrong.
        """
        denied: dict[str, None] = {}
        view = copy.copy(self)
        view._store = self.store.tolerant(denied)
        return view, denied

    def disconnect(self) -> None:
        """Close the session; does nothing on one that is closed."""
        connection, self._connection, self._store, self._schema = self._connection, None, None, None
        if connection:
            connection.stop()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    def announce_change(self) -> None:
        """Have a change outside the tree checked and logged before it is made, as a transaction would be."""
        if self._before_change:
            self._before_change()

    @property
    def is_live(self) -> bool:
        """Whether this is a running cluster, not a backup."""
        return self._connection is not None

    @property
    def is_connected(self) -> bool:
        """Whether a server answers, as far as is known without asking; a backup always does."""
        return self._connection is None or bool(self._connection.client.connected)

    @property
    def lost_since(self) -> float | None:
        """When the connection was lost, in seconds since 1970; None while there is one, and of a backup."""
        return self._connection.lost_since if self._connection else None

    @property
    def reconnects(self) -> bool:
        """Whether a lost connection is tried again: not once the session has ended for good."""
        return self._connection is not None and self._connection.reconnects

    @property
    def session_id(self) -> int | None:
        """The number of the session; None without one."""
        found = self._connection and self._connection.client.client_id
        return int(found[0]) if found else None

    @property
    def store(self) -> Store:
        """What the tree is read from and committed to."""
        if self._store is None:
            raise PvcError(_NOT_CONNECTED)
        return self._store

    def _require_connection(self) -> Connection:
        if self._connection is None:
            raise PvcError(_NOT_CONNECTED)
        return self._connection

    @property
    def schema(self) -> ZKSchema:
        """The schema of the cluster's version, read at the first use.

        :raises SchemaError: if the version cannot be read, or this pvc does not know it.
        """
        if self._schema is None:
            base = self.read_base()
            self._schema, self._base = self.schema_at(base.version), base
        return self._schema

    def schema_at(self, version: int | None = None) -> ZKSchema:
        """Return the schema of any version, by default the newest that is known.

        :raises SchemaError: if neither this pvc nor an installed PVC knows the version.
        """
        return find_schema(version, self._schema_dir)

    def refresh_schema(self) -> ZKSchema:
        """Look again which schema version the cluster has, and return its schema."""
        self._schema = None
        return self.schema

    @property
    def last_zxid(self) -> int:
        """The number of the last transaction that the servers told of."""
        return self.store.last_zxid

    @property
    def base(self) -> Base:
        """The schema version by which keys resolve, as it was read."""
        _ = self.schema
        return self._base or self.read_base()

    @property
    def known_base(self) -> Base | None:
        """The same, if it was read already."""
        return self._base

    def read_base(self) -> Base:
        """Read which schema version the cluster has now; what is decided on it is judged by it later."""
        return read_base(self.store)

    def ask_servers(self) -> Callable[[], EnsembleReport] | None:
        """Ask each server of the cluster how it is; return what waits for the answers, None on a backup.

        That opens connections of its own. Answers are waited for two seconds from now at most, less where
        :attr:`timeout` is shorter; what comes later counts if nobody waited before.
        """
        if self._connection is None:
            return None
        from pvc_cli.zk.ensemble import ask_servers

        patience = min(self.timeout, _SERVERS_ANSWER_WITHIN)
        return ask_servers(self.hosts, self._access, patience=patience, timeout=self.timeout)
