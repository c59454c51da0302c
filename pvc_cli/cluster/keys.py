"""Set the value of a single key."""

from collections.abc import Sequence

from pvc_cli.cluster.controls import Control, Plan, decide
from pvc_cli.errors import NotFoundError, RefusedError
from pvc_cli.zk import Key, ZKHandler

_VERSION = "base.schema.version"


def plan_set(key: Key, path: str, value: str) -> Plan[str]:
    """Return the plan that gives *key*, at *path*, its value, for :func:`pvc_cli.cluster.controls.control`.

    :raises RefusedError: for the schema version, by which every key is found.
    """
    if key == _VERSION:
        raise RefusedError("cannot set the schema version alone: use 'pvc schema upgrade' or 'pvc schema rollback'")

    def plan(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
        # A key below an item needs the item: half of one must not come back.
        owner: Key | None = None
        if not isinstance(key, str):
            *above, last, name = key
            owner = (*above, last.partition(".")[0], name)
        found, item = handler.get_znodes([key, owner or "base.root"])
        if found is None and item is None:
            raise NotFoundError(f"cannot set {path}: there is no such item")
        return [decide(handler.transaction(), name, [(key, found, value)], "set", "has this value") for name in names]

    return plan
