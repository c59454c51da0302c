"""What changed since a backup, by names."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.cluster.differences import Comparison
from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.backup import encode_parts, scan_backup_file, stream_backup
from pvc_cli.zk.schema.definition import Definition, Group, Version, versions
from pvc_cli.zk.spool import Spool
from tests.conftest import Pvc, Tree, round_trips


@pytest.fixture
def file(on_tree: Pvc, tmp_path: Path) -> Path:
    path = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(path)).code == 0
    return path


def test_nothing_differs_from_a_fresh_backup(on_tree: Pvc, file: Path) -> None:
    result = on_tree("cluster", "diff", str(file))
    assert (result.code, result.out, result.err) == (0, "", "0 items differ.\n")
    assert on_tree("cluster", "diff", str(file), "-o", "json").out == "[]\n"


def test_differences_are_told_by_names_an_item_a_line(on_tree: Pvc, tree: Tree, file: Path) -> None:
    web, app, gone = tree.uuid("web-01"), tree.uuid("app-01"), tree.uuid("lab-01")
    on_tree("vm", "tag", "add", "web-01", "blue", "--protected")
    tree.put(f"/domains/{web}/state", b"stop")
    tree.put(f"/domains/{web}/xml", b"<domain/>")
    on_tree("vm", "tag", "remove", "app-01", "production")
    tree.put(f"/domains/{app}/node_limit", b"pvchv1,pvchv2")
    tree.client.delete(f"/domains/{gone}", recursive=True)
    tree.put("/domains/11111111-1111-4111-8111-111111111111", b"new-01")
    on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "7")
    on_tree("sriov", "vf", "claim", "pvchv2", "ens1f1v0", "db-01")
    on_tree("cluster", "maintenance", "on")
    tree.put("/networks/1001/mtu", b"9000")
    tree.put("/theirs/own", b"x")
    result = on_tree("cluster", "diff", str(file))
    assert result.code == 1
    assert result.out.splitlines() == [
        "cluster: maintenance false -> true",
        "node pvchv1: VF ens1f0v1 vlan_id 0 -> 7",
        "node pvchv2: VF ens1f1v0 used False -> True; VF ens1f1v0 used_by '' -> db-01",
        "VM app-01: node_limit '' -> pvchv1,pvchv2; tag production removed",
        "VM lab-01: removed",
        "VM new-01: added",
        "VM web-01: state start -> stop; tag blue added; xml changed",
        "network Frontend: mtu 1500 -> 9000",
        "other theirs: added",
    ]
    # What daemons reported of the VM that is gone counts, too.
    assert result.err == "Left out 3 keys that daemons report: use --all to see them.\n9 items differ.\n"
    assert on_tree("cluster", "diff", str(file), "-o", "name").out.split()[3:6] == ["app-01", "lab-01", "new-01"]


def test_documents_have_the_keys_and_both_values(on_tree: Pvc, tree: Tree, file: Path) -> None:
    uuid = tree.uuid("web-01")
    on_tree("vm", "tag", "add", "web-01", "blue")
    tree.put(f"/domains/{uuid}/state", b"stop")
    tree.put(f"/domains/{uuid}/odd", b"?")
    top = f"/domains/{uuid}"
    (item,) = json.loads(on_tree("cluster", "diff", str(file), "-o", "json").out)
    tag = ["domain.meta.tags", uuid]
    assert item == {
        "kind": "vm",
        "name": "web-01",
        "id": uuid,
        "status": "changed",
        "changes": [
            {"key": None, "path": f"{top}/odd", "before": None, "after": "?"},
            {"key": ["domain.state", uuid], "path": f"{top}/state", "before": "start", "after": "stop"},
            {"key": [*tag, "tag.name", "blue"], "path": f"{top}/tags/blue", "before": None, "after": "blue"},
            {
                "key": [*tag, "tag.protected", "blue"],
                "path": f"{top}/tags/blue/protected",
                "before": None,
                "after": "False",
            },
            {"key": [*tag, "tag.type", "blue"], "path": f"{top}/tags/blue/type", "before": None, "after": "user"},
        ],
    }


def test_two_files_need_no_cluster_and_their_order_tells_the_direction(
    on_tree: Pvc, pvc: Pvc, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_tree("vm", "tag", "add", "web-01", "blue")
    later = tmp_path / "later.json"
    on_tree("cluster", "backup", str(later))
    monkeypatch.delenv("PVC_COORDINATORS")
    assert pvc("cluster", "diff", str(file), str(later)).out == "VM web-01: tag blue added\n"
    assert pvc("cluster", "diff", str(later), str(file)).out == "VM web-01: tag blue removed\n"
    assert pvc("cluster", "diff", str(later), "-", stdin=file.read_text()).out == "VM web-01: tag blue removed\n"
    assert pvc("-c", f"file:{later}", "cluster", "diff", str(file)).out == "VM web-01: tag blue added\n"
    assert pvc("cluster", "diff", str(file)).code == 3
    twice = pvc("cluster", "diff", "-", "-")
    assert (twice.code, twice.err) == (2, "Error: only one of the backups can come from standard input\n")
    later.write_text("[]")
    wrong = pvc("cluster", "diff", str(file), str(later))
    assert (wrong.code, wrong.out, "is not a PVC backup" in wrong.err) == (3, "", True)


def test_what_daemons_report_is_left_out_unless_it_is_asked_for(on_tree: Pvc, tree: Tree, file: Path) -> None:
    uuid = tree.uuid("web-01")
    reported = {
        "/nodes/pvchv1/keepalive": b"1795577433", "/nodes/pvchv1/memused": b"1", "/nodes/pvchv1/daemonstate": b"dead",
        f"/domains/{uuid}/stats": b"{}", f"/domains/{uuid}/consolelog": b"login:", "/ceph/util": b"full",
        "/logs/pvchv1/messages": b"hello", "/networks/1001/dhcp4_leases/52:54:00:00:00:99": b"10.0.0.9",
        "/faults/1c9a4f02/last_time": b"2026-11-01 10:00:00",
    }  # fmt: skip
    for path, value in reported.items():
        tree.put(path, value)
    result = on_tree("cluster", "diff", str(file))
    assert (result.code, result.out) == (0, "")
    assert result.err == "Left out 9 keys that daemons report: use --all to see them.\n0 items differ.\n"
    everything = on_tree("cluster", "diff", str(file), "--all", "-o", "json")
    paths = {change["path"] for item in json.loads(everything.out) for change in item["changes"]}
    assert (everything.code, paths) == (1, set(reported))


def test_secrets_are_masked_and_masked_ones_do_not_differ(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    whole, masked = tmp_path / "whole.json", tmp_path / "masked.json"
    uuid = tree.uuid("web-01")
    tree.put(f"/domains/{uuid}/xml", b"<domain><graphics passwd='first'/></domain>")
    on_tree("cluster", "backup", str(whole))
    on_tree("cluster", "backup", "--mask-secrets", str(masked))
    assert on_tree("cluster", "diff", str(masked)).code == 0
    assert on_tree("cluster", "diff", str(whole), str(masked)).code == 0
    tree.put("/nodes/pvchv1/ipmipassword", b"Other")
    tree.put(f"/domains/{uuid}/xml", b"<domain><graphics passwd='second'/></domain>")
    result = on_tree("cluster", "diff", str(whole))
    assert result.out == "node pvchv1: ipmi.password changed\nVM web-01: xml changed\n"
    document = on_tree("cluster", "diff", str(whole), "-o", "json").out
    assert not any(secret in document for secret in ("Passw0rd", "Other", "first", "second"))
    assert "second" in on_tree("cluster", "diff", str(whole), "--show-secrets", "-o", "yaml").out


def test_a_tree_is_compared_at_any_version(pvc: Pvc, demo: Callable[..., Tree], tmp_path: Path) -> None:
    tree = demo(version=0)
    cluster = ("--coordinators", tree.hosts)
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    pvc(*cluster, "cluster", "backup", str(old))
    assert pvc(*cluster, "cluster", "diff", str(old)).code == 0
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"fail")
    assert pvc(*cluster, "cluster", "diff", str(old)).out == "VM web-01: state start -> fail\n"
    pvc(*cluster, "schema", "upgrade", "--yes", "--no-backup", "--force")
    pvc(*cluster, "cluster", "backup", str(new))
    lines = pvc("cluster", "diff", str(old), str(new)).out.splitlines()
    assert "schema.version 0 -> 15" in lines[0]
    web = next(line for line in lines if "web-01" in line)
    assert web == ("VM web-01: migrate_max_downtime added (300); snapshots added; state start -> fail; tags added")


def test_items_whose_names_begin_alike_are_kept_apart(pvc: Pvc, tmp_path: Path) -> None:
    """'-' sorts before '/': by path alone, hv1-b would be in the middle of hv1."""
    schema = ZKSchema()
    one = {"/nodes/hv1": "", "/nodes/hv1/daemonmode": "a", "/nodes/hv1-b": "", "/nodes/hv1-b/daemonmode": "a"}
    two = one | {"/nodes/hv1/daemonmode": "b", "/nodes/hv1-b/daemonmode": "b", "/nodes/hv1/ipmiusername": "c"}
    before, after = (Spool((path, value.encode()) for path, value in tree.items()) for tree in (one, two))
    found = {item.name: len(item.changes) for item in Comparison(before, after, schema)}
    assert found == {"hv1": 2, "hv1-b": 1}


def test_kinds_of_a_newer_schema_come_last_by_its_own_names() -> None:
    added = {"base.robot": Definition("/robots"), "robot.name": Definition(""), "robot.size": Definition("/size")}
    newer = Version(len(versions()), "robots", groups={"robot": Group("base.robot")}, add=added)
    schema = ZKSchema(newer.number, (*versions(), newer))
    before = Spool([("/robots/r2/size", b"1"), ("/domains/u/state", b"start")])
    after = Spool([("/robots/r2/size", b"2"), ("/robots/r1", b""), ("/domains/u/state", b"stop")])
    found = [(item.kind, item.name, item.status) for item in Comparison(before, after, schema)]
    assert found == [("vm", "u", "changed"), ("robot", "r1", "added"), ("robot", "r2", "changed")]


def test_a_comparison_reads_the_cluster_once(demo: Callable[..., Tree], tmp_path: Path) -> None:
    """Ten thousand VMs take as many reads as their backup, and one file."""
    tree = demo(vms=500)
    with ZKHandler(tree.hosts) as handler:
        schema, backup = handler.schema, Spool(stream_backup(handler))
        before = round_trips(handler)
        once = Spool(stream_backup(handler))
        cost = round_trips(handler) - before
        for number in range(20):
            tree.put(f"/domains/{tree.client.get_children('/domains')[number]}/state", b"fail")
        before = round_trips(handler)
        found = Comparison(backup, Spool(stream_backup(handler)), schema)
        assert (len(list(found)), len(once) > 10_000) == (20, True)
        assert round_trips(handler) - before == cost


@pytest.mark.no_cover
def test_a_comparison_of_more_takes_hardly_more_memory(tmp_path: Path) -> None:
    schema, peaks = ZKSchema(), []
    for vms in (800, 2400):
        before, after = tmp_path / f"{vms}.json", tmp_path / f"{vms}-later.json"
        pairs = [(schema.path(key) or "", value.encode()) for key, value in cluster(vms, schema)]
        changed = [path for path, _ in pairs if path.startswith("/domains/") and path.endswith("/state")][:20]
        for file in (before, after):
            with file.open("w") as stream:
                stream.writelines(encode_parts(pairs))
            pairs = [(path, b"changed" if path in changed else value) for path, value in pairs]
        del pairs
        tracemalloc.start()
        count = sum(1 for _ in Comparison(Spool(scan_backup_file(before)), Spool(scan_backup_file(after)), schema))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 20
    assert peaks[1] < 1.3 * peaks[0], peaks
