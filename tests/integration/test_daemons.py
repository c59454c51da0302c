"""pvc beside living daemons: the model's, which do with the schema what PVC's do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from docs import upgrade_log
from pvc_cli.errors import SchemaError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.migration.locked import Hooks
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan
from tests.conftest import Pvc, Tree, without_daemons
from tests.pvc.cluster import Daemons
from tests.pvc.test_model import FROM_8
from tests.waiting import wait_until

HV1, HV2, HV3 = NODES = ("pvchv1", "pvchv2", "pvchv3")
LITTER = [f"/{name}" for name in sorted(FROM_8)]


class Begin(Protocol):
    def __call__(self, version: int, *nodes: str, knows: int) -> tuple[Tree, Daemons]: ...


@pytest.fixture
def begin(demo: Callable[..., Tree], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Make a demo cluster at a version, and start daemons; pvchv1 is its primary."""
    with ExitStack() as stack:

        def make(version: int, *nodes: str, knows: int) -> tuple[Tree, Daemons]:
            tree = without_daemons(demo)(vms=2, version=version)
            for node in NODES:
                tree.put(f"/nodes/{node}/latestschema", str(version).encode())
            monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
            daemons = stack.enter_context(Daemons(tree.hosts, tmp_path))
            daemons.start(*nodes, knows=knows)
            daemons.wait_for(f"runs version {version}", *nodes)
            return tree, daemons

        yield make


def replace_software(daemons: Daemons, *nodes: str, knows: int) -> None:
    """Stop the daemons of *nodes*, and start others."""
    at = daemons.now
    daemons.stop(*nodes)
    daemons.start(*nodes, knows=knows)
    daemons.wait_for("starts with version", *nodes, after=at)


def version(tree: Tree, node: str = "") -> str:
    """The schema version of the cluster, or the one that a node runs."""
    return str(tree.client.get(f"/nodes/{node}/activeschema" if node else "/schema/version")[0].decode())


def outlook(pvc: Pvc) -> str:
    """What `schema show` says that the daemons will do."""
    return pvc("schema", "show").out.splitlines()[-1]


def validated(pvc: Pvc) -> dict[str, list[str]]:
    """What `schema validate` finds."""
    document: dict[str, list[str]] = json.loads(pvc("schema", "validate", "-o", "json").out)
    return document


def test_a_cluster_upgrades_itself_when_its_last_node_has_newer_software(pvc: Pvc, begin: Begin) -> None:
    tree, daemons = begin(8, *NODES, knows=8)
    assert outlook(pvc) == "All nodes know version 8 and no newer one: the daemons change nothing."
    replace_software(daemons, HV1, HV2, knows=15)
    # One node holds it back, also for us.
    assert outlook(pvc) == "pvchv3 knows only version 8: no daemon upgrades the cluster to 15 before all do."
    refused = pvc("schema", "upgrade", "--yes")
    assert (refused.code, refused.out) == (1, "")
    why = "schema version 15 would stop PVC on some nodes: node pvchv3 knows only version 8: upgrade PVC there first"
    assert f"Error: {why}, or override with --force\n" in refused.err
    assert version(tree) == "8"

    replace_software(daemons, HV3, knows=15)
    daemons.wait_for("finds that all nodes know version 15", HV3)
    # Before all have followed, more may be left behind.
    daemons.wait_for("sees version 15", HV2, HV3)
    with daemons.paused(HV2, HV3):
        daemons.wait_for("writes active_schema 15", HV1)
        assert outlook(pvc) == "pvchv2, pvchv3 run version 8: changing to 15 takes the daemons some seconds."
        for early in (("--yes",), (), ("--dry-run",)):
            result = pvc("schema", "apply", "--prune", *early)
            assert (result.code, result.out) == (1, "")
            assert "znodes for now: the daemons of pvchv2, pvchv3 run another schema version" in result.err
            assert early == ("--dry-run",) or result.err.endswith(
                "Nothing to do: the rest of the tree matches schema version 15.\n"
            )
        assert {*LITTER} <= {f"/{name}" for name in tree.client.get_children("/")}
    daemons.wait_for("runs version 15", *NODES)

    found = validated(pvc)
    assert (found["stray"], found["foreign"], found["retired"], found["missing"]) == (LITTER, [], [], [])
    assert found["pvc_made"] == LITTER
    assert outlook(pvc) == "All nodes know version 15 and no newer one: the daemons change nothing."
    assert "Nothing to do" in pvc("schema", "upgrade", "--yes").err
    assert pvc("schema", "apply", "--prune", "--yes").code == 0
    assert pvc("schema", "validate").code == 0
    assert all(tree.client.exists(path) is None for path in LITTER)


