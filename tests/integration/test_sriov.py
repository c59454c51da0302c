"""`pvc sriov pf` and `vf` on a real ZooKeeper, to the byte."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.counted import CountedStore
from pvc_cli.agent import linux
from pvc_cli.cluster.sriov.model import list_pfs, list_vfs
from pvc_cli.cluster.sriov.settings import check_settings
from pvc_cli.errors import ConfigError, InvalidInputError
from pvc_cli.zk import ZKHandler, live
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import Read, ReadResult, TextResult
from tests.agent.conftest import set_vf
from tests.agent.nic import SimulatedKernel
from tests.conftest import Pvc, Tree, round_trips

NO_AGENT = "Warning: node pvchv1 has no SR-IOV agent: what was set is kept, and applied once an agent runs there\n"
VF = "/nodes/pvchv1/sriov/vf/ens1f0v1"
EIGHT = (
    *("--vlan-id", "101", "--qos-prio", "2", "--tx-min", "100", "--tx-max", "1000"),
    *("--link-state", "enable", "--no-spoof-check", "--trust", "--query-rss"),
)


def test_pfs_are_listed_with_their_vfs(on_tree: Pvc) -> None:
    result = on_tree("sriov", "pf", "list")
    assert (result.code, result.err, len(result.out.splitlines())) == (0, "", 7)
    assert on_tree("network", "sriov", "pf", "list").out == result.out
    documents = json.loads(on_tree("sriov", "pf", "list", "pvchv2", "-o", "json").out)
    assert documents[0] == {
        "node": "pvchv2",
        "phy": "ens1f0",
        "mtu": 9000,
        "vfcount": 4,
        "vfs": ["ens1f0v0", "ens1f0v1", "ens1f0v2", "ens1f0v3"],
        "report": None,
    }
    assert on_tree("sriov", "pf", "list", "pvchv2", "-o", "name").out == "pvchv2/ens1f0\npvchv2/ens1f1\n"
    assert json.loads(on_tree("sriov", "pf", "info", "pvchv2", "ens1f0", "-o", "json").out) == documents[0]


def test_a_pf_is_shown_as_a_map(on_tree: Pvc) -> None:
    lines = on_tree("sriov", "pf", "info", "pvchv1", "ens1f0").out.splitlines()
    assert [line.split()[-1] for line in lines[-4:]] == ["nfv-01", "-", "-", "-"]
    assert lines[-4].split() == ["ens1f0v0", "0000:03:10.0", "0", "nfv-01"]


def test_vfs_are_listed_naturally_and_by_use(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v10/pf", b"ens1f0")
    names = on_tree("sriov", "vf", "list", "pvchv1", "ens1f0", "-o", "name").out.split()
    assert names == [f"pvchv1/ens1f0v{index}" for index in (0, 1, 2, 3, 10)]
    assert on_tree("sriov", "vf", "list", "--used", "-o", "name").out == "pvchv1/ens1f0v0\n"
    assert len(json.loads(on_tree("sriov", "vf", "list", "--unused", "-o", "json").out)) == 24
    row = on_tree("sriov", "vf", "list", "pvchv1").out.splitlines()[5].split()
    assert row == ["pvchv1", "ens1f0v10", "?", "?", "?", "?", "?", "?", "-"]


def test_a_vf_is_a_typed_document(on_tree: Pvc, tree: Tree) -> None:
    nfv = tree.uuid("nfv-01")
    document = json.loads(on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v0", "-o", "json").out)
    assert document == {
        "node": "pvchv1",
        "phy": "ens1f0v0",
        "pf": "ens1f0",
        "mtu": 9000,
        "mac": tree.client.get("/nodes/pvchv1/sriov/vf/ens1f0v0/mac")[0].decode(),
        "config": {
            "vlan_id": 0,
            "vlan_qos": 0,
            "tx_rate_min": 0,
            "tx_rate_max": 0,
            "link_state": "auto",
            "spoof_check": True,
            "trust": False,
            "query_rss": False,
        },
        "pci": {"domain": "0000", "bus": "03", "slot": "10", "function": "0"},
        "usage": {"used": True, "domain": nfv},
        "report": None,
    }
    assert on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v[01]", "-o", "name").out == (
        "pvchv1/ens1f0v0\npvchv1/ens1f0v1\n"
    )


def test_on_the_node_itself_the_kernels_word_stands_beside(
    on_tree: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = SimulatedKernel(tmp_path)
    kernel.plug_in("ens1f0", "igb")
    kernel.create_vfs("ens1f0", 2)
    kernel.set_vf("ens1f0", 1, {"vlan_id": 7})
    monkeypatch.setattr(linux, "LinuxKernel", lambda: kernel)
    assert "ACTUAL" not in on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v1").out
    monkeypatch.setattr(socket, "gethostname", lambda: "pvchv1.example.net")
    result = on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v1")
    rows = [line.split() for line in result.out.splitlines()]
    assert ["SETTING", "WANTED", "ACTUAL"] in rows
    assert ["vlan_id", "0", "7"] in rows
    assert ["query_rss", "off", "?"] in rows
    document = json.loads(on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v1", "-o", "json").out)
    assert (document["actual"]["vlan_id"], document["actual"]["query_rss"]) == (7, None)
    # No pyroute2, or no such card: what the tree says is shown all the same.
    assert on_tree("sriov", "vf", "info", "pvchv1", "ens1f1v1").code == 0

    def missing() -> SimulatedKernel:
        raise ConfigError("no pyroute2")

    monkeypatch.setattr(linux, "LinuxKernel", missing)
    assert "ACTUAL" not in on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v1").out


def test_eight_settings_are_written_to_the_byte_in_one_transaction(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, commits = tree.dump(), []
    commit = LiveStore.commit

    def counted(store: LiveStore, ops: list[object]) -> None:
        commits.append(ops)
        commit(store, ops)  # type: ignore[arg-type]

    monkeypatch.setattr(LiveStore, "commit", counted)
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", *EIGHT)
    assert (result.code, result.out, len(commits)) == (0, "", 1)
    assert result.err == (
        "pvchv1/ens1f0v1: changed vlan_id 0 -> 101, vlan_qos 0 -> 2, tx_rate_min 0 -> 100, tx_rate_max 0 -> 1000,"
        " link_state auto -> enable, spoof_check on -> off, trust off -> on, query_rss off -> on.\n" + NO_AGENT
    )
    after = tree.dump()
    assert {path: value for path, value in after.items() if before[path] != value} == {
        f"{VF}/config/vlan_id": b"101",
        f"{VF}/config/vlan_qos": b"2",
        f"{VF}/config/tx_rate_min": b"100",
        f"{VF}/config/tx_rate_max": b"1000",
        f"{VF}/config/link_state": b"enable",
        f"{VF}/config/spoof_check": b"False",
        f"{VF}/config/trust": b"True",
        f"{VF}/config/query_rss": b"True",
    }
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", *EIGHT)
    assert (result.code, result.err) == (0, "pvchv1/ens1f0v1: unchanged.\n")
    assert [ops for ops in commits if ops] == commits[:1]
    assert tree.client.get(f"{VF}/config/vlan_id")[1].version == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--vlan-id", "4095"), "4095 is not in the range 0<=x<=4094"),
        (("--vlan-id", "-1"), "-1 is not in the range"),
        (("--qos-prio", "8"), "8 is not in the range 0<=x<=7"),
        (("--tx-min", "-5"), "-5 is not in the range"),
        (("--tx-max", "4294967296"), "is not in the range"),
        (("--link-state", "up"), "'up' is not one of"),
        (("--tx-min", "10", "--tx-max", "5"), "the minimum rate would be 10 Mbit/s, above the maximum of 5"),
        ((), "nothing to change: give at least one setting"),
    ],
)
def test_bad_settings_are_exit_2_and_nothing_is_sent(
    pvc: Pvc, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", "127.0.0.1:1")
    result = pvc("--timeout", "1", "sriov", "vf", "set", "pvchv1", "ens1f0v1", *options)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err


def test_a_setting_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="there is no setting 'vlan': choose from vlan_id, vlan_qos, "):
        check_settings({"vlan": 7})


def test_rates_are_judged_together_with_what_is_stored(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--tx-max", "100").code == 0
    before = tree.dump()
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v0,ens1f0v1", "--tx-min", "200")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "Error: the minimum rate of VF ens1f0v1 on node pvchv1 would be 200 Mbit/s, above the maximum of 100:"
        " set both (--tx-min and --tx-max, or tx_rate_min and tx_rate_max), or a maximum of 0 for none\n"
    )
    assert tree.dump() == before
    assert on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--tx-min", "200", "--tx-max", "0").code == 0


def test_several_vfs_are_set_together(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f1v*", "--vlan-id", "7", "-o", "json")
    assert [item["settings"] for item in json.loads(result.out)["items"]] == [{"vlan_id": {"old": 0, "new": 7}}] * 4
    zxids = {tree.client.get(f"/nodes/pvchv1/sriov/vf/ens1f1v{n}/config/vlan_id")[1].mzxid for n in range(4)}
    assert len(zxids) == 1
    result = on_tree(
        "sriov", "vf", "set", "pvchv1", "-", "--vlan-id", "8", "-o", "name", stdin="ens1f1v0\nens1f0v2\n"
    )
    assert result.out == "pvchv1/ens1f1v0\npvchv1/ens1f0v2\n"


def test_a_dry_run_of_a_setting_shows_it_and_writes_nothing(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--trust", "--vlan-id", "0", "--dry-run")
    assert (result.code, result.out) == (0, "would change pvchv1/ens1f0v1: trust off -> on\n")
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--trust", "--dry-run", "-o", "json")
    document = json.loads(result.out)
    assert document["changes"] == [{"action": "set", "path": f"{VF}/config/trust", "value": "True"}]
    assert tree.dump() == before


def test_what_a_setting_was_decided_on_must_still_be_so(
    zk: ZKHandler, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another client lowers the maximum between the look and the writing: the second look refuses."""
    commit = LiveStore.commit
    path = f"{VF}/config/tx_rate_max"

    def late(store: LiveStore, ops: list[object]) -> None:
        monkeypatch.setattr(LiveStore, "commit", commit)
        tree.client.set(path, b"50")
        commit(store, ops)  # type: ignore[arg-type]

    monkeypatch.setattr(LiveStore, "commit", late)
    with pytest.raises(Exception, match="would be 100 Mbit/s, above the maximum of 50"):
        set_vf(zk, "ens1f0v1", tx_rate_min=100)
    assert tree.client.get(f"{VF}/config/tx_rate_min")[0] == b"0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("vf", "info", "pvchv9", "ens1f0v0"),
            "there is no node 'pvchv9': did you mean 'pvchv1', 'pvchv2' or 'pvchv3'?",
        ),
        (("vf", "info", "pvchv1", "ens1f0v9"), "node pvchv1 has no VF 'ens1f0v9': see 'pvc sriov vf list pvchv1'"),
        (("vf", "set", "pvchv1", "eth*", "--trust"), "node pvchv1 has no VF 'eth*': see 'pvc sriov vf list pvchv1'"),
        (("vf", "list", "pvchv1", "ens9"), "node pvchv1 has no PF 'ens9': "),
        (("pf", "info", "pvchv1", "ens1f2"), "node pvchv1 has no PF 'ens1f2': did you mean 'ens1f0' or 'ens1f1'?"),
        (("vf", "list", "a/b", "ens1f0"), "there is no node 'a/b': see 'pvc node list'"),
        (("pf", "list", "nope"), "there is no node 'nope': see 'pvc node list'"),
    ],
)
def test_what_is_not_there_is_one_helpful_line(on_tree: Pvc, arguments: tuple[str, ...], said: str) -> None:
    result = on_tree("sriov", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert said in result.err


@pytest.mark.parametrize(
    "arguments", [("pf", "list"), ("vf", "list"), ("vf", "set", "pvchv1", "x", "--trust"), ("vf", "audit")]
)
def test_a_schema_without_sriov_is_said_so(pvc: Pvc, demo: Callable[..., Tree], arguments: tuple[str, ...]) -> None:
    tree = demo(version=0)
    before = tree.dump()
    result = pvc("--coordinators", tree.hosts, "sriov", *arguments)
    assert (result.code, result.out) == (1, "")
    assert "SR-IOV needs schema version 1, and this cluster has 0" in result.err
    assert tree.dump() == before


def test_an_empty_list_is_said_to_be_empty(on_tree: Pvc, tree: Tree) -> None:
    for kind in ("pf", "vf"):
        for node in ("pvchv1", "pvchv2", "pvchv3"):
            tree.client.delete(f"/nodes/{node}/sriov/{kind}", recursive=True)
        assert (on_tree("sriov", kind, "list").code, on_tree("sriov", kind, "list").err) == (
            0,
            f"No {kind.upper()}s.\n",
        )


def test_listing_takes_one_batch_a_level(zk: ZKHandler) -> None:
    assert zk.schema.version == 15
    before = round_trips(zk)
    assert len(list_vfs(zk)) == 24
    assert round_trips(zk) - before == 3
    assert len(list_pfs(zk)) == 6
    assert round_trips(zk) - before == 6


@pytest.mark.parametrize(
    ("arguments", "trips", "reads"),
    [  # each begins with the schema's version, and the names of the node's VFs
        (("set", "pvchv1", "ens1f0v1", "--vlan-id", "7"), 7, 2 + 2 + 3 + 4),
        (("info", "pvchv1", "ens1f0v1", "-o", "json"), 5, 2 + 19 + 4),
        (("claim", "pvchv1", "ens1f0v1", "web-01"), 10, 2 + 1 + 20 + 1 + 15 + 3 * 20 + 8 * 6 + 1 + 12),
        (("release", "pvchv1", "ens1f0v1"), 3, 2 + 5 + 4),
    ],
)
def test_of_many_vfs_only_the_one_that_is_meant_is_read(
    on_tree: Pvc, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], trips: int, reads: int
) -> None:
    read: list[Read] = []

    class Noting(CountedStore):
        def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
            read.extend(reads)
            return super().request(reads)

        def read(self, reads: Sequence[Read]) -> list[ReadResult]:
            read.extend(reads)
            return super().read(reads)

    monkeypatch.setattr(live, "LiveStore", Noting)
    assert on_tree("sriov", "vf", *arguments).code == 0
    assert (CountedStore.last.round_trips, len(read)) == (trips, reads)


