"""PVC's own locks, held by another process: who needs one waits, is told by whom it is held, and gives up in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvc_cli.errors import LockError
from pvc_cli.zk import Key, ZKHandler
from tests.conftest import Pvc, Tree
from tests.pvc.cluster import held

HOST = "a PVC process on the host with MAC address 52:54:00:c0:ff:ee"
NEED_THE_SCHEMAS = (
    ("schema", "upgrade"),
    ("schema", "rollback", "--to", "14", "--force"),
    ("schema", "apply"),
    ("cluster", "restore", "b.json", "--force"),
)


@pytest.fixture
def lacking(on_tree: Pvc, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The tree of a cluster with something to do for every command that changes the schema."""
    monkeypatch.chdir(tmp_path)
    assert on_tree("cluster", "backup", "b.json").code == 0
    tree.client.delete(f"/domains/{tree.uuid('web-01')}/state")
    return tree.dump()


@pytest.mark.parametrize("lock", ["a start of a daemon", "a hot update"])
def test_what_changes_the_schema_waits_for_pvcs_daemons_names_the_host_and_gives_up(
    on_tree: Pvc, tree: Tree, lacking: dict[str, bytes], lock: str
) -> None:
    with held(tree.hosts, lock):
        for words in NEED_THE_SCHEMAS:
            arguments = [*words, "--yes"] if words[1] == "apply" else [*words, "--yes", "--no-backup"]
            result = on_tree("--lock-timeout", "0.4", *arguments)
            assert (result.code, result.out) == (5, ""), words
            assert f"Waiting 1 s for the lock on /schema/version, held by {HOST}.\n" in result.err
            assert result.err.endswith(
                f"Error: could not acquire the lock on /schema/version within 0.4 s: held by {HOST};"
                " retry, or raise --lock-timeout\n"
            )
        # What needs no lock does not wait for it.
        assert on_tree("--lock-timeout", "0.4", "vm", "tag", "add", "web-01", "blue").code == 0
        assert on_tree("--lock-timeout", "0.4", "schema", "apply", "--dry-run").code == 0
    assert on_tree("schema", "apply").code == 0


def test_a_daemon_that_waits_for_the_primary_holds_nobody_up(
    on_tree: Pvc, tree: Tree, lacking: dict[str, bytes]
) -> None:
    """The primary changes the schema meanwhile, under the same lock as we do."""
    with held(tree.hosts, "a wait for the primary"):
        assert on_tree("--lock-timeout", "0.4", "schema", "apply").code == 0


@pytest.mark.parametrize(
    ("lock", "kind", "key"),
    [
        ("a change of a VM's state", "exclusivelock", "domain.state"),
        ("a migration of a VM", "writelock", "domain.migrate.sync_lock"),
        ("a migration of a VM", "readlock", "domain.migrate.sync_lock"),
        ("a change of the primary", "writelock", "base.config.primary_node.sync_lock"),
        ("a change of the primary", "readlock", "base.config.primary_node.sync_lock"),
        ("a wait for the primary", "writelock", "base.schema.version"),
    ],
)
def test_a_lock_of_pvcs_keeps_ours_out_and_names_its_host(tree: Tree, lock: str, kind: str, key: str) -> None:
    vm = tree.uuid("web-01")
    whole: Key = (key, vm) if key.startswith("domain.") else key
    with ZKHandler(tree.hosts, lock_timeout=0.3) as handler:
        with held(tree.hosts, lock, vm), pytest.raises(LockError, match=f"within 0.3 s: held by {HOST}; retry"):
            getattr(handler, kind)(whole).acquire()
        with getattr(handler, kind)(whole):
            pass


def test_a_vm_whose_state_pvc_changes_is_waited_for(on_tree: Pvc, tree: Tree) -> None:
    with held(tree.hosts, "a change of a VM's state", tree.uuid("web-01")):
        result = on_tree("--lock-timeout", "0.4", "vm", "stop", "web-01,app-02")
        assert result.code == 5
        assert f"held by {HOST}" in result.err
        assert "app-02: stop requested." in result.err
        # What needs no lock does not wait for it.
        assert on_tree("--lock-timeout", "0.4", "vm", "meta", "set", "web-01", "--autostart").code == 0
    assert on_tree("vm", "stop", "web-01").code == 0
