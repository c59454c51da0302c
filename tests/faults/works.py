"""Every command that changes a tree, at work on a tree large enough that it takes many transactions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kazoo.client import KazooClient

from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import ZKSchema

VFS = [(node, vf, f"{vm}-0{node}") for node in (1, 2, 3) for vf, vm in enumerate(("web", "app", "db", "cache"))]
RIVAL = "rival"
"""What a second client creates below each VM, at the wrong moment."""


def joined(pattern: str) -> str:
    """Return one command for each of twelve VFs, of three nodes."""
    return " ; ".join(pattern.format(node=f"pvchv{node}", vf=f"ens1f1v{vf}", vm=vm) for node, vf, vm in VFS)


Values = dict[str, bytes]


def untouched(_: Values) -> None:
    """Leave a tree as it is."""


def damage(values: Values) -> None:
    """Take keys away that every VM has."""
    for path in [path for path in values if path.startswith("/domains/") and path.endswith(("/state", "/profile"))]:
        del values[path]


def tag(values: Values) -> None:
    """Tag every VM."""
    for vm in [path for path in values if path.startswith("/domains/") and path.count("/") == 2]:
        top = f"{vm}/tags/faulted"
        values |= {top: b"faulted", f"{top}/type": b"user", f"{top}/protected": b"False"}


def claim(values: Values) -> None:
    """Claim twelve VFs for VMs that do not use them."""
    names = {value.decode(): path for path, value in values.items() if path.count("/") == 2 and "/domains/" in path}
    for node, vf, vm in VFS:
        top = f"/nodes/pvchv{node}/sriov/vf/ens1f1v{vf}"
        values |= {f"{top}/used": b"True", f"{top}/used_by": names[vm].rpartition("/")[2].encode()}


@dataclass
class Work:
    """Something to be disturbed: a tree, a command, and what the command leaves there if nothing happens.

    :param vms: how many VMs the tree has.
    :param version: its schema version.
    :param chunk: how many steps the command puts into one transaction at most.
    :param prepare: changes the tree before the command runs.
    :param keeps: whether the command leaves alone what it does not know.
    """

    command: str
    vms: int = 30
    version: int = 15
    chunk: int = 20
    prepare: Callable[[Values], None] = untouched
    keeps: bool = True
    transactions: int = 0
    expected: Values = field(default_factory=dict)

    def plant(self, client: KazooClient, root: str) -> None:
        """Put the tree below *root*; the daemons of its nodes are stopped."""
        schema = ZKSchema(self.version)
        values = {schema.path(key) or "": value.encode() for key, value in cluster(self.vms, schema)}
        values |= {path: b"stop" for path in values if path.endswith("/daemonstate")}
        self.prepare(values)
        client.create(root)
        paths = sorted(path for path in values if path != "/")
        for start in range(0, len(paths), 2000):
            transaction = client.transaction()
            for path in paths[start : start + 2000]:
                transaction.create(root + path, values[path])
            assert all(isinstance(result, str) for result in transaction.commit())


def stop(values: Values) -> None:
    """Stop every VM, under running daemons."""
    values |= {path: b"stop" for path in values if path.startswith("/domains/") and path.endswith("/state")}
    values |= {path: b"run" for path in values if path.endswith("/daemonstate")}


WORKS = (
    *("tag add", "tag remove", "tag rename", "vm start", "vm meta", "vf set", "vf claim", "vf release", "vf audit"),
    *("apply", "upgrade", "rollback", "restore"),
)


def works(folder: Path) -> dict[str, Work]:
    """Return the WORKS by name; the backup that one of them restores goes to *folder*."""
    schema = ZKSchema(0)
    backup = folder / "backup.json"
    backup.write_text(json.dumps({"/": ""} | {schema.path(key): value for key, value in cluster(30, schema)}))
    return {
        "tag add": Work("vm tag add --all faulted -p", vms=60),
        "tag remove": Work("vm tag remove --all faulted --if-exists", vms=60, prepare=tag),
        "tag rename": Work("vm tag rename faulted other", vms=60, prepare=tag),
        "vm start": Work("vm start --all", prepare=stop),
        "vm meta": Work("vm meta set --all --profile other --limit pvchv1", vms=60),
        "vf set": Work(joined("sriov vf set {node} {vf} --vlan-id 7 --trust")),
        "vf claim": Work(joined("sriov vf claim {node} {vf} {vm}")),
        "vf release": Work(joined("sriov vf release {node} {vf}"), prepare=claim),
        "vf audit": Work("sriov vf audit --fix", prepare=claim),
        "apply": Work("schema apply", chunk=5, prepare=damage),
        "upgrade": Work("schema upgrade --yes --no-backup", version=0),
        "rollback": Work("schema rollback --to 0 --yes --no-backup", chunk=80),
        "restore": Work(f"cluster restore {backup} --yes --no-backup", keeps=False, chunk=80),
    }


def different(found: Values, expected: Values) -> list[str]:
    """Return the first paths whose values are not the same."""
    return [path for path in sorted({*found, *expected}) if found.get(path) != expected.get(path)][:5]
