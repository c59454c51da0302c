"""The schema version that a decision was made on."""

from __future__ import annotations

from typing import NamedTuple

from pvc_cli.errors import ConflictError, SchemaError, quoted
from pvc_cli.zk.schema import ZKSchema, parse_version
from pvc_cli.zk.store import Op, Read, Store, Znode

VERSION_KEY = "base.schema.version"
VERSION_PATH = ZKSchema.at(0).path(VERSION_KEY) or ""
"""The one path that every version agrees on: it has to be known before the version is."""


class Base(NamedTuple):
    """A schema version as it was read; 0 where there is none."""

    version: int
    znode: Znode | None

    @property
    def guards(self) -> list[Op]:
        """Steps that refuse a transaction once the version was set again."""
        return [Op("check", VERSION_PATH, version=self.znode.version)] if self.znode else []

    def is_same(self, now: Base) -> bool:
        """Tell whether the version was neither set nor created since."""
        if self.znode is None or now.znode is None:
            return self.znode is now.znode
        return self.version == now.version and _mark(self.znode) == _mark(now.znode)


def schema_changed() -> ConflictError:
    """Return the error for a transaction that the guards of its :class:`Base` refused."""
    return ConflictError("the schema version of the cluster changed meanwhile: rerun the same command to finish")


def read_base(store: Store) -> Base:
    """Return the schema version of the tree in *store*.

    :raises SchemaError: if it is invalid.
    """
    (found,) = store.read([Read(VERSION_PATH)])
    znode = found if isinstance(found, Znode) else None
    text = znode.text if znode else ""
    version = parse_version(text)
    if version is None:
        raise SchemaError(
            f"{VERSION_PATH} holds {quoted(text[:40])}, which is not a schema version: correct it by hand"
        )
    return Base(version, znode)


def version_mark(store: Store) -> tuple[int, int] | None:
    """Return what changes when the schema version is set or its znode created again; None if there is none."""
    (found,) = store.read([Read(VERSION_PATH)])
    return _mark(found) if isinstance(found, Znode) else None


def _mark(znode: Znode) -> tuple[int, int]:
    return znode.stat.czxid, znode.version


def is_uninitialised(store: Store) -> bool:
    """Tell whether the tree has neither a schema version nor a node: empty, or an interrupted first apply."""
    schema = ZKSchema.at(0)
    version, nodes = store.read([Read(VERSION_PATH), Read(schema.path("base.node") or "", children=True)])
    return not nodes and not (isinstance(version, Znode) and version.text.strip())
