"""Every mutating command, every rival, every call of the store: each report is true, nothing else is changed.

The commands run through the entry point that people use. A control takes one guard out: then something must go wrong.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from pvc_cli import app
from pvc_cli.connections.cluster_id import file_hosts
from pvc_cli.connections.recorder import Recorder
from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import Key, Transaction, ZKSchema
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.store import ANY_VERSION, Op, Read, Store, Znode
from pvc_cli.zk.undo import Changed
from tests.interleavings.rivals import CONTENDER, Interleaved, arrive, clone, drop, names, put, recreate, value

pytestmark = [pytest.mark.interleaving, pytest.mark.no_cover]
FEW = 300
LEAST = 20_000
"""How many interleavings there are at least, over all commands."""


# No command and no rival comes near: each of tens of thousands of runs would read or copy it all the same.
_NEEDLESS = re.compile(
    r"/nodes/[^/]+/monitoring_data/.+"
    r"|/nodes/pvchv3/sriov/vf/.+|/nodes/[^/]+/sriov/vf/ens1f(0v[23]|1v[12])(/.*)?"
    r"|/networks/(1003|2001)(/.*)?"
)


def demo(version: int) -> SnapshotStore:
    schema = ZKSchema.at(version)
    paths = ((schema.path(key) or "", text) for key, text in cluster(4, schema))
    tree = {path: text.encode() for path, text in paths if not _NEEDLESS.fullmatch(path)}
    stopped = {path: b"stop" for path in tree if path.endswith("/daemonstate")}
    return SnapshotStore({"/": b""} | tree | stopped)


TREES = {version: demo(version) for version in (13, 15)}
VMS = {text.decode(): path for path, text in TREES[15].tree.items() if path.count("/") == 2 and "/domains/" in path}
WEB, APP, OTHER = VMS["web-01"], VMS["app-01"], VMS["db-01"]
VF = "/nodes/pvchv1/sriov/vf/ens1f0v1"
USE = "<interface type='direct'><mac address='52:54:00:00:00:01'/><source dev='ens1f0v1'/></interface>"


# What a rival does


def use_in_xml(store: Store, vm: str = WEB) -> None:
    put(store, f"{vm}/xml", (value(store, f"{vm}/xml") or "").replace("</devices>", f"{USE}</devices>"))


def add_tag(store: Store, name: str, kind: str, protected: str) -> None:
    put(store, f"{WEB}/tags/{name}", name)
    put(store, f"{WEB}/tags/{name}/type", kind)
    put(store, f"{WEB}/tags/{name}/protected", protected)


def claim(store: Store) -> None:
    put(store, f"{VF}/used", "True")
    put(store, f"{VF}/used_by", OTHER.rpartition("/")[2])


def add_snapshot(store: Store) -> None:
    for name, text in (("", "s"), ("/timestamp", "1795577433.98"), ("/xml", ""), ("/rbdsnaplist", "")):
        put(store, f"{APP}/snapshots/s{name}", text)


def claim_another(store: Store) -> None:
    """Claim another VF for the VM, as a claim of any does: the VM's migration method is written, too."""
    vf = "/nodes/pvchv1/sriov/vf/ens1f1v3"
    if value(store, vf) is not None and value(store, f"{vf}/used") != "True":
        put(store, f"{vf}/used", "True")
        put(store, f"{vf}/used_by", WEB.rpartition("/")[2])
        put(store, f"{WEB}/migration_method", value(store, f"{WEB}/migration_method") or "")


def flicker(store: Store) -> None:
    version = value(store, "/schema/version") or ""
    put(store, "/schema/version", "1")
    put(store, "/schema/version", version)


def end_sessions(store: Store) -> None:
    for path in ("/schema/version", f"{WEB}/state"):
        for name in filter(is_contender, names(store, path)):
            drop(store, f"{path}/{name}")