def test_a_forced_upgrade_ends_the_daemons_that_do_not_know_it_and_says_so(pvc: Pvc, begin: Begin) -> None:
    tree, daemons = begin(13, HV1, HV2, knows=15)
    daemons.start(HV3, knows=13)
    daemons.wait_for("runs version 13", HV3)
    result = pvc("schema", "upgrade", "--yes", "--no-backup", "--force", "--wait", "20")
    assert daemons.log(HV3)[-1].words == "ends: its software lacks version 15"
    assert (result.code, version(tree)) == (5, "15")
    assert "Warning: schema version 15 would stop PVC on some nodes: node pvchv3 knows only version 13" in result.err
    assert result.err.endswith(
        "Error: the schema version is 15, but some daemons cannot run it and have ended: pvchv3 knows only version"
        " 13; upgrade PVC there, then start them\n"
    )
    assert outlook(pvc) == "pvchv3 knows only version 13: no daemon can run 15 there: upgrade PVC first."
    replace_software(daemons, HV3, knows=15)
    daemons.wait_for("runs version 15", *NODES)
    assert (pvc("schema", "validate").code, outlook(pvc)[:26]) == (0, "All nodes know version 15 ")


def test_a_rollback_below_living_daemons_is_undone_and_one_below_stopped_ones_stays(pvc: Pvc, begin: Begin) -> None:
    tree, daemons = begin(15, *NODES, knows=15)
    before = tree.dump("/domains")
    refused = pvc("schema", "rollback", "--to", "13", "--yes", "--no-backup")
    assert (refused.code, version(tree), tree.dump("/domains")) == (1, "15", before)
    assert "while PVC's daemons run: pvchv1, pvchv2, pvchv3 know version 15 and would set it again" in refused.err

    at = daemons.now
    assert pvc("schema", "rollback", "--to", "13", "--yes", "--no-backup", "--force").code == 0
    wait_until(lambda: version(tree) == "15")
    assert daemons.log(HV1)[-1].words.startswith("finds that all nodes know version 15")
    assert daemons.now - at < 2

    daemons.stop(*NODES)
    assert pvc("schema", "rollback", "--to", "13", "--yes", "--no-backup").code == 0
    assert {version(tree, node) for node in ("", *NODES)} == {"13"}
    # Nothing but older software keeps it there.
    assert outlook(pvc) == "All nodes know version 15: the next daemon that starts upgrades the cluster to it."
    tree.client.delete(f"/nodes/{HV3}/activeschema")  # then its daemon takes the cluster's
    at = daemons.now
    daemons.start(*NODES, knows=13)
    daemons.wait_for("runs version 13", *NODES, after=at)
    assert {version(tree, node) for node in ("", *NODES)} == {"13"}
    assert outlook(pvc) == "All nodes know version 13 and no newer one: the daemons change nothing."
    assert pvc("schema", "validate").code == 0


def test_an_upgrade_waits_for_the_daemons_and_cleans_up_behind_them(pvc: Pvc, begin: Begin) -> None:
    """Also to a version that is not the newest of all: the daemons agree on none to set."""
    tree, daemons = begin(8, HV1, HV2, knows=15)
    daemons.start(HV3, knows=13)
    daemons.wait_for("runs version 8", HV3)
    result = pvc("schema", "upgrade", "--to", "13", "--yes", "--no-backup", "--wait", "20")
    assert result.code == 0, result.err
    assert "pvchv1, pvchv2, pvchv3 to run schema version 13.\n" in result.err
    removed = re.search(r"All running daemons follow; (\d+) leftovers removed\.\n$", result.err)
    # All but those that version 14 brings, and what the checks create.
    assert removed
    assert int(removed[1]) >= len(LITTER) - 1
    assert all(tree.client.exists(path) is None for path in LITTER)
    daemons.wait_for("runs version 13", *NODES)
    assert (validated(pvc)["stray"], version(tree)) == ([], "13")
    assert outlook(pvc) == "pvchv3 knows only version 13: no daemon upgrades the cluster to 15 before all do."
    with daemons.paused(HV2):
        tree.put(f"/nodes/{HV2}/activeschema", b"9")
        result = pvc("schema", "upgrade", "--to", "13", "--wait", "0.3")
    assert (result.code, "pvchv2 did not follow within 0.3 s: see 'pvc schema show'" in result.err) == (5, True)


@pytest.mark.parametrize("interrupted_at", ["8", "15"])
def test_a_second_run_finishes_an_interrupted_upgrade_below_living_daemons(
    pvc: Pvc, begin: Begin, monkeypatch: pytest.MonkeyPatch, interrupted_at: str
) -> None:
    """Interrupted before the version is set, or after it: then PVC's migration litters the tree before the second."""
    tree, daemons = begin(8, HV1, HV2, knows=15)
    tree.client.delete(f"/nodes/{HV3}", recursive=True)  # which held it back
    done = 0

    def interrupt() -> None:
        nonlocal done
        if done and version(tree) == interrupted_at:
            raise KeyboardInterrupt
        done += 1

    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 15)
    with ZKHandler(tree.hosts) as handler, pytest.raises(KeyboardInterrupt):
        Migration.upgrade(handler).carry_out(Hooks(between_chunks=interrupt))
    assert version(tree) == interrupted_at
    if interrupted_at == "15":
        daemons.wait_for("writes active_schema 15", HV1)
    result = pvc("schema", "upgrade", "--yes", "--no-backup", "--wait", "20")
    assert result.code == 0, result.err
    assert {version(tree, node) for node in ("", HV1, HV2)} == {"15"}
    daemons.wait_for("runs version 15", HV1, HV2)
    assert pvc("schema", "validate").code == 0


