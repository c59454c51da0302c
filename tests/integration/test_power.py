"""VMs are started, stopped and disabled as PVC does it: under its lock, with its values, and nowhere else."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kazoo.client import KazooClient

from pvc_cli.cluster.controls import control
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.power import plan_power
from pvc_cli.cluster.vms.query import select
from pvc_cli.cluster.vms.state_lock import HOLD
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, changes_between, round_trips


@contextmanager
def daemon(tree: Tree, acts: Callable[[KazooClient, str], None]) -> Iterator[None]:
    """Have a node's daemon see each state of web-01, as they do: through a watch, in a client of its own."""
    client = KazooClient(tree.hosts)
    client.start()
    path = f"/domains/{tree.uuid('web-01')}/state"
    threads = []

    def see(data: bytes | None, *_: object) -> None:
        thread = threading.Thread(target=acts, args=(client, (data or b"").decode()))
        thread.start()
        threads.append(thread)

    client.DataWatch(path, see)
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
        client.stop()
        client.close()


def set_state(tree: Tree, state: str, vm: str = "web-01") -> None:
    tree.put(f"/domains/{tree.uuid(vm)}/state", state.encode())


@pytest.mark.parametrize(
    ("action", "before", "said"),
    [
        ("start", "stop", "start requested"),
        ("start", "disable", "start requested"),
        ("start", "fail", "start requested"),
        ("shutdown", "start", "shutdown requested"),
        ("restart", "start", "restart requested"),
        ("stop", "start", "stop requested"),
        ("stop", "shutdown", "stop requested"),
        ("disable", "stop", "disabled"),
        ("disable", "fail", "disabled"),
    ],
)
def test_one_state_is_written_and_nothing_else(on_tree: Pvc, tree: Tree, action: str, before: str, said: str) -> None:
    set_state(tree, before)
    path = f"/domains/{tree.uuid('web-01')}/state"
    dump = tree.dump()
    dry = on_tree("vm", action, "web-01", "--dry-run")
    assert (dry.code, dry.out) == (0, f"would change web-01: state {before} -> {action}\n")
    assert tree.dump() == dump
    result = on_tree("vm", action, "web-01")
    assert (result.code, result.out, result.err) == (0, "", f"web-01: {said}.\n")
    assert changes_between(dump, tree.dump()) == {path: action.encode()}
    again = on_tree("vm", action, "web-01")
    assert (again.code, again.err) == (0, f"web-01: unchanged: is in state {action}.\n")


@pytest.mark.parametrize(
    ("action", "state", "why"),
    [
        ("start", "mirror", "it is in state mirror, not stop, disable or fail; override with --force"),
        (
            "stop",
            "migrate",
            "it is in state migrate: wait until that is done, see 'pvc vm list -s migrate'; override with --force",
        ),
        ("shutdown", "fail", "it is in state fail, not start"),
        ("restart", "stop", "it is in state stop, not start"),
        (
            "stop",
            "provision",
            "it is in state provision: wait until that is done, see 'pvc vm list -s provision'; override",
        ),
        ("stop", "mirror", "it is in state mirror, not start, shutdown, restart, fail or disable"),
        ("disable", "mirror", "it is in state mirror, not stop or fail; override with --force"),
    ],
)
def test_a_state_that_does_not_allow_it_is_refused(
    on_tree: Pvc, tree: Tree, action: str, state: str, why: str
) -> None:
    set_state(tree, state)
    dump = tree.dump()
    result = on_tree("vm", action, "web-01")
    assert result.code == 1
    assert f"Error: web-01: refused: {why}" in result.err
    assert tree.dump() == dump
    if "--force" in why:
        assert on_tree("vm", action, "web-01", "--force").code == 0
        assert tree.client.get(f"/domains/{tree.uuid('web-01')}/state")[0] == action.encode()