def test_a_list_of_vfs_is_shown_again_when_one_changes(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pvc_cli.zk.watch import Watcher

    changes: list[Callable[[], object]] = [
        lambda: tree.put(f"{VF}/config/vlan_id", b"55"),
        lambda: tree.put(f"{VF}/used", b"True"),
        lambda: tree.client.delete(VF, recursive=True),
    ]
    wait = Watcher.wait

    def change_and_wait(watcher: Watcher) -> bool:
        if not changes:
            raise KeyboardInterrupt
        changes.pop(0)()
        return wait(watcher, 5)

    monkeypatch.setattr(Watcher, "wait", change_and_wait)
    result = on_tree("sriov", "vf", "list", "pvchv1", "--watch")
    assert result.code == 130
    rows = [line.split() for line in result.out.splitlines() if "ens1f0v1" in line]
    assert [(row[2], row[-1]) for row in rows] == [("0", "-"), ("55", "-"), ("55", "?")]


def test_a_backup_stands_in_for_a_cluster(pvc: Pvc, on_tree: Pvc, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(file)).code == 0
    there = ("--write", "-c", f"file:{file}", "sriov", "vf")
    assert pvc(*there, "set", "pvchv1", "ens1f0v1", "--vlan-id", "9").code == 0
    assert json.loads(pvc(*there, "info", "pvchv1", "ens1f0v1", "-o", "json").out)["config"]["vlan_id"] == 9
    assert pvc(*there, "claim", "pvchv1", "ens1f0v1", "web-01").code == 0
    assert pvc(*there, "audit").code == 1
    assert pvc(*there, "audit", "--fix").code == 0


def test_what_a_list_prints_is_taken_wherever_a_vf_is_named(on_tree: Pvc, tree: Tree) -> None:
    listed = on_tree("sriov", "vf", "list", "--unused", "-o", "name").out
    names = listed.split()
    assert len(names) == 23
    assert {name.partition("/")[0] for name in names} == {"pvchv1", "pvchv2", "pvchv3"}
    assert on_tree("sriov", "vf", "info", "-", "-o", "name", stdin=listed).out == listed
    result = on_tree("sriov", "vf", "set", "-", "--vlan-id", "7", "-o", "name", "--yes", stdin=listed)
    assert (result.code, result.out) == (0, listed)
    assert tree.client.get("/nodes/pvchv3/sriov/vf/ens1f1v3/config/vlan_id")[0] == b"7"
    assert on_tree("sriov", "vf", "claim", "-", "web-01", stdin="\n".join(names[:2])).code == 0
    claimed = on_tree("sriov", "vf", "list", "--vm", "web-01", "-o", "name").out
    assert claimed.split() == names[:2]
    assert on_tree("sriov", "vf", "release", "-", stdin=claimed).code == 0
    assert on_tree("sriov", "vf", "list", "pvchv1", "-o", "name").out == "".join(
        on_tree("sriov", "vf", "list", pf, "-o", "name").out
        for pf in on_tree("sriov", "pf", "list", "pvchv1", "-o", "name").out.split()
    )
    for word in on_tree("sriov", "pf", "list", "pvchv2", "-o", "name").out.split():
        node, name = word.split("/")
        for verb, *more in (("info",), ("drain", "--dry-run"), ("rename", "ens9", "--dry-run")):
            assert on_tree("sriov", "pf", verb, word, *more) == on_tree("sriov", "pf", verb, node, name, *more)
    assert on_tree("sriov", "pf", "drain", "pvchv2").err.startswith("Error: expected NODE PF, or NODE/PF: see ")
    assert json.loads(on_tree("sriov", "vf", "info", "pvchv2/ens1f0v1", "-o", "json").out)["node"] == "pvchv2"
    assert on_tree("sriov", "vf", "set", "pvchv*/ens1f0v[12]", "--trust", "-o", "name").out.split() == [
        f"pvchv{node}/ens1f0v{index}" for node in (1, 2, 3) for index in (1, 2)
    ]


def test_of_several_vfs_one_that_is_refused_keeps_no_other(on_tree: Pvc, tree: Tree) -> None:
    words = ("sriov", "vf", "claim", "-", "web-01", "-o", "json")
    result = on_tree(*words, stdin="pvchv1/ens1f0v0\npvchv1/ens1f0v1\n")
    document = json.loads(result.out)
    assert result.code == 1
    assert [(one["name"], one["status"]) for one in document["items"]] == [
        ("pvchv1/ens1f0v0", "refused"),
        ("pvchv1/ens1f0v1", "changed"),
    ]
    assert document["counts"] == {"changed": 1, "unchanged": 0, "refused": 1, "failed": 0}
    assert tree.client.get("/nodes/pvchv1/sriov/vf/ens1f0v1/used")[0] == b"True"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("info",), 2),
        (("info", "pvchv1"), 2),
        (("info", "/ens1f0v0"), 2),
        (("info", "pvchv1/"), 2),
        (("info", "pvchv9/ens1f0v0"), 1),
        (("info", "pvchv1/ens9v0"), 1),
        (("info", "pvchv1", "pvchv2/ens1f0v0"), 2),
        (("set", "pvchv1", "ens1f0v0", "ens1f0v1", "--trust"), 2),
        (("release", "pvchv1/a/b"), 2),
    ],
)
def test_a_vf_that_is_not_named_rightly_is_one_line(on_tree: Pvc, words: tuple[str, ...], code: int) -> None:
    result = on_tree("sriov", "vf", *words)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)


def test_settings_of_a_vf_under_a_vm_name_the_vm(on_tree: Pvc, tree: Tree) -> None:
    used = "pvchv1/ens1f0v0 (used by nfv-01)"
    dry = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v*", "--vlan-id", "107", "--dry-run")
    assert (dry.code, f"would change settings under a VM: {used}" in dry.err.splitlines()) == (0, True)
    assert (
        dry.err.count("used by")
        == len(on_tree("sriov", "vf", "list", "pvchv1/ens1f0", "--used").out.splitlines()) - 1
    )
    done = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v*", "--vlan-id", "107")
    assert f"{used}: changed vlan_id" in done.err
    assert "pvchv1/ens1f0v1: changed vlan_id" in done.err
    assert "used by" not in on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "108").err
