"""Back up, restore, and use a backup in place of a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kazoo.client import KazooClient

from pvc_cli.errors import ConfigError, ConflictError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.backup import decode_backup, encode_backup, read_backup
from pvc_cli.zk.migration.locked import Hooks
from pvc_cli.zk.migration.restore import Restoration
from pvc_cli.zk.snapshot import SnapshotStore
from tests.conftest import Pvc, Tree, round_trips, without_daemons


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


@pytest.fixture
def other(tree: Tree) -> Iterator[Tree]:
    """Another, empty tree on the same server."""
    hosts, _, name = tree.hosts.partition("/")
    client = KazooClient(hosts)
    client.start()
    client.create(f"/{name}-other")
    client.stop()
    client.close()
    client = KazooClient(f"{hosts}/{name}-other")
    client.start()
    yield Tree(client, f"{hosts}/{name}-other")
    client.stop()
    client.close()


def test_a_backup_is_pvcs_format_private_and_complete(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    tree.put("/patroni/leader", b"theirs")
    tree.put("/zookeeper/quota")
    tree.client.create("/nodes/pvchv1/alive", ephemeral=True)
    lock = tree.client.Lock("/schema/version")
    lock.acquire()
    file = tmp_path / "backup.json"
    result = on_tree("cluster", "backup", str(file))
    assert result.code == 0
    assert f"znodes to {file}.\n" in result.err
    expected = {
        path: value.decode()
        for path, value in tree.dump().items()
        if not path.startswith(("/patroni", "/zookeeper", "/nodes/pvchv1/alive", "/schema/version/"))
    }
    assert json.loads(file.read_text()) == expected
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(on_tree("cluster", "backup", "-").out) == expected
    lock.release()


def test_secrets_can_be_left_out_and_come_back_as_they_are(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    before = tree.dump()
    assert b"Passw0rd" in before.values()
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", "--mask-secrets", str(file))
    assert "Passw0rd" not in file.read_text()
    tree.put("/config/maintenance", b"True")
    assert on_tree("cluster", "restore", str(file), "--yes").code == 0
    assert tree.dump() == before


def test_a_backup_put_onto_an_empty_server_is_the_tree_byte_for_byte(
    on_tree: Pvc, pvc: Pvc, tree: Tree, other: Tree, tmp_path: Path
) -> None:
    uuid = tree.uuid("web-01")
    tree.put(f"/domains/{uuid}/stats", bytes(range(256)))
    tree.put(f"/domains/{uuid}/consolelog", "ß\u202e\x00".encode() * 100_000)
    tree.put("/theirs/own", b"kept")
    file = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(file)).code == 0
    assert pvc("--coordinators", other.hosts, "cluster", "restore", str(file), "--yes").code == 0
    assert other.dump() == tree.dump()
    result = pvc("--coordinators", other.hosts, "cluster", "restore", str(file))
    assert (result.code, result.err) == (0, "Nothing to do: the tree already matches the backup.\n")


def test_a_restore_takes_away_what_came_since_but_not_what_is_not_pvcs(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(file))
    before = tree.dump()
    on_tree("vm", "tag", "add", "--all", "since")
    tree.client.delete(f"/domains/{tree.uuid('web-01')}", recursive=True)
    tree.put("/faults/new/status", b"new")
    tree.put("/theirs/own", b"x")
    tree.put("/patroni/leader", b"y")
    planned = json.loads(on_tree("cluster", "restore", str(file), "--dry-run", "-o", "json").out)["changes"]
    assert {change["path"] for change in planned if change["action"] == "delete"} >= {"/faults/new/status"}
    result = on_tree("cluster", "restore", str(file))
    assert (result.code, "rerun with --yes" in result.err) == (1, True)
    assert on_tree("cluster", "restore", str(file), "--yes").code == 0
    assert tree.dump() == before | {
        "/theirs": b"", "/theirs/own": b"x", "/patroni": b"", "/patroni/leader": b"y",
    }  # fmt: skip


def test_a_restore_across_versions_warns_and_sets_the_version_last(
    demo: Callable[..., Tree], pvc: Pvc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tree = demo(version=3)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    file = tmp_path / "backup.json"
    before = tree.dump()
    pvc("cluster", "backup", str(file))
    pvc("schema", "upgrade", "--yes", "--no-backup")
    with ZKHandler(tree.hosts) as handler:
        plan = Restoration(handler, decode_backup(file.read_text(), "it")).plan()
        kinds = [change.action for change in plan.changes()]
        switch = [change.path for change in plan.changes()].index("/schema/version")
        assert (set(kinds[switch + 4 :]), "delete" in kinds[:switch]) == ({"delete"}, False)
    result = pvc("cluster", "restore", str(file), "--yes")
    assert "the cluster has schema version 15, the backup 3" in result.err
    assert tree.dump() == before


def test_an_interrupted_restore_is_finished_by_a_second_one(
    zk: ZKHandler, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 10)
    backup = read_backup(zk)
    tree.client.delete("/domains", recursive=True)
    tree.put("/domains/new/state", b"start")
    turns = iter(range(100))

    def interrupt() -> None:
        if next(turns) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Restoration(zk, backup).carry_out(Hooks(between_chunks=interrupt))
    assert tree.dump() != backup
    Restoration(zk, backup).carry_out()
    assert tree.dump() == backup


def test_a_restore_under_daemons_that_write_goes_on_or_says_so(zk: ZKHandler, tree: Tree) -> None:
    backup = read_backup(zk)
    tree.put("/config/maintenance", b"True")
    with pytest.raises(ConflictError, match="stop PVC's daemons"):
        Restoration(zk, backup).carry_out(Hooks(between_chunks=lambda: tree.put("/config/maintenance", b"True")))
    once = iter([lambda: tree.put("/config/maintenance", b"busy")])
    Restoration(zk, backup).carry_out(Hooks(between_chunks=lambda: next(once, lambda: None)()))
    assert tree.dump() == backup


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a PVC backup: expected a JSON object"),
        ("[]", "expected a JSON object"),
        ('{"/a": 3}', "the value of '/a' is not text"),
        ('{"a": ""}', "'a' is not a znode path: it does not start with a slash"),
        ('{"/a//b": ""}', "'/a//b' is not a znode path"),
        ('{"/a/../b": ""}', "is not a znode path"),
        ('{"/a/": ""}', "is not a znode path"),
        ('{"": ""}', "is not a znode path"),
        ('{"/a\\u0000": ""}', "is not a znode path"),
        ('{"/a": "\\ud800"}', "the value of '/a' is not text"),
        ("[" * 100_000, "is not a PVC backup"),
        ('{"/schema/version": "soon"}', "'soon' is not a schema version"),
        ('{"/schema/version": "16"}', "this pvc knows 0 to 15"),
    ],
)
def test_what_is_no_backup_is_refused_and_changes_nothing(
    on_tree: Pvc, tree: Tree, tmp_path: Path, text: str, why: str
) -> None:
    before = tree.dump()
    file = tmp_path / "backup.json"
    file.write_text(text)
    result = on_tree("cluster", "restore", str(file), "--yes")
    assert (result.code in (1, 3), result.out, result.err.count("\n")) == (True, "", 1)
    assert why in result.err
    assert tree.dump() == before


def test_a_backup_that_cannot_be_read_or_written_is_one_line(on_tree: Pvc, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"/a": "\xff"}')
    for code, *arguments in (
        (3, "cluster", "restore", str(tmp_path / "nope"), "--yes"),
        (3, "cluster", "restore", str(tmp_path / "latin"), "--yes"),
        (3, "cluster", "backup", str(tmp_path / "latin" / "x")),
        (3, "cluster", "backup", str(tmp_path / "not" / "there" / "x")),
        (3, "schema", "upgrade", "--yes", "--backup", str(tmp_path / "not" / "there" / "x")),
    ):
        result = on_tree(*map(str, arguments))
        assert (result.code, result.err.count("\n")) == (code, 1)
    assert not (tmp_path / "not").exists()


def test_an_earlier_backup_is_overwritten_only_on_request(on_tree: Pvc, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    file.write_text("{}")
    result = on_tree("cluster", "backup", str(file))
    assert (result.code, result.err, file.read_text()) == (
        1,
        f"Error: {file} exists: choose another file, or replace it with --overwrite\n",
        "{}",
    )
    assert on_tree("cluster", "backup", str(file), "--overwrite").code == 0
    assert json.loads(file.read_text())["/schema/version"] == "15"
    assert on_tree("cluster", "backup", "/dev/null").code == 0
    assert on_tree("cluster", "backup", "/dev/full").err == "Error: cannot write /dev/full: No space left on device\n"


def test_changes_of_one_file_at_once_are_all_kept(on_tree: Pvc, pvc: Pvc, home: Path, tmp_path: Path) -> None:
    """Each is a process of its own, as scripts start them."""
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(file))
    words = [sys.executable, "-m", "pvc_cli", "-q", "--write", "-c", f"file:{file}", "vm", "tag", "add", "web-01"]
    environment = {**os.environ, "HOME": str(home)}
    added = [subprocess.Popen([*words, f"t{n}"], env=environment) for n in range(12)]
    assert [process.wait(60) for process in added] == [0] * 12
    tags = json.loads(pvc("-c", f"file:{file}", "vm", "tag", "list", "web-01", "-o", "json").out)["tags"]
    assert {tag["name"] for tag in tags} >= {f"t{n}" for n in range(12)}


def test_a_change_of_a_file_that_is_refused_in_part_keeps_the_rest(on_tree: Pvc, pvc: Pvc, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    on_tree("vm", "tag", "add", "web-02", "x", "--type", "system")
    on_tree("cluster", "backup", str(file))
    result = pvc("--write", "-c", f"file:{file}", "vm", "tag", "add", "web-01,web-02", "x")
    assert result.code == 1
    tags = json.loads(pvc("-c", f"file:{file}", "vm", "tag", "list", "web-01", "-o", "json").out)["tags"]
    assert "x" in {tag["name"] for tag in tags}


paths = st.lists(st.text("abß", min_size=1, max_size=3), min_size=1, max_size=3).map(
    lambda names: "/" + "/".join(names)
)


@given(st.dictionaries(paths, st.binary(max_size=20), max_size=8))
def test_every_tree_survives_being_written_down(values: dict[str, bytes]) -> None:
    tree = decode_backup(json.dumps(dict.fromkeys(values, "")), "it") | values
    assert decode_backup(encode_backup(tree), "it") == tree


@given(st.text(max_size=60))
def test_no_text_makes_the_reader_do_anything_but_read_or_refuse(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert "/" in decode_backup(text, "it")


# A backup in a cluster's place


# The kernel kills it as soon as it writes beyond a number of bytes into any file.
DIES_OF_A_FULL_FILE = """
import resource, signal, sys
from pvc_cli import app
sys.dont_write_bytecode = True
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(app.main(sys.argv[2:]))
"""


@pytest.fixture
def file(on_tree: Pvc, tmp_path: Path) -> Path:
    path = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(path))
    return path


@pytest.mark.parametrize(
    "command",
    [
        "vm list -o json", "vm info web-01 -o json", "vm tag list", "vm list -g production -o name", "node list",
        "node info pvchv1 -o yaml", "schema show", "schema validate",
        "schema path domain.state web-01", "cluster backup -",
        "vm tag add --all t --dry-run", "schema rollback --to 3 --dry-run -o json", "schema upgrade --dry-run",
    ],
)  # fmt: skip
def test_a_backup_answers_as_its_cluster_does(on_tree: Pvc, file: Path, command: str, no_time_passes: None) -> None:
    live, read = on_tree(*command.split()), on_tree("-c", f"file:{file}", *command.split())
    assert (read.code, read.out) == (live.code, live.out)
    assert read.code == 0


def test_changes_go_into_the_file_as_they_would_into_the_cluster(on_tree: Pvc, tree: Tree, file: Path) -> None:
    for command in (
        "vm tag add --all t",
        "schema rollback --to 9 --yes --no-backup",
        "schema upgrade --yes --no-backup",
    ):
        assert on_tree("--write", "-c", f"file:{file}", *command.split()).code == 0
        assert on_tree(*command.split()).code == 0
        assert decode_backup(file.read_text(), "it") == tree.dump()


def test_an_upgrade_is_rehearsed_on_a_backup_without_a_cluster(
    pvc: Pvc, demo: Callable[..., Tree], tmp_path: Path
) -> None:
    file = tmp_path / "backup.json"
    tree = demo(version=0)
    pvc("--coordinators", tree.hosts, "cluster", "backup", str(file))
    result = pvc("--write", "-c", f"file:{file}", "schema", "upgrade", "--yes")
    assert (result.code, "backup is" in result.err) == (0, False)
    assert pvc("-c", f"file:{file}", "schema", "validate").code == 0
    assert json.loads(file.read_text())["/schema/version"] == "15"
    pvc("--coordinators", tree.hosts, "schema", "upgrade", "--yes", "--no-backup")
    assert decode_backup(file.read_text(), "it") == tree.dump()


def test_what_goes_wrong_leaves_the_file_alone(on_tree: Pvc, file: Path) -> None:
    before = file.read_bytes()
    assert on_tree("--write", "-c", f"file:{file}", "vm", "tag", "remove", "web-01", "nope").code == 1
    assert on_tree("--write", "-c", f"file:{file}", "vm", "list", "--watch").code == 1
    assert on_tree("--write", "-c", f"file:{file}.nope", "vm", "list").code == 3
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        "vm tag add web-01 t", "vm tag rename production live", "vm stop web-01 --force",
        "vm meta set web-01 --limit pvchv1", "sriov vf set pvchv1 ens1f0v1 --vlan-id 9",
        "sriov vf claim pvchv1 ens1f0v1 web-01", "key set base.config.upstream_ip x", "fault delete --all",
        "cluster maintenance on", "schema upgrade", "schema apply --yes", "schema rollback --to 3",
        "cluster restore COPY",
    ],
)  # fmt: skip
def test_a_backup_is_not_changed_unless_that_is_asked_for(on_tree: Pvc, file: Path, command: str) -> None:
    """As it was: the README's tour upgraded the very backup that it had just made."""
    before = file.read_bytes()
    copy = file.with_name("copy.json")
    copy.write_bytes(before)
    words = [str(copy) if word == "COPY" else word for word in command.split()]
    refused = on_tree("-c", f"file:{file}", *words)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines()[-1] == (
        f"Error: cannot change {file}: a backup file is read-only without --write: copy it, then rerun as"
        " 'pvc --write -c file:COPY …'"
    )
    assert on_tree("-c", f"file:{file}", *words, "--dry-run").code == 0
    assert file.read_bytes() == before


