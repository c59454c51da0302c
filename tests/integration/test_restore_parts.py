"""A part of a backup is restored, and every other znode stays as it is, version and all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree, changes_between


@pytest.fixture
def file(on_tree: Pvc, tmp_path: Path) -> Path:
    path = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(path)).code == 0
    return path


@pytest.fixture
def web(tree: Tree) -> str:
    """The path of web-01, while it is there."""
    return f"/domains/{tree.uuid('web-01')}"


def versions(tree: Tree, without: str) -> dict[str, tuple[int, int]]:
    """When each znode was created, and how often it was set; without those from *without* down."""
    return {
        path: (stat.czxid, stat.version)
        for path in tree.dump()
        if not f"{path}/".startswith(f"{without}/") and path != "/domains"
        for _, stat in [tree.client.get(path)]
    }


# VMs


def test_one_vm_is_restored_stopped_and_nothing_else_is_touched(
    on_tree: Pvc, tree: Tree, file: Path, web: str, home: Path
) -> None:
    """As it was: the whole tree or nothing, with all daemons stopped."""
    before = tree.dump()
    tree.client.delete(web, recursive=True)
    on_tree("vm", "tag", "add", "app-01", "since")
    others = versions(tree, web)
    dry = on_tree("cluster", "restore", str(file), "--vm", "web-01", "--dry-run")
    assert dry.code == 0
    assert dry.out == "would create VM web-01\n"
    assert not tree.client.exists(web)
    result = on_tree("cluster", "restore", str(file), "--vm", "web-01")
    assert (result.code, result.out) == (0, "")
    assert result.err == "web-01: restored in state stop (start in the backup).\n"
    assert tree.dump(web) == {p: v for p, v in before.items() if f"{p}/".startswith(f"{web}/")} | {
        f"{web}/state": b"stop"
    }
    assert versions(tree, web) == others
    assert on_tree("cluster", "diff", str(file)).out == (
        "VM app-01: tag since added\nVM web-01: state start -> stop\n"
    )
    # It is complete in one transaction, so that no daemon sees half of it.
    assert len({tree.client.get(path)[1].czxid for path in tree.dump(web)}) == 1
    assert not (home / "state" / "pvc" / "backups").exists()


def test_several_vms_are_restored_by_name_pattern_or_uuid(on_tree: Pvc, tree: Tree, file: Path) -> None:
    uuids = {name: tree.uuid(name) for name in ("web-01", "web-02", "app-01", "db-01")}
    for uuid in uuids.values():
        tree.client.delete(f"/domains/{uuid}", recursive=True)
    result = on_tree("cluster", "restore", str(file), "--vm", "web-*", uuids["app-01"], "-o", "json")
    document = json.loads(result.out)
    assert [(item["name"], item["status"]) for item in document["items"]] == [
        ("web-01", "changed"), ("web-02", "changed"), ("app-01", "changed"),
    ]  # fmt: skip
    assert document["items"][0]["uuid"] == uuids["web-01"]
    assert document["counts"] == {"changed": 3, "unchanged": 0, "refused": 0, "failed": 0}
    assert not tree.client.exists(f"/domains/{uuids['db-01']}")
    dry = on_tree("cluster", "restore", str(file), "--vm", "db-01", "--dry-run", "-o", "json")
    assert (dry.code, json.loads(dry.out)["changes"][0]["path"]) == (0, f"/domains/{uuids['db-01']}")


def test_a_vm_that_runs_nothing_keeps_its_state(on_tree: Pvc, tree: Tree, web: str, tmp_path: Path) -> None:
    for state, restored in (("disable", "disable"), ("mirror", "mirror"), ("migrate", "stop"), ("fail", "stop")):
        file = tmp_path / f"{state}.json"
        tree.put(f"{web}/state", state.encode())
        on_tree("cluster", "backup", str(file))
        tree.client.delete(web, recursive=True)
        assert on_tree("cluster", "restore", str(file), "--vm", "web-01").code == 0
        assert tree.client.get(f"{web}/state")[0] == restored.encode()


def test_a_vm_that_exists_is_overwritten_only_by_force_and_goes_on_running(
    on_tree: Pvc, tree: Tree, file: Path, web: str, home: Path
) -> None:
    same = on_tree("cluster", "restore", str(file), "--vm", "web-01")
    assert (same.code, same.err) == (0, "web-01: unchanged: as in the backup, but for its state, node and log.\n")
    on_tree("vm", "tag", "add", "web-01", "since")
    live = {f"{web}/state": b"restart", f"{web}/node": b"pvchv3", f"{web}/consolelog": b"login:"}
    for path, value in {**live, f"{web}/xml": b"<domain/>", f"{web}/node_limit": b"pvchv1"}.items():
        tree.put(path, value)
    before, others = tree.dump(), versions(tree, web)
    refused = on_tree("cluster", "restore", str(file), "--vm", "web-01")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == ("Error: web-01: refused: it exists, and differs in 5 znodes; overwrite it with --force\n")
    assert tree.dump() == before
    result = on_tree("cluster", "restore", str(file), "--vm", "web-01", "--force")
    assert result.code == 0
    first, last = result.err.splitlines()
    assert re.fullmatch(r"Backup written to .*/backups/.*-restore-.*\.json\.", first)
    assert last == "web-01: restored; it keeps its state, node and log."
    expected = {path: value.encode() for path, value in json.loads(file.read_text()).items()}
    assert tree.dump() == expected | live
    assert versions(tree, web) == others
    # What was overwritten is in the backup.
    (backup,) = (home / "state" / "pvc" / "backups").iterdir()
    assert {p: v.encode() for p, v in json.loads(backup.read_text()).items()} == before


def test_a_vm_whose_name_another_one_has_is_refused(on_tree: Pvc, tree: Tree, file: Path, web: str) -> None:
    tree.client.delete(web, recursive=True)
    tree.put("/domains/11111111-1111-4111-8111-111111111111", b"web-01")
    before = tree.dump()
    for more in ((), ("--force",)):
        result = on_tree("cluster", "restore", str(file), "--vm", "web-01", *more)
        assert (result.code, result.err) == (
            1,
            "Error: web-01: refused: another VM has this name: rename or remove"
            " 11111111-1111-4111-8111-111111111111\n",
        )
    assert tree.dump() == before


def test_one_refused_vm_holds_up_no_other(on_tree: Pvc, tree: Tree, file: Path, web: str) -> None:
    tree.client.delete(web, recursive=True)
    tree.put(f"/domains/{tree.uuid('app-01')}/profile", b"other")
    result = on_tree("cluster", "restore", str(file), "--vm", "web-01,app-01,db-01", "-o", "json")
    document = json.loads(result.out)
    assert result.code == 1
    assert [(i["name"], i["status"], i.get("reason", "")[:9]) for i in document["items"]] == [
        ("web-01", "changed", ""), ("app-01", "refused", "it exists"), ("db-01", "unchanged", "as in the"),
    ]  # fmt: skip
    assert tree.client.exists(web)


def test_what_the_cluster_lacks_that_a_vm_needs_is_a_warning(
    on_tree: Pvc, tree: Tree, web: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.json"
    tree.put(f"{web}/node", b"pvchv9")
    tree.put(f"{web}/node_autostart", b"True")
    tree.put(f"{web}/rbdlist", b"vms/web-01_root,vms/gone,odd,a/b/c")
    tree.put(f"{web}/xml", b"<domain><graphics passwd='secret'/></domain>")
    on_tree("cluster", "backup", "--mask-secrets", str(file))
    tree.client.delete(web, recursive=True)
    result = on_tree("cluster", "restore", str(file), "--vm", "web-01")
    assert (result.code, result.err.splitlines()[1:]) == (
        0,
        [
            "Warning: web-01: its node pvchv9 does not exist: move it before it is started",
            "Warning: web-01: the cluster does not have its volume vms/gone, odd, a/b/c",
            "Warning: web-01: its node starts it when it becomes ready: autostart is on",
            "Warning: web-01: the backup masks the password of its console, which is empty now",
        ],
    )
    assert tree.client.get(f"{web}/xml")[0] == b"<domain><graphics passwd=''/></domain>"


def test_a_long_console_log_is_cut_so_that_the_vm_fits_one_transaction(
    on_tree: Pvc, tree: Tree, web: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.json"
    log = b"".join(b"line %d\n" % number for number in range(90_000))
    tree.put(f"{web}/consolelog", log)
    on_tree("cluster", "backup", str(file))
    tree.client.delete(web, recursive=True)
    assert on_tree("cluster", "restore", str(file), "--vm", "web-01").code == 0
    kept = tree.client.get(f"{web}/consolelog")[0]
    assert (kept[:5], log.endswith(kept), 90_000 < len(kept) <= 100_000) == (b"line ", True, True)


def test_a_vm_of_another_schema_version_fits_the_cluster(
    pvc: Pvc, demo: Callable[..., Tree], on_tree: Pvc, tree: Tree, file: Path, web: str, tmp_path: Path
) -> None:
    """A backup from before an upgrade, and one from before a rollback."""
    cluster = ("--coordinators", tree.hosts)
    whole = tree.dump(web)
    assert pvc(*cluster, "schema", "rollback", "--to", "0", "--yes", "--force", "--no-backup").code == 0
    old = tmp_path / "old.json"
    pvc(*cluster, "cluster", "backup", str(old))
    tree.client.delete(web, recursive=True)
    result = pvc(*cluster, "cluster", "restore", str(file), "--vm", "web-01")
    assert result.code == 0
    assert (
        "Warning: web-01: schema version 0 does not have its migration_max_downtime, snapshots, tags: left out"
        in (result.err)
    )
    assert pvc(*cluster, "schema", "validate").code == 0
    assert pvc(*cluster, "schema", "upgrade", "--yes", "--force", "--no-backup").code == 0
    tree.client.delete(web, recursive=True)
    assert pvc(*cluster, "cluster", "restore", str(old), "--vm", "web-01").code == 0
    assert pvc(*cluster, "schema", "validate").code == 0
    below = {path for path in whole if path.count("/") > 3}
    assert tree.dump(web) == {path: value for path, value in whole.items() if path not in below} | {
        f"{web}/state": b"stop"
    }


def test_lock_contenders_are_neither_restored_nor_deleted(on_tree: Pvc, tree: Tree, file: Path, web: str) -> None:
    contender = f"{'0123456789abcdef' * 2}__lock__0000000001"
    document = json.loads(file.read_text())
    document[f"{web}/state/{contender}"] = "pvcnoded"
    file.write_text(json.dumps(document))
    tree.client.delete(web, recursive=True)
    assert on_tree("cluster", "restore", str(file), "--vm", "web-01").code == 0
    assert tree.client.get_children(f"{web}/state") == []
    lock = tree.client.Lock(f"{web}/state")
    with lock:
        tree.put(f"{web}/profile", b"other")
        assert on_tree("cluster", "restore", str(file), "--vm", "web-01", "--force").code == 0
        assert len(tree.client.get_children(f"{web}/state")) == 1
    on_tree("vm", "tag", "add", "web-01", "since")
    with tree.client.Lock(f"{web}/tags/since"):
        before = tree.dump(web)
        result = on_tree("cluster", "restore", str(file), "--vm", "web-01", "--force")
        assert (result.code, "another client holds or awaits that lock" in result.err) == (5, True)
        assert tree.dump(web) == before


def test_a_vm_is_restored_into_a_backup_too(on_tree: Pvc, pvc: Pvc, tree: Tree, file: Path, web: str) -> None:
    tree.client.delete(web, recursive=True)
    copy = file.with_name("copy.json")
    on_tree("cluster", "backup", str(copy))
    words = ("-c", f"file:{copy}", "cluster", "restore", str(file), "--vm", "web-01")
    refused = pvc(*words)
    assert (refused.code, "read-only without --write" in refused.err) == (1, True)
    assert pvc("--write", *words).code == 0
    assert pvc("cluster", "diff", str(file), str(copy)).out == "VM web-01: state start -> stop\n"


def test_an_uninitialised_tree_gets_no_vm(pvc: Pvc, on_tree: Pvc, tree: Tree, file: Path) -> None:
    for name in tree.client.get_children("/"):
        tree.client.delete(f"/{name}", recursive=True)
    for part in (("--vm", "web-01"), ("--tags-only",), ("--key", "domain.state", "x")):
        result = on_tree("cluster", "restore", str(file), *part)
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert tree.client.get_children("/") == []


# Tags


def test_tags_are_restored_and_newer_ones_stay(on_tree: Pvc, tree: Tree, file: Path) -> None:
    web, app = f"/domains/{tree.uuid('web-01')}/tags", f"/domains/{tree.uuid('app-01')}/tags"
    before = tree.dump()
    on_tree("vm", "tag", "remove", "web-01", "production", "frontend")
    on_tree("vm", "tag", "add", "web-01", "since")
    tree.put(f"{app}/production/protected", b"True")
    tree.put(f"{app}/production/type", b"system")
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"fail")
    gone = tree.uuid("lab-01")
    tree.client.delete(f"/domains/{gone}", recursive=True)
    dry = on_tree("cluster", "restore", str(file), "--tags-only", "--dry-run", "--paths")
    assert (dry.code, f"would set {app}/production/type = 'user'\n" in dry.out) == (0, True)
    now = tree.dump()
    result = on_tree("cluster", "restore", str(file), "--tags-only", "-o", "json")
    assert result.code == 0
    assert json.loads(result.out)["counts"] == {"changed": 2, "unchanged": 17, "refused": 0, "failed": 0}
    assert "Left out 1 VM of the backup that the cluster does not have.\n" in result.err
    restored = {p: v for p, v in before.items() if p.startswith((f"{web}/", f"{app}/"))}
    assert tree.dump() == now | restored
    assert tree.client.exists(f"{web}/since")
    again = on_tree("cluster", "restore", str(file), "--tags-only")
    assert (again.code, "0 changed, 19 unchanged, 0 refused.\n" in again.err) == (0, True)


def test_tags_of_named_vms_alone_are_restored(on_tree: Pvc, tree: Tree, file: Path) -> None:
    on_tree("vm", "tag", "remove", "web-01,app-01", "production")
    gone = tree.uuid("lab-01")
    tree.client.delete(f"/domains/{gone}", recursive=True)
    result = on_tree("cluster", "restore", str(file), "--tags-only", "--vm", "web-01", "lab-01")
    assert result.code == 1
    assert "Error: lab-01: refused: the cluster does not have this VM: restore it without --tags-only\n" in result.err
    assert on_tree("cluster", "diff", str(file)).out == "VM app-01: tag production removed\nVM lab-01: removed\n"


def test_tags_need_a_version_that_has_them(pvc: Pvc, on_tree: Pvc, tree: Tree, file: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    on_tree("schema", "rollback", "--to", "0", "--yes", "--force", "--no-backup")
    result = on_tree("cluster", "restore", str(file), "--tags-only")
    assert (result.code, "tags need schema version 3, and this cluster has 0" in result.err) == (1, True)
    on_tree("cluster", "backup", str(old))
    on_tree("schema", "upgrade", "--yes", "--force", "--no-backup")
    result = on_tree("cluster", "restore", str(old), "--tags-only")
    assert (result.code, result.err) == (1, "Error: the backup has schema version 0, which has no tags\n")


# Keys


def test_a_single_key_is_restored(on_tree: Pvc, tree: Tree, file: Path) -> None:
    uuid, before = tree.uuid("web-01"), tree.dump()
    spelt = {
        "/config/upstream_ip": "base.config.upstream_ip",
        "/nodes/pvchv1/ipmipassword": "node.ipmi.password pvchv1",
        f"/domains/{uuid}/xml": f"domain.xml {uuid}",
        f"/domains/{uuid}/tags/production/type": f"domain.meta.tags {uuid} tag.type production",
    }
    for path, words in spelt.items():
        command = ("cluster", "restore", str(file), "--key", *words.split())
        assert on_tree(*command).err == f"{path}: unchanged: as in the backup.\n"
        tree.put(path, b"other")
        dry = on_tree(*command, "--dry-run", "--paths")
        assert (dry.code, dry.out.startswith(f"would set {path} = ")) == (0, True)
        assert "Passw0rd" not in dry.out
        document = json.loads(on_tree(*command, "-o", "json").out)
        assert (document["items"][0]["status"], "Passw0rd" in str(document)) == ("changed", False)
        assert tree.dump() == before


def test_a_key_that_is_missing_is_created_where_its_item_is(on_tree: Pvc, tree: Tree, file: Path, web: str) -> None:
    uuid = web.rpartition("/")[2]
    tree.client.delete(f"{web}/profile")
    assert on_tree("cluster", "restore", str(file), "--key", "domain.profile", uuid).code == 0
    assert tree.client.exists(f"{web}/profile")
    tree.client.delete(web, recursive=True)
    result = on_tree("cluster", "restore", str(file), "--key", "domain.profile", uuid)
    assert (result.code, "the cluster has no such item; --vm restores a VM" in result.err) == (1, True)
    assert not tree.client.exists(web)


def test_bytes_that_are_not_text_come_back_as_they_were(on_tree: Pvc, tree: Tree, web: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    tree.put(f"{web}/stats", bytes(range(256)))
    on_tree("cluster", "backup", str(file))
    tree.put(f"{web}/stats", b"")
    assert on_tree("cluster", "restore", str(file), "--key", "domain.stats", web.rpartition("/")[2]).code == 0
    assert tree.client.get(f"{web}/stats")[0] == bytes(range(256))


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("--key base.schema.version", 1, "cannot restore the schema version alone"),
        ("--key node.mode nope", 1, "backup.json has no /nodes/nope/daemonmode"),
        ("--key nope.nope x", 1, "has no key 'nope.nope'"),
        ("--key domain.state", 2, "needs an item"),
        ("--key domain.state a b", 2, "expected KEY, KEY ITEM, or KEY ITEM KEY ITEM"),
        ("--key domain.state x --vm web-01", 2, "--key excludes --vm and --tags-only"),
        ("--vm web-91", 1, "backup.json has no VM 'web-91': did you mean"),
        ("--vm nope*", 1, "no VM matches 'nope*'"),
        ("web-01", 2, "further words go with --vm or --key"),
        ("--vm web-01 --backup x --no-backup", 2, "exclude each other"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(
    on_tree: Pvc, tree: Tree, file: Path, words: str, code: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree.dump()
    monkeypatch.chdir(file.parent)
    result = on_tree("cluster", "restore", str(file), *words.split())
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert why in result.err
    assert changes_between(before, tree.dump()) == {}


def test_a_masked_secret_is_not_restored(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    file = tmp_path / "masked.json"
    on_tree("cluster", "backup", "--mask-secrets", str(file))
    result = on_tree("cluster", "restore", str(file), "--key", "node.ipmi.password", "pvchv1")
    assert (result.code, result.err) == (
        1, "Error: cannot restore /nodes/pvchv1/ipmipassword: the backup masks it\n",
    )  # fmt: skip
    assert tree.client.get("/nodes/pvchv1/ipmipassword")[0] == b"Passw0rd"


def test_what_the_backup_lacks_is_missed_in_the_backup(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    assert on_tree("cluster", "backup", str(file)).code == 0
    tree.put("/nodes/pvchv9")
    for words, why in (
        ("--vm qqq", f" has no VM 'qqq': see 'pvc -c file:{file} vm list'"),
        ("--tags-only --vm qqq", f" has no VM 'qqq': see 'pvc -c file:{file} vm list'"),
        ("--vm qqq-*", f": no VM matches 'qqq-*': see 'pvc -c file:{file} vm list'"),
        ("--key node.mode pvchv9", f" has no /nodes/pvchv9/daemonmode: see 'pvc -c file:{file} key list'"),
    ):
        result = on_tree("cluster", "restore", str(file), *words.split())
        assert (result.code, result.err) == (1, f"Error: {file}{why}\n")