RIVALS: dict[str, Callable[[Store], object]] = {
    "sets version 9": lambda store: put(store, "/schema/version", "9"),
    "sets version 15": lambda store: put(store, "/schema/version", "15"),
    "sets the version back and forth": flicker,
    "deletes the version": lambda store: drop(store, "/schema"),
    "creates the version again": lambda store: recreate(store, "/schema/version"),
    "reports an old node": lambda store: put(store, "/nodes/pvchv2/latestschema", "9"),
    "deletes the VM": lambda store: drop(store, WEB),
    "creates the VM again": lambda store: recreate(store, WEB),
    "renames the VM": lambda store: put(store, WEB, "renamed"),
    "adds the tag": lambda store: add_tag(store, "blue", "user", "False"),
    "adds it as a system tag": lambda store: add_tag(store, "blue", "system", "False"),
    "protects the tag": lambda store: put(store, f"{WEB}/tags/production/protected", "True"),
    "makes it a system tag": lambda store: put(store, f"{WEB}/tags/production/type", "system"),
    "removes the tag": lambda store: drop(store, f"{WEB}/tags/production"),
    "creates the tag again, protected": lambda store: recreate(store, f"{WEB}/tags/production", protected="True"),
    "removes all tags": lambda store: drop(store, f"{WEB}/tags"),
    "claims the VF": claim,
    "releases the VF": lambda store: put(store, f"{VF}/used", "False"),
    "uses the VF in a VM": use_in_xml,
    "uses the VF in another VM": lambda store: use_in_xml(store, OTHER),
    "claims another VF": claim_another,
    "deletes the VF": lambda store: drop(store, VF),
    "registers the VF again, for another": lambda store: recreate(
        store, VF, used="True", used_by=OTHER.rpartition("/")[2]
    ),
    "sets the VF": lambda store: put(store, f"{VF}/config/vlan_id", "99"),
    "snapshots a VM": add_snapshot,
    "takes the lock away": end_sessions,
    "starts the VM": lambda store: put(store, f"{WEB}/state", "start"),
    "lets the VM fail": lambda store: put(store, f"{WEB}/state", "fail"),
    "moves the VM": lambda store: put(store, f"{WEB}/node", "pvchv3"),
    "limits the VM to a node": lambda store: put(store, f"{WEB}/node_limit", "pvchv1"),
    "fills the target": lambda store: put(store, "/nodes/pvchv2/domainstate", "flush"),
    "stops the daemon": lambda store: put(store, "/nodes/pvchv2/daemonstate", "stop"),
    "acknowledges the fault": lambda store: put(store, "/faults/1c9a4f02/status", "ack"),
    "deletes the fault": lambda store: drop(store, "/faults/1c9a4f02"),
    "reports the fault again": lambda store: recreate(store, "/faults/1c9a4f02", status="new"),
    "chooses another primary": lambda store: put(store, "/config/primary_node", "pvchv3"),
    "switches maintenance off": lambda store: put(store, "/config/maintenance", "false"),
}
FAULTS = ("denied", "lost before", "lost after")


def act(name: str) -> Callable[[Interleaved], None]:
    """What the rival or the fault of that name does."""
    if name in FAULTS:
        return lambda store: setattr(store, "fault", name)
    return lambda store: RIVALS[name](store.inner)  # type: ignore[return-value]


# What each command may do


Judge = Callable[[Interleaved, Sequence[Op]], list[str]]


def changes(ops: Sequence[Op]) -> list[Op]:
    return [op for op in ops if op.kind != "check"]


def judge_tag_add(store: Interleaved, ops: Sequence[Op], tag: str) -> list[str]:
    wrong = [f"{op.kind} {op.path}" for op in changes(ops) if not re.search(rf"/tags(/{tag}(/\w+)?)?$", op.path)]
    for vm in (WEB, APP):
        touched = [op for op in changes(ops) if op.path.startswith(f"{vm}/tags")]
        if touched and value(store.inner, f"{vm}/tags/{tag}/type") == "system":
            wrong.append("changed a system tag")
    return wrong + judge_version(store, ops)


