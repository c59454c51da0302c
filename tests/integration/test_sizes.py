"""Values of all sizes that a cluster can hold, on servers with and without a raised jute.maxbuffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.errors import TooLargeError
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import Access, ZKHandler, ZKSchema
from pvc_cli.zk.request_size import _ENVELOPE, MAX_REQUEST
from pvc_cli.zk.store import Op
from tests.conftest import Pvc, Tree, without_daemons


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


BUFFER = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def roomy(zookeeper: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """A server with a raised jute.maxbuffer, as PVC's own role configures it."""
    ensemble = Ensemble(tmp_path_factory.mktemp("roomy"))
    ensemble.servers[0].properties["jute.maxbuffer"] = str(BUFFER)
    with ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=3, schema=ZKSchema())
        yield ensemble


@pytest.mark.parametrize("room", [500, 0])
def test_a_value_as_large_as_the_servers_take_is_backed_up_and_restored(
    on_tree: Pvc, tree: Tree, tmp_path: Path, room: int
) -> None:
    """Written alone in a transaction, as PVC does: then there is no room for guards."""
    path = f"/domains/{tree.uuid('web-01')}/consolelog"
    with ZKHandler(tree.hosts) as handler:
        overhead = handler.store.size([Op("create", path)]) + _ENVELOPE
        handler.store.commit([Op("set", path, b"x" * (MAX_REQUEST - overhead - room))])
    before = tree.dump()
    file = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(file)).code == 0
    tree.client.delete(path)
    result = on_tree("cluster", "restore", str(file), "--yes", "--force")
    assert (result.code, tree.dump() == before) == (0, True), result.err


def test_a_value_above_a_mebibyte_is_restored_where_the_servers_take_it(
    pvc: Pvc, roomy: Ensemble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", roomy.hosts)
    client = KazooClient(roomy.hosts)
    client.start()
    tree = Tree(client, roomy.hosts)
    path = f"/domains/{tree.uuid('web-01')}/consolelog"
    tree.put(path, b"x" * 5_000_000)
    before = tree.dump()
    file = tmp_path / "backup.json"
    assert pvc("cluster", "backup", str(file)).code == 0
    client.delete(path)
    result = pvc("cluster", "restore", str(file), "--yes", "--force")
    assert (result.code, tree.dump() == before) == (0, True), result.err
    client.stop()
    client.close()


def test_what_cannot_fit_is_refused_before_anything_is_written_and_in_a_dry_run(
    pvc: Pvc, on_tree: Pvc, tree: Tree, roomy: Ensemble, tmp_path: Path
) -> None:
    client = KazooClient(roomy.hosts)
    client.start()
    path = f"/domains/{Tree(client, roomy.hosts).uuid('web-01')}/consolelog"
    client.ensure_path(path)
    client.set(path, b"x" * 2_000_000)
    file = tmp_path / "backup.json"
    assert pvc("--coordinators", roomy.hosts, "cluster", "backup", str(file)).code == 0
    client.delete(path)
    client.stop()
    client.close()
    before = tree.dump()
    for options in (("--dry-run",), ("--yes", "--force")):
        result = on_tree("cluster", "restore", str(file), *options)
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert "more than the servers accept in one request" in result.err
        assert path in result.err
    assert tree.dump() == before


def test_the_session_survives_finding_out_what_the_servers_take(zk: ZKHandler, tree: Tree) -> None:
    key = ("domain.console.log", tree.uuid("web-01"))
    for _ in range(2):
        with pytest.raises(TooLargeError, match=r"raise jute\.maxbuffer on the servers"):
            zk.write([(key, "x" * 1_100_000)])
        zk.write([(key, "x" * 1_048_000)])


@pytest.mark.usefixtures("zookeeper")
@pytest.mark.parametrize("log", [1_000_000, 250_000])
def test_a_server_with_the_heap_that_pvc_gives_it_survives_a_backup_of_many_logs(
    pvc: Pvc, tmp_path: Path, log: int
) -> None:
    """Its 128 MiB hold 16 MB of console logs twice; all in one reply, or all on their way, they were its end."""
    ensemble = Ensemble(tmp_path / "server", heap="128m")
    with ensemble:
        count = 16_000_000 // log
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=count, schema=ZKSchema())
            for vm in handler.children("base.domain") or []:
                handler.write([(("domain.console.log", vm), "x" * log)])
        process = ensemble.servers[0].process
        for words in (("cluster", "backup", str(tmp_path / "b.json")), ("schema", "validate"), ("vm", "list")):
            assert pvc("--coordinators", ensemble.hosts, *words).code == 0
        assert process
        assert process.poll() is None
        assert (tmp_path / "b.json").stat().st_size > 16_000_000


@pytest.mark.parametrize(("chroot", "acl"), [("x" * 300, ""), ("deep", "digest")])
def test_a_chroot_and_an_acl_count(server: Ensemble, empty: Tree, chroot: str, acl: str) -> None:
    """They are in every step of a request: what was counted without them made the servers hang up."""
    empty.put(f"/{chroot}")
    entries = ",".join(f"digest:user{number}:{'h' * 40}:cdrwa" for number in range(13)) + ",world:anyone:cdrwa"
    access = Access(acl=entries if acl else "open")
    with ZKHandler(f"{empty.hosts}/{chroot}", access=access) as handler:
        fill(handler, vms=200, schema=ZKSchema())
        key = ("domain.console.log", (handler.children("base.domain") or [""])[0])
        largest = next(
            size
            for size in range(1_048_575, 1_046_000, -1)
            if handler.store.size([Op("set", f"/domains/{key[1]}/consolelog", b"x" * size)]) + 400 <= 1_048_575
        )
        handler.write([(key, "x" * largest)])
        with pytest.raises(TooLargeError):
            handler.write([(key, "x" * 1_048_500)])