def test_a_backup_of_another_user_can_be_read_and_tried_out(on_tree: Pvc, file: Path) -> None:
    file.chmod(0o400)
    before = file.read_bytes()
    assert on_tree("-c", f"file:{file}", "vm", "list", "-o", "name").out.count("\n") == 20
    assert on_tree("-c", f"file:{file}", "schema", "rollback", "--to", "3", "--dry-run").code == 0
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (before, 0o400)


def test_the_file_is_never_half_written(on_tree: Pvc, file: Path) -> None:
    """Kill rollbacks of a backup while they write: it is the one tree or the other, whole."""
    before, command = file.read_text(), ["schema", "rollback", "--to", "3", "--yes"]
    assert on_tree("--write", "-c", f"file:{file}", *command).code == 0
    after = file.read_text()
    size = len(after.encode())
    outcomes = []
    for limit in (0, 1, size // 2, size - 1, size):
        file.write_text(before)
        process = subprocess.run(
            [sys.executable, "-c", DIES_OF_A_FULL_FILE, str(limit), "--write", "-c", f"file:{file}", *command],
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            stderr=subprocess.DEVNULL,
            check=False,
        )
        outcomes.append((process.returncode, file.read_text()))
    assert outcomes == [*[(-signal.SIGXFSZ, before)] * 4, (0, after)]


def test_a_large_tree_is_backed_up_in_one_batch_a_level(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1000)
    with ZKHandler(tree.hosts) as handler:
        _ = handler.schema
        before = round_trips(handler)
        backup = read_backup(handler)
        assert len(backup) > 24_000
        assert round_trips(handler) - before <= 20
    assert SnapshotStore(backup).tree == backup
