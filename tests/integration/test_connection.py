"""The session: what is said, and what happens when servers die, hang, or lose a connection at the worst moment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvc_cli.cluster.vms import read as vms
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.errors import ConfigError, OutcomeUnknownError, UnreachableError
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.wire import WireHandler
from tests.conftest import Pvc, Tree
from tests.integration.proxy import MULTI, MULTI_READ, Fault, Proxy
from tests.terminal import Terminal


@pytest.fixture
def own_server(zookeeper: None, tmp_path: Path) -> Iterator[Ensemble]:
    """A server that a test may kill."""
    with Ensemble(tmp_path / "zookeeper") as ensemble:
        yield ensemble


@pytest.fixture
def proxy(tree: Tree, server: Ensemble) -> Iterator[Proxy]:
    """A proxy in front of the common server."""
    proxy = Proxy(server.servers[0].port)
    yield proxy
    proxy.close()


def through(proxy: Proxy, tree: Tree) -> str:
    return f"{proxy.hosts}/{tree.hosts.partition('/')[2]}"


def test_the_listener_tells_of_the_first_connect_and_the_last_disconnect_only(tree: Tree) -> None:
    said: list[str] = []
    with ZKHandler(tree.hosts, on_event=said.append) as handler:
        handler.read("base.config.maintenance")
        handler.connect()
    assert said == [f"Connected to ZooKeeper at {tree.hosts}.", f"Disconnected from ZooKeeper at {tree.hosts}."]


def test_a_restarted_server_is_told_of_and_reads_go_on(own_server: Ensemble) -> None:
    said: list[str] = []
    server = own_server.servers[0]
    with ZKHandler(own_server.hosts, on_event=said.append) as handler:
        handler.refresh_schema()
        server.signal(signal.SIGKILL)
        server.launch()
        assert handler.children("base.root") == []
    assert [words.split(" ZooKeeper")[0] for words in said] == [
        "Connected to",
        "Lost the connection to",
        "Reconnected to",
        "Disconnected from",
    ]


def test_a_server_that_is_dead_is_given_up_in_time(own_server: Ensemble) -> None:
    with ZKHandler(own_server.hosts, timeout=1.0) as handler:
        handler.refresh_schema()
        own_server.servers[0].signal(signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="did not answer within 1 s"):
            handler.children("base.root")
        assert time.monotonic() - started < 3


def test_a_server_that_hangs_is_given_up_in_time(own_server: Ensemble) -> None:
    with ZKHandler(own_server.hosts, timeout=1.0) as handler:
        handler.refresh_schema()
        transaction = handler.transaction()
        transaction.set("base.schema.version", "1")
        own_server.servers[0].signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(UnreachableError):
            handler.children("base.root")
        with pytest.raises(OutcomeUnknownError, match="rerun the same command"):
            transaction.commit()
        assert time.monotonic() - started < 5
        own_server.servers[0].signal(signal.SIGCONT)


def test_a_dead_server_is_one_line_and_exit_4_in_the_time_that_was_given(pvc: Pvc) -> None:
    started = time.monotonic()
    result = pvc("--coordinators", "127.0.0.1:1", "--timeout", "2", "vm", "list")
    assert 1.9 < time.monotonic() - started < 3
    assert (result.code, result.out) == (4, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith("Error: ZooKeeper at 127.0.0.1:1 did not answer within 2 s (")
    assert "Connection refused" in result.err


REFUSED = "Error: ZooKeeper at 127.0.0.1:1 refuses connections: check that it runs, and its port; or wait for it with"


@pytest.mark.parametrize("words", ["vm list", "connection test"])
def test_a_person_whose_servers_all_refuse_is_answered_soon(words: str) -> None:
    started = time.monotonic()
    terminal = Terminal(
        [sys.executable, "-m", "pvc_cli", "--coordinators", "127.0.0.1:1", *words.split()], {**os.environ}
    )
    assert terminal.wait_for_end() == 4
    assert time.monotonic() - started < 5
    assert f"{REFUSED} --timeout 60\r\n" in terminal.seen


def test_a_person_who_gives_a_timeout_waits_so_long() -> None:
    started = time.monotonic()
    command = [sys.executable, "-m", "pvc_cli", "--coordinators", "127.0.0.1:1", "--timeout", "4", "vm", "list"]
    terminal = Terminal(command, {**os.environ})
    assert terminal.wait_for_end() == 4
    assert time.monotonic() - started > 3.9
    assert "did not answer within 4 s (" in terminal.seen


def test_a_script_waits_for_a_server_that_restarts(own_server: Ensemble) -> None:
    """Its stderr goes to a pipe: nothing that runs by itself fails for the sake of a person's patience."""
    with ZKHandler(own_server.hosts) as handler:
        fill(handler, vms=3, schema=ZKSchema(15))
    (server,) = own_server.servers
    server.signal(signal.SIGKILL)
    command = [sys.executable, "-m", "pvc_cli", "--coordinators", own_server.hosts, "vm", "list", "-o", "name"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as script:
        time.sleep(4)
        server.launch()
        out, err = script.communicate(timeout=30)
    assert (script.returncode, len(out.split()), err) == (0, 3, "")


def test_a_server_that_is_back_in_a_moment_is_not_given_up(own_server: Ensemble) -> None:
    (server,) = own_server.servers
    server.signal(signal.SIGKILL)
    timer = threading.Timer(0.8, server.launch)
    timer.start()
    with ZKHandler(own_server.hosts, refused_timeout=4) as handler:
        assert handler.children("base.root") == []
    timer.join()


def test_not_all_servers_refuse_where_one_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hosts = f"127.0.0.1:1,127.0.0.1:{mute.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="did not answer within 3 s"):
            ZKHandler(hosts, timeout=3, refused_timeout=0.5).connect()
        assert time.monotonic() - started > 2.9
    with pytest.raises(UnreachableError, match="refuses connections"):
        ZKHandler("127.0.0.1:1,127.0.0.1:2", timeout=9, refused_timeout=0.5).connect()


def test_the_two_addresses_of_one_server_do_not_stand_for_another_that_is_waited_for() -> None:
    """A name may have an address of each family; whoever gives up has just been refused once more."""
    wire = WireHandler([("both", 1), ("slow", 1)], 9, None, print)

    def refused(*addresses: str) -> float:
        for address in addresses:
            with pytest.raises(ConnectionRefusedError):
                wire.create_connection(address=(address, 1), timeout=1)
        time.sleep(0.3)
        return wire.all_refused_for()

    assert refused("127.0.0.1", "127.0.0.2") < 0.1
    assert refused("127.0.0.1", "127.0.0.2") > 0.29
    with socket.create_server(("127.0.0.1", 0)) as open_port:
        wire.create_connection(address=open_port.getsockname(), timeout=1).close()
    assert wire.all_refused_for() == 0


def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(pvc: Pvc) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        result = pvc("--coordinators", f"127.0.0.1:{mute.getsockname()[1]}", "--timeout", "1", "vm", "list")
        assert time.monotonic() - started < 2
    assert (result.code, result.err.count("\n")) == (4, 1)


def test_one_dead_host_of_two_does_not_matter(pvc: Pvc, tree: Tree) -> None:
    for _ in range(4):
        result = pvc("--coordinators", f"127.0.0.1:1,{tree.hosts}", "--timeout", "5", "vm", "list", "-o", "name")
        assert (result.code, len(result.out.split())) == (0, 20)


@pytest.mark.parametrize(
    ("hosts", "code", "said"),
    [
        (",", 3, "invalid ZooKeeper servers"),
        ("127.0.0.1:port", 3, "invalid ZooKeeper servers"),
        ("[::1]:1", 4, "did not answer within 1 s"),
    ],
)
def test_hosts_that_make_no_sense_are_one_line(pvc: Pvc, hosts: str, code: int, said: str) -> None:
    result = pvc("--coordinators", hosts, "--timeout", "1", "vm", "list")
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert said in result.err


def unknown(names: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let name servers answer with an error for each of *names*."""
    ask = socket.getaddrinfo

    def answer(host: str, *more: object, **options: object) -> object:
        if host in names:
            raise socket.gaierror(names[host], "Name or service not known")
        return ask(host, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("hosts", ["hv1.invalid", "hv1.invalid,hv2.invalid:2281/pvc"])
def test_names_that_nobody_knows_are_not_waited_for(pvc: Pvc, monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    unknown({"hv1.invalid": socket.EAI_NONAME, "hv2.invalid": socket.EAI_NONAME}, monkeypatch)
    started = time.monotonic()
    result = pvc("--coordinators", hosts, "--timeout", "9", "vm", "list")
    assert time.monotonic() - started < 3
    assert (result.code, result.out) == (4, "")
    assert result.err == (
        f"Error: cannot resolve {hosts} (Name or service not known): check the names, or use others with"
        " --coordinators\n"
    )


def test_a_name_that_may_be_known_soon_is_waited_for(pvc: Pvc, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown({"hv1.invalid": socket.EAI_NONAME, "hv2.invalid": socket.EAI_AGAIN}, monkeypatch)
    started = time.monotonic()
    result = pvc("--coordinators", "hv1.invalid,hv2.invalid", "--timeout", "1", "vm", "list")
    assert time.monotonic() - started > 0.9
    assert (result.code, "did not answer within 1 s" in result.err) == (4, True)


def test_one_unknown_name_of_two_does_not_matter(pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown({"hv1.invalid": socket.EAI_NONAME}, monkeypatch)
    result = pvc("--coordinators", f"hv1.invalid,{tree.hosts}", "--timeout", "5", "vm", "list", "-o", "name")
    assert (result.code, len(result.out.split())) == (0, 20)


def test_a_first_run_says_in_three_lines_what_to_do(pvc: Pvc) -> None:
    result = pvc("vm", "list")
    assert (result.code, result.out) == (3, "")
    assert result.err == (
        "Error: no cluster configured; save one with   pvc connection add NAME HOST[:PORT],…\n"
        "       use one for this command with          pvc --coordinators HOST[:PORT],… COMMAND\n"
        "       or try pvc on a demo cluster with      pvc sandbox start\n"
    )


def test_a_chroot_that_does_not_exist_is_named(server: Ensemble) -> None:
    with pytest.raises(ConfigError, match="chroot /nowhere does not exist on"):
        ZKHandler(f"{server.hosts}/nowhere").connect()


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_lost_around_a_commit_is_resolved_by_reading_back(
    proxy: Proxy, tree: Tree, fault: Fault, times: int
) -> None:
    uuid = tree.uuid("web-01")
    with ZKHandler(through(proxy, tree)) as handler:
        handler.refresh_schema()
        actions: list[Callable[[], None]] = [
            lambda: handler.write([(("domain.meta.tags", uuid, "tag", "t"), "t")]),
            lambda: handler.write([(("domain.state", uuid), "stop")]),
            lambda: handler.rename([(("domain", uuid), ("domain", "new"))]),
            lambda: handler.delete([("domain", "new")]),
        ]
        for action in actions:
            proxy.strike(MULTI, fault, times)
            action()
        # A commit whose reply was lost is found to be made, and is not sent again.
        assert proxy.struck == (4 * times if fault == "before" else 4)
    assert not tree.client.exists("/domains/new")
    assert not tree.client.exists(f"/domains/{uuid}")


def test_a_commit_that_was_made_is_not_made_twice(proxy: Proxy, tree: Tree) -> None:
    before = tree.client.get("/config/maintenance")[1].version
    with ZKHandler(through(proxy, tree)) as handler:
        handler.refresh_schema()
        proxy.strike(MULTI, "after")
        handler.write([("base.config.maintenance", "True")])
    assert tree.client.get("/config/maintenance")[1].version == before + 1


@pytest.mark.usefixtures("zookeeper")
def test_an_outcome_that_cannot_be_found_out_is_said_to_be_unknown(demo: Callable[..., Tree], tmp_path: Path) -> None:
    with Ensemble(tmp_path / "zookeeper") as ensemble:
        proxy = Proxy(ensemble.servers[0].port)
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=1, schema=ZKSchema())
        with ZKHandler(proxy.hosts, timeout=1.5) as handler:
            handler.refresh_schema()
            proxy.strike(MULTI, "after")
            proxy.close()
            with pytest.raises(OutcomeUnknownError, match="its outcome is unknown"):
                handler.write([("base.config.maintenance", "True")])


def test_a_server_that_does_not_know_multiread_is_read_without_it(proxy: Proxy, tree: Tree) -> None:
    proxy.strike(MULTI_READ, "unimplemented", times=1000)
    with ZKHandler(through(proxy, tree)) as handler:
        names = handler.read_many(("domain", uuid) for uuid in handler.children("base.domain") or [])
        assert len(names) == 20
        handler.read_many(["base.config.maintenance", "base.config.upstream_ip"])
    assert proxy.struck == 1


def test_a_server_that_hangs_up_on_multiread_is_read_without_it(proxy: Proxy, tree: Tree) -> None:
    proxy.strike(MULTI_READ, "before", times=1000)
    with ZKHandler(through(proxy, tree)) as handler:
        assert handler.read_many(["base.config.maintenance"] * 2) == ["false", "false"]
    assert proxy.struck == 1


def test_a_multiread_lost_with_its_connection_is_asked_again(proxy: Proxy, tree: Tree) -> None:
    with ZKHandler(through(proxy, tree)) as handler:
        assert handler.read_many(["base.config.maintenance"] * 2) == ["false", "false"]
        proxy.strike(MULTI_READ, "after", times=2)
        assert handler.read_many(["base.config.maintenance"] * 2) == ["false", "false"]
    assert proxy.struck == 2


@pytest.mark.usefixtures("zookeeper")
def test_an_ensemble_that_loses_a_server_goes_on(tmp_path: Path) -> None:
    with Ensemble(tmp_path / "zookeeper", 3) as ensemble, ZKHandler(ensemble.hosts) as handler:
        fill(handler, vms=5, schema=ZKSchema())
        for server in ensemble.servers:
            server.signal(signal.SIGKILL)
            handler.write([("base.config.maintenance", server.folder.name)])
            assert handler.read("base.config.maintenance") == server.folder.name
            server.start()


@pytest.mark.parametrize("fault", ["before", "after", "unimplemented"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_list_that_loses_its_connection_on_the_way_is_whole(
    proxy: Proxy, tree: Tree, monkeypatch: pytest.MonkeyPatch, fault: Fault, times: int
) -> None:
    """Also where the next server is an older one, which does not know the request that worked so far."""
    monkeypatch.setattr(vms, "_FIRST", 2)
    monkeypatch.setattr(vms, "_CHUNK", 2)
    with ZKHandler(through(proxy, tree)) as handler:
        chosen = [vm.uuid for vm in list_vms(handler)]
        found = []
        for number, vm in enumerate(vms.read_vms(handler, chosen)):
            if number % 5 == 0:
                proxy.strike(MULTI_READ, fault, times)
            found.append(vm)
    assert proxy.struck >= 4
    assert [vm.uuid for vm in found] == chosen
    assert all(vm.hardware and vm.tags for vm in found)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a,b", "commas separate names in -c"),
        ("-", "- is standard input"),
        ("sandbox", "-c sandbox is the demo cluster of 'pvc sandbox start'"),
        ("file:x", "-c file:PATH is a backup"),
    ],
)
def test_no_connection_is_called_what_means_something_else(pvc: Pvc, home: Path, name: str, why: str) -> None:
    result = pvc("connection", "add", name, "hv1")
    assert (result.code, result.err) == (2, f"Error: '{name}' is not a valid connection name: {why}\n")
    assert not (home / "config").exists()
