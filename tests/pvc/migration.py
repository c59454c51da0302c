"""PVC's own migration and rollback, with their faults: what they leave in a tree is what pvc has to cope with.

Every version on the way is compared with the one that the daemon *started* from, in the order of a directory. The
keys of items are written by their sub-paths alone, that is at the root. One version is one transaction, in the order
of a set, which is another in every process: if a child comes before its parent, all of it fails. Its results are
never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kazoo.client import KazooClient

from pvc_cli.zk.schema import ZKSchema

GROUPS = ("base", "node", "domain", "network", "osd", "pool", "volume", "snapshot")
"""What a version is compared in; kinds of items that are below others are left out."""
Order = Callable[[str], str]
"""What keys are sorted by."""


def keys_of(version: int) -> dict[str, str]:
    """Return the path, or the sub-path, of each key that is compared."""
    schema = ZKSchema.at(version)
    return {key: definition.path for group in GROUPS for key, definition in schema.keys_of(group)}


def migrate(client: KazooClient, start: int, target: int, knows: int, order: Order = str) -> None:
    """Go from the version *start* up to *target*, as far as the software *knows* versions."""
    for number in _in_directory_order(start + 1, min(target, knows)):
        _apply(client, keys_of(start), keys_of(number), order)


def roll_back(client: KazooClient, start: int, target: int) -> None:
    """Go from the version *start* down to *target*."""
    for number in reversed(_in_directory_order(target, start - 1)):
        _apply(client, keys_of(start), keys_of(number), str)


def _in_directory_order(first: int, last: int) -> list[int]:
    return sorted(range(first, last + 1), key=str)


def _apply(client: KazooClient, old: Mapping[str, str], new: Mapping[str, str], order: Order) -> None:
    transaction = client.transaction()
    for key in sorted(new.keys() - old.keys(), key=order):
        value = b"default" if key == "pool.tier" else b""
        if found := client.exists(new[key]):
            transaction.set_data(new[key], value)
            transaction.check(new[key], found.version + 1)
        else:
            transaction.create(new[key], value)
    transaction.commit()
    for key in sorted(old.keys() - new.keys()):
        if client.exists(old[key]):
            client.delete(old[key], recursive=True)