@pytest.mark.parametrize("state", ["migrate", "migrate-live", "unmigrate", "provision", "import", "restore"])
@pytest.mark.parametrize("action", ["start", "restart", "shutdown"])
def test_a_vm_that_pvc_is_busy_with_is_not_started_even_with_force(
    on_tree: Pvc, tree: Tree, state: str, action: str
) -> None:
    """Started while it migrates, it would run on the target, too, or be killed where it still runs."""
    set_state(tree, state)
    before = tree.dump()
    wait = f"it is in state {state}: wait until that is done, see 'pvc vm list -s {state}'"
    for force in ((), ("--force",)) if action == "start" else ((),):
        result = on_tree("vm", action, "web-01", *force)
        assert (result.code, result.err, tree.dump()) == (1, f"Error: web-01: refused: {wait}\n", before)
    assert on_tree("vm", "list", "-s", state, "-o", "name").out == "web-01\n"


def test_nothing_is_asked_of_a_daemon_that_does_not_run(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/daemonstate", b"dead")
    for action in ("shutdown", "restart", "stop"):
        result = on_tree("vm", action, "web-01")
        why = "the daemon of its node pvchv1, which would do it, is in state dead; override with --force"
        assert (result.code, result.err) == (1, f"Error: web-01: refused: {why}\n")
    assert on_tree("vm", "stop", "web-01", "--force").code == 0


def test_vms_that_start_together_must_fit_together(on_tree: Pvc, tree: Tree) -> None:
    for vm in ("web-01", "mail-02", "db-02"):
        set_state(tree, "stop", vm)
        tree.put(f"/domains/{tree.uuid(vm)}/node", b"pvchv1")
    tree.put("/nodes/pvchv1/memfree", b"4096")
    result = on_tree("vm", "start", "web-01,mail-02,db-02")
    assert result.code == 1
    assert "web-01: start requested." in result.err
    assert "mail-02: start requested." in result.err
    assert (
        "db-02: refused: it needs 16 GiB of memory, and node pvchv1 has 4 GiB free, of which VMs started before"
        " it take 4 GiB; override with --force" in result.err
    )
    tree.put(f"/domains/{tree.uuid('web-02')}/xml", b"<domain")
    set_state(tree, "stop", "web-02")
    assert "web-02: refused: its XML is broken" in on_tree("vm", "start", "web-02").err


def test_what_was_done_is_reported_for_programs(on_tree: Pvc, tree: Tree) -> None:
    set_state(tree, "mirror", "web-02")
    result = on_tree("vm", "stop", "web-01,web-02", "-o", "json")
    uuid = tree.uuid("web-01")
    document = json.loads(result.out)
    assert result.code == 1
    assert document["counts"] == {"changed": 1, "unchanged": 0, "refused": 1, "failed": 0}
    stopped, refused = document["items"]
    assert stopped == {
        "name": "web-01",
        "uuid": uuid,
        "status": "changed",
        "changes": [{"action": "set", "path": f"/domains/{uuid}/state", "value": "stop"}],
    }
    assert (refused["status"], refused["reason"][:24]) == ("refused", "it is in state mirror, n")
    dry = json.loads(on_tree("vm", "restart", "app-02", "--dry-run", "-o", "json").out)
    assert [change["value"] for change in dry["changes"]] == ["restart"]
    assert dry["items"][0]["status"] == "changed"


def test_the_state_is_changed_under_pvcs_lock_which_is_held_for_half_a_second(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/state"
    seen: list[tuple[str, int]] = []

    def look(client: KazooClient, state: str) -> None:
        if state == "stop":
            threading.Event().wait(0.3)
            seen.append((state, len(client.get_children(path))))

    with daemon(tree, look):
        assert on_tree("vm", "stop", "web-01").code == 0
    assert seen == [("stop", 1)]
    assert tree.client.get_children(path) == []


def test_a_lock_that_another_holds_is_waited_for(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/state"
    lock = tree.client.Lock(path, "somebody")
    with lock:
        result = on_tree("--lock-timeout", "0.3", "vm", "stop", "web-01,web-02")
    assert result.code == 5
    assert "held by somebody" in result.err
    assert "Error: web-01: failed: could not acquire the lock" in result.err
    assert "web-02: stop requested." in result.err


def test_a_running_vm_is_shut_down_before_it_is_disabled(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/state"
    states: list[str] = []

    def obey(client: KazooClient, state: str) -> None:
        states.append(state)
        if state == "shutdown":
            client.set("/nodes/pvchv1/runningdomains", b"")
            with client.Lock(path):
                client.set(path, b"stop")

    dry = on_tree("vm", "disable", "web-01", "--dry-run")
    assert dry.out == "would change web-01: state start -> disable\n"
    assert dry.err == "Dry run: 1 running VM would be shut down first, and disabled once stopped.\n"
    with daemon(tree, obey):
        result = on_tree("vm", "disable", "web-01,web-02", "--wait-timeout", "1.5")
        assert result.code == 1, result.err
    assert states[:4] == ["start", "shutdown", "stop", "disable"]
    assert "web-01: disabled." in result.err


def test_a_vm_that_does_not_stop_is_not_disabled(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree("vm", "disable", "web-01", "--wait-timeout", "0.6")
    assert (result.code, result.err) == (
        1,
        "Error: web-01: failed: requested, but not done within 0.6 s: it is in state shutdown\n",
    )
    assert on_tree("vm", "disable", "web-02", "--force").err == "web-02: disabled.\n"
    assert tree.client.get(f"/domains/{tree.uuid('web-02')}/state")[0] == b"disable"


def test_wait_tells_when_the_daemons_are_done(on_tree: Pvc, tree: Tree) -> None:
    set_state(tree, "stop")
    uuid = tree.uuid("web-01")
    tree.put("/nodes/pvchv1/runningdomains", b"")

    def start(client: KazooClient, state: str) -> None:
        if state == "start":
            # The first keepalive comes before the VM runs.
            time.sleep(HOLD + 0.2)
            client.set("/nodes/pvchv1/keepalive", b"1800000000")
            time.sleep(0.6)
            client.set("/nodes/pvchv1/runningdomains", uuid.encode())
            client.set("/nodes/pvchv1/keepalive", b"1800000005")

    waiting = on_tree("vm", "start", "web-01", "--wait", "--wait-timeout", "0.2")
    assert waiting.code == 1
    assert "web-01: failed: requested, but not done within 0.2 s: its node has not reported since" in waiting.err
    set_state(tree, "stop")
    with daemon(tree, start):
        result = on_tree("vm", "start", "web-01", "--wait")
    assert (result.code, result.err) == (0, "Waiting for the daemons.\nweb-01: start requested; done.\n")

    def give_up(client: KazooClient, state: str) -> None:
        if state == "restart":
            client.set(f"/domains/{uuid}/failedreason", b"no disk")
            client.set(f"/domains/{uuid}/state", b"fail")

    with daemon(tree, give_up):
        failed = on_tree("vm", "restart", "web-01", "--wait")
    assert failed.code == 1
    assert failed.err.endswith("Error: web-01: failed: it failed: no disk; see 'pvc vm info'\n")


def test_a_vm_that_nobody_saw_stop_has_not_stopped(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/runningdomains", b"")
    result = on_tree("vm", "stop", "web-01", "--wait", "--wait-timeout", "0.2")
    assert result.code == 1
    assert "requested, but not done within 0.2 s: its node has not reported since" in result.err


def test_a_vm_that_is_deleted_is_waited_for_no_longer(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}"

    def delete(client: KazooClient, state: str) -> None:
        if state == "stop":
            time.sleep(HOLD + 0.2)
            client.delete(path, recursive=True)

    with daemon(tree, delete):
        result = on_tree("vm", "stop", "web-01", "--wait")
    assert result.code == 1
    assert result.err.endswith("Error: web-01: failed: the VM no longer exists\n")


def test_a_vm_that_is_gone_when_its_lock_is_free_is_refused(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}"
    lock = tree.client.Lock(f"{path}/state", "rival")
    lock.acquire()

    def rival() -> None:
        time.sleep(0.6)
        # All at once, as PVC deletes a VM, the contenders for its lock with it.
        transaction = tree.client.transaction()
        contenders = [f"{path}/state/{name}" for name in tree.client.get_children(f"{path}/state")]
        for part in sorted({*tree.dump(path), *contenders}, reverse=True):
            transaction.delete(part)
        assert not [result for result in transaction.commit() if isinstance(result, Exception)]

    thread = threading.Thread(target=rival)
    thread.start()
    result = on_tree("vm", "stop", "web-01")
    thread.join()
    assert (result.code, result.err.splitlines()[-1]) == (1, "Error: web-01: refused: the VM no longer exists")


def test_nothing_waits_for_a_lock_while_it_holds_others(on_tree: Pvc, tree: Tree) -> None:
    busy = [f"/domains/{tree.uuid(name)}/state" for name in ("app-02", "mail-01")]
    free = f"/domains/{tree.uuid('web-01')}/state"
    held: list[int] = []

    def watch() -> None:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            held.append(len(tree.client.get_children(free)))
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    with tree.client.Lock(busy[0], "rival"), tree.client.Lock(busy[1], "rival"):
        thread.start()
        result = on_tree("--lock-timeout", "1", "vm", "stop", "app-02,web-01,mail-01")
    thread.join()
    assert result.code == 5
    assert "web-01: stop requested." in result.err
    assert sum(held) * 0.05 < 1.2


def test_servers_that_do_not_answer_are_waited_for_once(on_tree: Pvc, tree: Tree, server: Ensemble) -> None:
    process = server.servers[0].process
    assert process

    def silence() -> None:
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)

    with tree.client.Lock(f"/domains/{tree.uuid('web-01')}/state", "rival"):
        thread = threading.Thread(target=silence)
        thread.start()
        started = time.monotonic()
        try:
            result = on_tree("--timeout", "1", "--lock-timeout", "2", "vm", "stop", "web-01,app-02,mail-01,db-02")
        finally:
            thread.join()
            process.send_signal(signal.SIGCONT)
    assert result.code == 4
    assert time.monotonic() - started < 6
    assert result.err.count("Error: ") == 1


def test_nothing_waits_in_a_backup(pvc: Pvc, on_tree: Pvc, home: object, tmp_path: object) -> None:
    backup = f"{tmp_path}/backup.json"
    assert on_tree("cluster", "backup", backup).code == 0
    refused = pvc("-c", f"file:{backup}", "vm", "stop", "web-01", "--wait")
    assert refused.code == 1
    assert refused.err == "Error: cannot wait: a backup has no daemons that act on it; omit --wait\n"
    for options in (["--dry-run"], []):
        part = pvc("--write", "-c", f"file:{backup}", "vm", "disable", "web-01,lab-02", *options)
        assert part.code == 1
        assert "web-01: refused: it runs, and nothing stops it in a backup; use --force" in part.err
    assert pvc("-c", f"file:{backup}", "vm", "list", "-s", "disable", "-o", "name").out == "lab-02\n"
    assert pvc("--write", "-c", f"file:{backup}", "vm", "stop", "web-01").code == 0
    assert pvc("-c", f"file:{backup}", "vm", "list", "-s", "stop", "^web-01", "-o", "name").out == "web-01\n"


def test_which_vms_are_meant_has_to_be_said(on_tree: Pvc) -> None:
    for words in ((), ("web-01", "--all"), ("web-01", "-s", "start")):
        result = on_tree("vm", "stop", *words)
        assert result.code == 2
        assert "expected VMs by name, or --all, or filters" in result.err
    assert on_tree("vm", "stop", "-g", "productoin").code == 1
    assert on_tree("vm", "stop", "nope").code == 1


def test_a_thousand_vms_are_planned_in_few_batches(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1000)
    with ZKHandler(tree.hosts) as handler:
        vms = select(handler, Filters())
        before = round_trips(handler)
        outcome = control(handler, vms, plan_power("stop", force=True), dry_run=True)
        assert len(outcome.controls) == 1000
        assert round_trips(handler) - before <= 2


def test_clusters_of_every_version_start_vms(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=0)
    set_state(tree, "stop")
    assert pvc("--coordinators", tree.hosts, "vm", "start", "web-01").err == "web-01: start requested.\n"
