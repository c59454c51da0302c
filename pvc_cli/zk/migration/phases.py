"""The order in which a tree is changed: phases, and the steps of the one that sets the version."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from pvc_cli.zk.base import VERSION_PATH, Base
from pvc_cli.zk.migration.gate import NodeDaemon
from pvc_cli.zk.schema import ZKSchema
from pvc_cli.zk.store import Op

_T = TypeVar("_T")


class Phase(NamedTuple):
    """Steps that are complete before the next phase begins."""

    ops: Collection[Op]
    guards: Sequence[Op] = ()
    """Steps that every transaction of the phase begins with."""
    witnesses: Sequence[Op] = ()
    """More such steps, which a transaction goes without that has hardly room for its own."""
    together: bool = False
    """Whether all are one transaction."""

    def parts(self) -> Collection[Sequence[Op]]:
        """Return what is to be applied completely or not at all."""
        if self.together:
            return [list(self.ops)] if self.ops else []
        return Lazily(len(self.ops), lambda: ((op,) for op in self.ops))


class Lazily(Collection[_T]):
    """As many things as are counted, made anew each time they are gone through."""

    def __init__(self, count: int, make: Callable[[], Iterator[_T]]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_T]:
        return self._make()

    def __contains__(self, thing: object) -> bool:
        return any(other == thing for other in self)


def version_step(base: Base, target: int) -> Op:
    """Return the step that sets the version, unless another client did."""
    data = str(target).encode()
    if base.znode is None:
        return Op("create", VERSION_PATH, data)
    return Op("set", VERSION_PATH, data, base.znode.version, base.znode)


def guards_after(base: Base, *, sets_version: bool) -> list[Op]:
    """Return the steps that refuse a transaction if another client set the version, after we did or did not."""
    if not sets_version:
        return base.guards
    return [Op("check", VERSION_PATH, version=base.znode.version + 1 if base.znode else 0)]


def witnesses(schema: ZKSchema, daemons: Iterable[NodeDaemon]) -> Iterator[Op]:
    """Yield the steps that refuse a transaction if a node started to know another version, or a daemon to run."""
    for daemon in daemons:
        said = {"node.data.latest_schema": daemon.latest, "node.state.daemon": None if daemon.runs else daemon.state}
        for key, znode in said.items():
            path = schema.path((key, daemon.name))
            if znode and path:
                yield Op("check", path, version=znode.version)


def active_steps(target: ZKSchema, daemons: Iterable[NodeDaemon], created: Container[str]) -> Iterator[Op]:
    """Yield the steps that make the nodes' daemons start with the version *target*.

    :param created: the paths that an earlier phase creates.
    """
    data = str(target.version).encode()
    for daemon in daemons:
        path = target.path(("node.data.active_schema", daemon.name)) or ""
        if daemon.active is None:
            yield Op("set", path, data, 0) if path in created else Op("create", path, data)
        elif daemon.active.data != data:
            yield Op("set", path, data, daemon.active.version, daemon.active)