def judge_tag_remove(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    wrong = []
    for op in changes(ops):
        top = re.match(r"(/domains/[^/]+/tags/production)", op.path)
        if op.kind != "delete" and not (op.kind == "set" and op.found):
            wrong.append(f"{op.kind} {op.path}")
        if not top:
            wrong.append(f"{op.kind} {op.path}")
        elif value(store.inner, f"{top[1]}/protected") == "True" or value(store.inner, f"{top[1]}/type") == "system":
            wrong.append(f"deleted {op.path}, which was not to be")
    return wrong + judge_version(store, ops)


def judge_tag_rename(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """What was renamed is as it was: its type, its protection; and neither is bound."""
    wrong = []
    for op in changes(ops):
        top = re.match(r"(/domains/[^/]+/tags)/(production|live)", op.path)
        if not top:
            wrong.append(f"{op.kind} {op.path}")
        elif top[2] == "production" and any(
            value(store.inner, f"{top[1]}/production/{key}") == bound
            for key, bound in (("type", "system"), ("protected", "True"))
        ):
            wrong.append(f"{op.kind} {op.path}, which was not to be renamed")
    return wrong + judge_version(store, ops)


def judge_keys(store: Interleaved, ops: Sequence[Op], keys: str, allowed: Callable[[Interleaved], bool]) -> list[str]:
    wrong = [f"{op.kind} {op.path}" for op in changes(ops) if not re.fullmatch(keys, op.path)]
    if changes(ops) and not allowed(store):
        wrong.append("it was not to be changed as things are")
    return wrong + judge_version(store, ops)


def has_neighbour(store: Interleaved) -> bool:
    """Whether another VM holds the VF by its XML."""
    held = {key: value(store.inner, f"{OTHER}/{key}") for key in ("xml", "node", "state")}
    return (held["node"], held["state"]) == ("pvchv1", "start") and "dev='ens1f0v1'" in (held["xml"] or "")


def settle_neighbour(store: Store) -> None:
    put(store, f"{OTHER}/node", "pvchv1")
    put(store, f"{OTHER}/state", "start")


def is_claimable(store: Interleaved) -> bool:
    if has_neighbour(store):
        return False
    mine = value(store.inner, f"{VF}/used_by") == WEB.rpartition("/")[2]
    return (value(store.inner, f"{VF}/used") != "True" or mine) and value(store.inner, WEB) is not None


VF_NAMES = names(TREES[15], "/nodes/pvchv1/sriov/vf")


def judge_claim_any(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """One VF is claimed, which nobody has claimed and no other VM has in its XML, and for a VM that is there."""
    mine, vfs = WEB.rpartition("/")[2], {op.path.rpartition("/")[0] for op in changes(ops) if "/sriov/vf/" in op.path}
    wrong = [f"claimed {vfs}"] if len(vfs) > 1 else []
    for vf in vfs:
        others = value(store.inner, f"{vf}/used") == "True" and value(store.inner, f"{vf}/used_by") != mine
        gone = value(store.inner, vf) is None or value(store.inner, WEB) is None
        shared = vf == VF and has_neighbour(store)
        wrong += [f"claimed {vf} as it was not to be"] if others or gone or shared else []
        holders = {name: value(store.inner, f"/nodes/pvchv1/sriov/vf/{name}/used_by") for name in VF_NAMES}
        has = [name for name, holder in holders.items() if holder == mine and name != vf.rpartition("/")[2]]
        wrong += [f"claimed {vf} although it has {has}"] if has else []
    keys = r"/nodes/pvchv1/sriov/vf/\w+/(used|used_by|mac)|" + f"{WEB}/migration_method"
    return wrong + judge_keys(store, ops, keys=keys, allowed=lambda _: True)


def is_releasable(store: Interleaved) -> bool:
    holder = value(store.inner, f"{VF}/used_by") or ""
    xml = value(store.inner, f"/domains/{holder}/xml") or ""
    runs = (
        value(store.inner, f"/domains/{holder}/state") == "start"
        and value(store.inner, f"/domains/{holder}/node") == "pvchv1"
    )
    return not (holder and "ens1f0v1" in xml and runs)


def judge_audit(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """A repair releases a VF, or claims it for the VM that uses it."""

    def allowed(store: Interleaved) -> bool:
        # No VM uses another VF.
        return not any(op.path.startswith(VF) for op in changes(ops)) or (is_claimable if claims else is_releasable)(
            store
        )

    claims = any(op.path == f"{VF}/used" and op.data == b"True" for op in changes(ops))
    return judge_keys(store, ops, keys=r"/nodes/pvchv1/sriov/vf/\w+/(used|used_by|mac)", allowed=allowed)


def retag(store: Store) -> None:
    """Remove a tag that the backup has, and add one that it does not have."""
    drop(store, f"{WEB}/tags/production")
    add_tag(store, "since", "user", "False")


def judge_overwrite(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """A VM that is there keeps its state and its node; one that is not comes back stopped."""
    there = value(store.inner, WEB) is not None
    live = [op.path for op in changes(ops) if there and op.path in (f"{WEB}/state", f"{WEB}/node")]
    started = [op.path for op in changes(ops) if op.path == f"{WEB}/state" and op.data != b"stop"]
    return live + started + judge_keys(store, ops, keys=f"{WEB}(/.*)?", allowed=lambda _: True)


def judge_state(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """Only what the file names is changed, of VMs that it means; nothing protected is pruned, no system tag set."""
    tags = rf"({WEB}|{APP})/tags(/(blue|frontend|production)(/\w+)?)?"
    keys = rf"{tags}|{WEB}/(node_limit|node_autostart)|{VF}/config(/\w+)?"
    wrong = judge_keys(store, ops, keys, allowed=lambda _: True)
    for vm, name in ((WEB, "web-01"), (APP, "app-01")):
        touched = [op.path for op in changes(ops) if op.path.startswith(vm)]
        if touched and value(store.inner, vm) != name:
            wrong.append(f"changed {touched[0]} of a VM that is called {value(store.inner, vm)}")
        for tag, bound in (("blue", ["system"]), ("production", ["system", "True"])):
            now = [value(store.inner, f"{vm}/tags/{tag}/{key}") for key in ("type", "protected")]
            if any(path.startswith(f"{vm}/tags/{tag}") for path in touched) and {*now} & {*bound}:
                wrong.append(f"changed the tag {tag}, which is {now}")
    return wrong


def judge_plan(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """What a plan changes is as it was when it was planned, and the very same znode."""
    wrong = []
    copied = isinstance(store.inner, SnapshotStore)
    for op in changes(ops):
        (then,), (now,) = (tree.read([Read(op.path)]) for tree in (TREES[15], store.inner))
        marks = [(one.data, copied and one.stat.czxid) if isinstance(one, Znode) else None for one in (then, now)]
        if marks[0] != marks[1]:
            wrong.append(f"{op.kind} {op.path}, which is not as it was planned on")
    return wrong + judge_version(store, ops)


def judge_version(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    """A command writes by the schema version that it read, and by no other.

    One that was deleted and created again cannot be told from it within a transaction.
    """
    (now,) = store.inner.read([Read("/schema/version")])
    known = store.base
    if not (changes(ops) and isinstance(now, Znode) and known and now.stat.czxid == known.stat.czxid):
        return []
    same = (now.data, now.version) == (known.data, known.version)
    return [] if same else [f"changed a tree at version {now.text} that it took for {known.text}"]


def judge_migration(store: Interleaved, ops: Sequence[Op], target: int) -> list[str]:
    made = [op for op in changes(ops) if op.path not in (CONTENDER, "/schema")]
    version, start = value(store.inner, "/schema/version"), str(store.start)
    begins = version is None and [op.data for op in made] in ([b"0"], [b""])
    if not made or begins:
        return []
    wrong = [] if version in (start, str(target)) else [f"changed a tree at version {version}, not {start}"]
    for op in made:
        if op.path == "/schema/version":
            if (op.data, version) != (b"%d" % target, start):
                wrong.append(f"set version {op.data!r} over {version}")
            if value(store.inner, "/nodes/pvchv2/latestschema") == "9" and target > 9:
                wrong.append("set a version that a node does not know")
    if not any(map(is_contender, names(store.inner, "/schema/version"))):
        wrong.append("went on without the lock")
    return wrong


def judge_apply(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    return judge_migration(store, ops, store.start or 0)


def judge_restore(store: Interleaved, ops: Sequence[Op]) -> list[str]:
    made = [op for op in changes(ops) if op.kind == "set"]
    own = ("activeschema", "latestschema", "keepalive", "daemonstate", "runningdomains")
    crossing = store.start != 15
    wrong = [f"set {op.path}" for op in made if op.path.endswith(own) and not (crossing and "active" in op.path)]
    return wrong + judge_migration(store, ops, 15)


@dataclass(frozen=True)
class Command:
    """A command, the tree that it starts on, and its judge."""

    words: tuple[str, ...]
    judge: Judge
    version: int = 15
    prepare: Callable[[Store], object] = lambda _: None
    share: int = 2250
    """How many interleavings it has at least; fewer where each takes long."""
    stdin: str = ""
    """What it reads; a backup if that is empty."""
    planned: tuple[str, ...] = ()
    """What wrote the plan that it applies: before any rival came."""


def stale_claim(store: Store) -> None:
    put(store, f"{VF}/used", "True")
    put(store, f"{VF}/used_by", WEB.rpartition("/")[2])


def run_daemon(store: Store) -> None:
    put(store, "/nodes/pvchv2/daemonstate", "run")


def run_daemons(store: Store) -> None:
    for node in ("pvchv1", "pvchv2"):
        put(store, f"/nodes/{node}/daemonstate", "run")


def stop_vm(store: Store) -> None:
    run_daemons(store)
    put(store, f"{WEB}/state", "stop")


def claim_of_web(store: Store) -> None:
    """Give the VM a VF in its XML, and run the daemons."""
    run_daemons(store)
    use_in_xml(store)
    stale_claim(store)


def may_power(store: Interleaved, states: tuple[str, ...]) -> bool:
    node = value(store.inner, f"{WEB}/node")
    daemon = value(store.inner, f"/nodes/{node}/daemonstate") == "run"
    return daemon and value(store.inner, f"{WEB}/state") in states and value(store.inner, WEB) is not None


def may_migrate(store: Interleaved) -> bool:
    """Whether what the command decided on is still so."""
    target = "/nodes/pvchv2"
    return (
        value(store.inner, WEB) is not None
        and value(store.inner, f"{WEB}/state") in ("start", "fail")
        and value(store.inner, f"{WEB}/node") == "pvchv1"
        and value(store.inner, f"{WEB}/node_limit") != "pvchv1"
        and value(store.inner, f"{target}/daemonstate") == "run"
        and value(store.inner, f"{target}/domainstate") == "ready"
    )


def report_fault(store: Store) -> None:
    put(store, "/faults/1c9a4f02/status", "new")


def runs(store: Interleaved) -> bool:
    return value(store.inner, "/nodes/pvchv2/daemonstate") == "run"


def run_both(store: Interleaved) -> bool:
    return runs(store) and value(store.inner, "/nodes/pvchv1/daemonstate") == "run"


def damage(store: Store) -> None:
    drop(store, f"{APP}/state")
    put(store, "/config/maintenance", "true")


USAGE = rf"{VF}/(used|used_by|mac)|{WEB}/migrate_method"
STATE = """
version: 1
vms:
- {vm: [web-01, app-01], tags: [{name: blue, type: user, protected: true}]}
- {vm: web-01, tags: [frontend], metadata: {node_limit: [pvchv1, pvchv2], node_autostart: true}}
vfs:
- {node: pvchv1, vf: ens1f0v1, config: {vlan_id: 7, trust: true}}
"""
COMMANDS = {
    "apply": Command(("apply", "-f", "-", "--prune"), judge_state, share=1300, stdin=STATE),
    "apply a plan of tags": Command(
        ("apply", "PLAN"), judge_plan, share=1300, planned=("vm", "tag", "add", "web-01,app-01", "blue")
    ),
    "apply a plan of settings": Command(
        ("apply", "PLAN"),
        judge_plan,
        share=1300,
        planned=("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "7", "--trust"),
    ),
    "tag add": Command(("vm", "tag", "add", "web-01,app-01", "blue"), partial(judge_tag_add, tag="blue")),
    "tag update": Command(
        ("vm", "tag", "add", "web-01,app-01", "production", "-p"), partial(judge_tag_add, tag="production")
    ),
    "tag remove": Command(("vm", "tag", "remove", "web-01,app-01", "production"), judge_tag_remove),
    "vf set": Command(
        ("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "7", "--trust"),
        partial(judge_keys, keys=rf"{VF}/config(/\w+)?", allowed=lambda _: True),
    ),
    "vf claim": Command(
        ("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01"),
        partial(judge_keys, keys=USAGE, allowed=is_claimable),
        prepare=settle_neighbour,
    ),
    "vf claim --any": Command(
        ("sriov", "vf", "claim", "pvchv1", "--any", "web-01"),
        judge_claim_any,
        prepare=settle_neighbour,
    ),
    "vf release": Command(
        ("sriov", "vf", "release", "pvchv1", "ens1f0v1"),
        partial(judge_keys, keys=USAGE, allowed=is_releasable),
        prepare=stale_claim,
    ),
    "audit --fix": Command(
        ("sriov", "vf", "audit", "pvchv1", "--fix"),
        judge_audit,
        prepare=stale_claim,
    ),
    "schema upgrade": Command(
        ("schema", "upgrade", "--to", "15", "--yes", "--no-backup"),
        partial(judge_migration, target=15),
        13,
        share=1300,
    ),
    "schema rollback": Command(
        ("schema", "rollback", "--to", "13", "--yes", "--no-backup"), partial(judge_migration, target=13), share=1300
    ),
    "schema apply": Command(("schema", "apply"), judge_apply, prepare=damage, share=1300),
    "cluster maintenance": Command(
        ("cluster", "maintenance", "on"),
        partial(judge_keys, keys="/config/maintenance", allowed=lambda _: True),
        share=FEW,
    ),
    "fault ack": Command(
        ("fault", "ack", "--all"),
        partial(judge_keys, keys=r"/faults/\w+/(status|ack_time)", allowed=lambda _: True),
        prepare=report_fault,
        share=FEW,
    ),
    "fault delete": Command(
        ("fault", "delete", "1c9a4f02"),
        partial(judge_keys, keys=r"/faults/1c9a4f02(/\w+)?", allowed=lambda _: True),
        share=FEW,
    ),
    "node flush": Command(
        ("node", "flush", "pvchv2"),
        partial(judge_keys, keys="/nodes/pvchv2/domainstate", allowed=run_both),
        prepare=run_daemons,
        share=FEW,
    ),
    "node primary": Command(
        ("node", "primary", "pvchv2"),
        partial(judge_keys, keys="/config/primary_node", allowed=runs),
        prepare=run_daemon,
        share=FEW,
    ),
    "key set": Command(
        ("key", "set", "domain.state", WEB.rpartition("/")[2], "stop"),
        partial(judge_keys, keys=f"{WEB}/state", allowed=lambda _: True),
        share=FEW,
    ),
    "vm start": Command(
        ("vm", "start", "web-01"),
        partial(judge_keys, keys=f"{WEB}/state", allowed=partial(may_power, states=("stop", "fail"))),
        prepare=stop_vm,
        share=FEW,
    ),
    "vm shutdown": Command(
        ("vm", "shutdown", "web-01"),
        partial(judge_keys, keys=f"{WEB}/state", allowed=partial(may_power, states=("start",))),
        prepare=run_daemons,
        share=FEW,
    ),
    "vm migrate": Command(
        ("vm", "migrate", "web-01", "--target", "pvchv2"),
        partial(
            judge_keys,
            keys=rf"{WEB}/(state|node|lastnode)|/nodes/pvchv[12]/sriov/vf/ens1f0v1/(used|used_by|mac)",
            allowed=may_migrate,
        ),
        prepare=claim_of_web,
        share=FEW,
    ),
    "vm meta set": Command(
        ("vm", "meta", "set", "web-01", "--limit", "pvchv1,pvchv2", "--autostart"),
        partial(judge_keys, keys=f"{WEB}/(node_limit|node_autostart)", allowed=lambda s: bool(value(s.inner, WEB))),
        share=FEW,
    ),
    "tag rename": Command(
        ("vm", "tag", "rename", "production", "live"),
        judge_tag_rename,
        share=FEW,
    ),
    "cluster restore": Command(
        ("cluster", "restore", "-", "--yes", "--no-backup"), judge_restore, prepare=damage, share=600
    ),
    "restore a VM": Command(
        ("cluster", "restore", "-", "--vm", "web-01"),
        partial(judge_keys, keys=f"{WEB}(/.*)?", allowed=lambda store: value(store.inner, WEB) is None),
        prepare=lambda store: drop(store, WEB),
        share=FEW,
    ),
    "overwrite a VM": Command(
        ("cluster", "restore", "-", "--vm", "web-01", "--force", "--no-backup"),
        judge_overwrite,
        prepare=retag,
        share=FEW,
    ),
    "restore tags": Command(
        ("cluster", "restore", "-", "--tags-only"),
        partial(judge_keys, keys=r"/domains/[^/]+/tags(/.*)?", allowed=lambda _: True),
        prepare=retag,
        share=FEW,
    ),
}
BACKUP = json.dumps({path: text.decode() for path, text in TREES[15].tree.items()})
STARTS = {name: clone(TREES[command.version]) for name, command in COMMANDS.items()}
for _name, _command in COMMANDS.items():
    _command.prepare(STARTS[_name])


@dataclass(frozen=True)
class End:
    """How a run of a command ended."""

    code: int
    said: str
    store: Interleaved


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., End]:
    """Run a command on a tree, with rivals."""
    opened: list[Interleaved] = []
    monkeypatch.setattr(SnapshotStore, "open", lambda *_, **__: opened[-1])

    plan = tmp_path / "change.plan"

    def write_plan(command: Command) -> None:
        opened.append(Interleaved(clone(TREES[15]), {}, command.judge))
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            assert app.main(["-c", "file:x", *command.planned, "--plan", str(plan)]) == 0
        opened.clear()

    def run(command: Command, tree: SnapshotStore, acts: dict[int, Callable[[Interleaved], None]]) -> End:
        if command.planned and not plan.exists():
            write_plan(command)
        store = Interleaved(tree, acts, command.judge)
        opened.append(store)
        said = io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(command.stdin or BACKUP))
        with redirect_stdout(said), redirect_stderr(said):
            words = [str(plan) if word == "PLAN" else word for word in command.words]
            code = app.main(["-c", "file:x", *words])
        opened.clear()
        return End(code, said.getvalue(), store)

    return run


def wrongs(end: End) -> list[str]:
    """What is wrong with the end of a run."""
    found = [wrong for own in end.store.own for wrong in own.wrongs]
    if end.code not in (0, 1, 4, 5) or "Traceback" in end.said:
        found.append(f"exit {end.code}: {end.said[-300:]}")
    if (
        end.code
        and "Error: " not in end.said
        and "finding" not in end.said
        and not re.search(r"\bvf\b|ens1", end.said)
    ):
        found.append(f"exit {end.code} without a reason: {end.said!r}")
    begin = Op("create", "/schema/version", b"0")
    made = [op for own in end.store.own for op in own.ops if op.path not in (CONTENDER, "/schema") and op != begin]
    for vm, path in (("web-01", WEB), ("app-01", APP)):
        touched = any(op.path.startswith(f"{path}/tags") for op in made)
        match = re.search(rf"^{vm}: tag '\w+' (added|updated|removed|unchanged)", end.said, re.MULTILINE)
        if match and touched != (match[1] != "unchanged"):
            found.append(f"said {match[0]!r}, and touched it: {touched}")
        named = re.search(rf"^{vm}: (changed: |unchanged: matches)", end.said, re.MULTILINE)
        if named and any(op.path.startswith(path) for op in made) != (named[1] == "changed: "):
            found.append(f"said {named[0]!r}, and did {made[:2]}")
    deleted = {
        op.path for op in made if op.kind == "delete" and re.fullmatch(r"/domains/[^/]+/snapshots/[^/]+", op.path)
    }
    announced = re.search(r"deletes (\d+) VM snapshots", end.said)
    if len(deleted) > int(announced[1] if announced else 0) and "Restored" not in end.said:
        found.append(f"deleted {len(deleted)} snapshots, and announced {announced and announced[0]}")
    if re.search(r"Nothing to (do|change)|: unchanged\.", end.said) and made:
        found.append(f"said that nothing was changed: {made[:2]}")
    if re.search(r"Schema version is now|Restored|: changed", end.said) and not made:
        found.append("said that something was changed")
    return found


def interleavings(name: str, calls: int, share: int) -> list[tuple[tuple[int, str], ...]]:
    """All single rivals at all calls, and as many pairs as make the command's share."""
    singles = [((at, rival),) for at in range(1, calls + 1) for rival in (*RIVALS, *FAULTS)]
    pairs = [
        (first, second)
        for (first,), (second,) in itertools.combinations(singles, 2)
        if first[0] < second[0] and first[1] != second[1]
    ]
    step = max(len(pairs) // max(share - len(singles), 1), 1)
    return [*singles, *pairs[::step]]


def test_there_are_enough_of_them() -> None:
    assert sum(command.share for command in COMMANDS.values()) >= LEAST


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_a_rival_does_the_report_is_true_and_a_second_run_finishes(
    run: Callable[..., End], name: str
) -> None:
    command, start = COMMANDS[name], STARTS[name]
    undisturbed = run(command, clone(start), {})
    assert undisturbed.code == 0, undisturbed.said
    assert undisturbed.store.own
    found: list[str] = []
    ends: Counter[str] = Counter()
    for acts in interleavings(name, undisturbed.store.calls + 3, command.share):
        end = run(command, clone(start), {at: act(rival) for at, rival in acts})
        ends["finished" if end.code == 0 else "refused"] += 1
        bad = wrongs(end)
        again = run(command, end.store.inner, {})
        bad += [f"second run: {wrong}" for wrong in wrongs(again)]
        if again.code not in (0, 1, 5):
            bad.append(f"the second run ended with {again.code}: {again.said}")
        if bad:
            found.append(f"{acts}: {bad}: {end.said[-300:]!r}")
    print(f"\n{name:16} {len(RIVALS) + len(FAULTS):3} rivals {sum(ends.values()):6} interleavings", dict(ends))
    assert sum(ends.values()) >= command.share
    assert not found, f"{len(found)} wrong:\n" + "\n".join(found[:8])


def without(path: str, value: object) -> Callable[[pytest.MonkeyPatch], None]:
    """Take a guard out of the engine."""
    return lambda monkeypatch: monkeypatch.setattr(path, value)


def unversioned(
    self: Transaction, kind: str, key: Key, value: str = "", version: int = ANY_VERSION, found: Znode | None = None
) -> None:
    """Add a step whose versions are not checked, if it sets a value."""
    path = self.schema.path(key)
    if path is not None:
        unchecked = kind == "set"
        self.add(Op(kind, path, value.encode(), ANY_VERSION if unchecked else version, None if unchecked else found))  # type: ignore[arg-type]


CONTROLS = {
    "the schema version in every transaction": (
        "tag add",
        without("pvc_cli.zk.handler.ZKHandler._guards", lambda _: []),
    ),
    "the schema version of a decision": ("schema upgrade", without("pvc_cli.zk.base.Base.is_same", lambda *_: True)),
    "the schema version in a migration": ("schema upgrade", without("pvc_cli.zk.base.Base.guards", [])),
    "the nodes in the transaction that sets the version": (
        "schema upgrade",
        without("pvc_cli.zk.migration.plan.witnesses", lambda *_: []),
    ),
    "the losses that were announced": (
        "schema rollback",
        without("pvc_cli.zk.migration.locked._judge_losses", lambda *_: None),
    ),
    "the fence of the lock": ("schema upgrade", without("tests.interleavings.rivals._Queue.fenced", False)),
    "the values that a decision rests on": (
        "vf claim",
        without("pvc_cli.zk.transaction.Transaction.guard", lambda *_: None),
    ),
    "the name of a VM that a file names": (
        "apply",
        without("pvc_cli.zk.transaction.Transaction.guard", lambda *_: None),
    ),
    "what a plan rests on": (
        "apply a plan of settings",
        without("pvc_cli.cluster.planned.judge", lambda *_: None),
    ),
    "the XML of the other VMs": (
        "vf claim",
        without("pvc_cli.cluster.sriov.sharing.guard_others", lambda *_: []),
    ),
    "the turn of a VM": (
        "vf claim --any",
        without("pvc_cli.zk.transaction.Transaction.touch", lambda *_: None),
    ),
    "the versions of what is set": ("vf claim", without("pvc_cli.zk.transaction.Transaction._add", unversioned)),
    "whether a znode is still the same": (
        "tag remove",
        without("pvc_cli.zk.snapshot.judge_replaced", lambda *_: None),
    ),
}


@pytest.mark.parametrize("guard", CONTROLS)
def test_without_a_guard_something_goes_wrong(
    run: Callable[..., End], monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    name, take_out = CONTROLS[guard]
    take_out(monkeypatch)
    command, start = COMMANDS[name], STARTS[name]
    for acts in interleavings(name, run(command, clone(start), {}).store.calls + 3, 0):
        if wrongs(run(command, clone(start), {at: act(rival) for at, rival in acts})):
            return
    pytest.fail(f"nothing went wrong without {guard}")


# What no guard can tell: which VMs are on a node


def go_elsewhere(store: Store) -> None:
    """Have the VM run on another node, with a VF in its XML."""
    run_daemons(store)
    use_in_xml(store)
    put(store, f"{WEB}/node", "pvchv2")


def record_release(store: Store) -> None:
    """Write into the history that the VF was released."""
    changes = []
    for key, before in (("used", b"True"), ("used_by", WEB.rpartition("/")[2].encode())):
        (znode,) = store.read([Read(f"{VF}/{key}")])
        assert isinstance(znode, Znode)
        changes.append(Changed(f"{VF}/{key}", before, znode.data, znode.version, znode.stat.czxid))
    recorder = Recorder(file_hosts(Path("x")), ["pvc", "sriov", "vf", "release"], print)
    recorder.record(changes)(changes)
    recorder.close()


def unjudged(_store: Interleaved, _ops: Sequence[Op]) -> list[str]:
    """A transaction is not judged: the end is."""
    return []


_CLAIM = ("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01")
CLAIMING = {
    "vf claim": Command(_CLAIM, unjudged),
    "vf claim --any": Command(("sriov", "vf", "claim", "pvchv1", "--any", "web-01"), unjudged, prepare=use_in_xml),
    "vm move": Command(("vm", "move", "web-01", "-t", "pvchv1"), unjudged, prepare=go_elsewhere),
    "undo": Command(("undo", "last"), unjudged, prepare=record_release),
    "apply a plan": Command(("apply", "PLAN"), unjudged, planned=_CLAIM),
    "audit --fix": Command(("sriov", "vf", "audit", "pvchv1", "--fix"), unjudged, prepare=use_in_xml),
}


def shared_in_silence(run: Callable[..., End], name: str) -> list[str]:
    """Run a command beside a VM that comes with the VF, before each call in turn; return what is wrong with the ends.

    What comes after the command has looked for it, once its claim is committed, it need not see.
    """
    command, start, mine = CLAIMING[name], clone(TREES[15]), WEB.rpartition("/")[2]
    command.prepare(start)
    found = []
    undisturbed = run(command, clone(start), {}).store
    assert value(undisturbed.inner, f"{VF}/used_by") == mine
    for at in range(1, undisturbed.calls + 1):
        end = run(command, clone(start), {at: lambda store: arrive(store.inner, APP, "pvchv1", USE)})
        claims = [own.call for own in end.store.own if Op("set", f"{VF}/used_by", mine.encode()) in plain(own.ops)]
        shared = value(end.store.inner, f"{VF}/used_by") == mine
        if end.code == 0 and shared and at <= claims[-1] + 1:
            found.append(f"call {at}: two VMs have the VF: {end.said!r}")
        if end.code and "VM app-01 (" not in end.said and "used by several VMs: " not in end.said:
            found.append(f"call {at}: did not name the VM that came: {end.said!r}")
    return found


def plain(ops: Sequence[Op]) -> list[Op]:
    """Steps without what guards them."""
    return [Op(op.kind, op.path, op.data) for op in ops]


@pytest.mark.parametrize("name", CLAIMING)
def test_no_vf_is_shared_in_silence_with_a_vm_that_comes_to_its_node(run: Callable[..., End], name: str) -> None:
    assert shared_in_silence(run, name) == []


@pytest.mark.parametrize("name", CLAIMING)
def test_without_a_look_after_the_commit_a_vf_is_shared(
    run: Callable[..., End], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    take_out = without("pvc_cli.cluster.sriov.arrivals.Arrivals.look", lambda _, committed: [None] * len(committed))
    take_out(monkeypatch)
    assert "two VMs have the VF" in str(shared_in_silence(run, name))