def start_meanwhile(tree: Tree, daemons: Daemons, *, knows: int) -> Hooks[Plan]:
    """Start a daemon between the first two transactions; until then, all nodes seemed to know version 15."""
    for node in (HV2, HV3):
        tree.put(f"/nodes/{node}/latestschema", b"15")

    def start() -> None:
        if not daemons.log(HV2):
            daemons.start(HV2, knows=knows)
            daemons.wait_for("starts with version 9", HV2)

    return Hooks(between_chunks=start)


def test_a_daemon_that_starts_in_the_middle_of_an_upgrade_may_set_the_version_itself(pvc: Pvc, begin: Begin) -> None:
    """What it then creates of the version that it started with is retired, and goes with the litter."""
    tree, daemons = begin(9, HV1, knows=15)
    with ZKHandler(tree.hosts) as handler:
        Migration.upgrade(handler).carry_out(start_meanwhile(tree, daemons, knows=15))
    assert version(tree) == "15"
    daemons.wait_for("finds that all nodes know version 15", HV2)
    daemons.wait_for("runs version 15", HV1, HV2)
    assert pvc("schema", "apply", "--prune", "--yes").code == 0
    assert pvc("schema", "validate").code == 0


def test_a_daemon_on_old_software_that_starts_in_the_middle_of_an_upgrade_stops_it(begin: Begin) -> None:
    tree, daemons = begin(9, HV1, knows=15)
    why = "node pvchv2 knows only version 9.*changes made so far are kept"
    with ZKHandler(tree.hosts) as handler, pytest.raises(SchemaError, match=why):
        Migration.upgrade(handler).carry_out(start_meanwhile(tree, daemons, knows=9))
    daemons.wait_for("runs version 9", HV2)
    assert version(tree) == "9"


def test_a_restore_below_living_daemons_is_refused_and_a_forced_one_keeps_what_they_report(
    pvc: Pvc, begin: Begin, tmp_path: Path
) -> None:
    tree, daemons = begin(15, HV1, HV2, knows=15)
    file = str(tmp_path / "backup.json")
    assert pvc("cluster", "backup", file).code == 0
    vm = f"/domains/{tree.uuid('web-01')}"
    tree.client.delete(vm, recursive=True)
    refused = pvc("cluster", "restore", file, "--yes", "--no-backup")
    assert (refused.code, tree.client.exists(vm)) == (1, None)
    assert (
        "cannot restore while PVC's daemons run on pvchv1, pvchv2: they write to the tree all the time" in refused.err
    )
    result = pvc("cluster", "restore", file, "--yes", "--no-backup", "--force")
    assert "Warning: restoring although PVC's daemons run on pvchv1, pvchv2: they write" in result.err
    assert "stop pvcnoded" not in result.err
    # The daemons write all the time: it says so where that kept it from its end.
    last = result.err.splitlines()[-1]
    kept = re.match(r"Error: (gave up|\d+ more items would be lost)", last)
    assert result.code == (5 if kept else 0), result.err
    assert kept or last.startswith("Restored"), result.err
    assert (result.code == 0) == bool(tree.client.exists(f"{vm}/state"))
    alive = daemons.now
    for node in (HV1, HV2):
        before = tree.client.get(f"/nodes/{node}/keepalive")[1].version
        wait_until(lambda: tree.client.get(f"/nodes/{node}/keepalive")[1].version > before)  # noqa: B023
    assert [said for said in daemons.log() if said.at > alive] == []


def test_a_stuck_lock_is_removed_whatever_the_daemons_run_and_force_prunes_the_rest(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may run another version because of that very lock."""
    tree = demo(vms=1)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    stuck = f"/schema/version/{'0' * 32}__lock__0000000000"
    tree.put(stuck)
    tree.put("/snapshots")
    tree.put(f"/nodes/{HV2}/activeschema", b"14")
    result = pvc("schema", "apply", "--prune", "--yes")
    assert (result.code, tree.client.exists(stuck)) == (1, None)
    assert "kept 1 znodes for now: the daemons of pvchv2 run another schema version" in result.err
    assert tree.client.exists("/snapshots")
    assert pvc("schema", "apply", "--prune", "--yes", "--force").code == 0
    assert tree.dump() == before | {f"/nodes/{HV2}/activeschema": b"14"}


def test_the_log_in_the_documentation_is_what_the_daemons_do(empty: Tree, tmp_path: Path) -> None:
    """In everything but the times, and who comes first of those who do the same at once."""
    said = upgrade_log.run(empty.hosts, tmp_path)
    assert upgrade_log.parse(upgrade_log.PAGE.read_text()) == upgrade_log.parse(upgrade_log.block(said)), (
        "run make log"
    )
