"""`pvc sriov pf set --vfcount` and `pvc sriov pf drain --resize`, on simulated cards and a real ZooKeeper."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import syslog
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pvc_cli.agent import resize
from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import parse_config
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.publish import Publisher
from pvc_cli.agent.status import report_of
from pvc_cli.connections.yaml_file import read_yaml
from pvc_cli.errors import RefusedError, UnreachableError
from pvc_cli.zk import ZKHandler
from tests.agent.conftest import set_vf
from tests.agent.nic import SimulatedKernel
from tests.conftest import Pvc, Tree
from tests.integration.test_claims import use
from tests.terminal import Terminal

CONFIG = """\
cluster: {name: demo}
guest_networking:
  sriov_enable: yes
  sriov_device:
    # the uplinks
    - phy: ens1f0
      vfcount: 4    # as the switch has it
    - {phy: ens1f1, vfcount: 4}
"""
SET = ("sriov", "pf", "set", "pvchv1")
DRAIN = ("sriov", "pf", "drain", "pvchv1")
ANSIBLE = (
    "Warning: if configuration management, such as PVC's Ansible role, writes {}, give it the same number: else it"
    " puts the old one back\n"
)
USED = "/nodes/pvchv1/sriov/vf/ens1f0v0"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine is pvchv1, with its configuration."""
    path = tmp_path / "pvc.conf"
    path.write_text(CONFIG)
    monkeypatch.setenv("PVC_CONFIG_FILE", str(path))
    monkeypatch.setattr(socket, "gethostname", lambda: "pvchv1.example.net")
    return path


def give_up(tree: Tree) -> None:
    """Let the only VM that uses a VF of ens1f0 stop, and its claim be released."""
    tree.put(f"/domains/{tree.uuid('nfv-01')}/state", b"stop")
    tree.put(f"{USED}/used", b"False")
    tree.put(f"{USED}/used_by", b"")


def configure(config: Path, count: int, phy: str = "ens1f1") -> None:
    old = "vfcount: 4    #" if phy == "ens1f0" else "ens1f1, vfcount: 4"
    config.write_text(CONFIG.replace(old, old.replace("4", str(count))))


def number(kernel: SimulatedKernel, phy: str = "ens1f1") -> int:
    return len(kernel.vfs(phy))


# -- set


def test_set_changes_the_number_in_the_nodes_file_alone(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _priority, line: lines.append(line))
    before = tree.dump()
    result = on_tree(*SET, "ens1f0", "--vfcount", "6")
    assert (result.code, result.out) == (0, "")
    assert result.err == (
        f"pvchv1/ens1f0: vfcount 4 -> 6 in line 7 of {config}.\n"
        f"{ANSIBLE.format(config)}Next: 'pvc sriov pf drain pvchv1 ens1f0 --resize'.\n"
    )
    assert config.read_text() == CONFIG.replace("vfcount: 4    #", "vfcount: 6    #")
    assert (tree.dump(), number(kernel, "ens1f0")) == (before, 4)
    assert ['command="pvc sriov pf set pvchv1 ens1f0 --vfcount 6"' in line for line in lines] == [True]
    # As the card already has it, there is nothing to resize.
    back = on_tree(*SET, "ens1f0", "--vfcount", "4", "-o", "json")
    assert json.loads(back.out) == {
        "items": [
            {
                "name": "pvchv1/ens1f0",
                "status": "changed",
                "file": str(config),
                "line": 7,
                "before": "vfcount: 6    # as the switch has it",
                "after": "vfcount: 4    # as the switch has it",
                "changes": {"vfcount": {"old": 6, "new": 4}},
            }
        ],
        "counts": {"changed": 1, "unchanged": 0, "refused": 0, "failed": 0},
    }
    assert "--resize" not in back.err
    assert config.read_text() == CONFIG


def test_a_dry_run_of_set_shows_the_line_and_writes_nothing(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path
) -> None:
    result = on_tree(*SET, "ens1f1", "--vfcount", "6", "--dry-run")
    assert (result.code, result.out) == (
        0,
        f"would change line 8 of {config}:\n"
        "  before: - {phy: ens1f1, vfcount: 4}\n"
        "  after:  - {phy: ens1f1, vfcount: 6}\n",
    )
    document = json.loads(on_tree(*SET, "ens1f1", "--vfcount", "6", "--dry-run", "-o", "json").out)
    assert (document["dry_run"], document["items"][0]["changes"]) == (True, {"vfcount": {"old": 4, "new": 6}})
    assert config.read_text() == CONFIG
    config.write_text(CONFIG.replace("ens1f1, vfcount: 4", "ens1f1"))
    added = on_tree(*SET, "ens1f1", "--vfcount", "6", "--dry-run")
    assert added.out == (
        f"would change line 8 of {config}:\n  before: - {{phy: ens1f1}}\n  after:  - {{phy: ens1f1, vfcount: 6}}\n"
    )
    config.write_text(CONFIG.replace("      vfcount: 4    # as the switch has it\n", ""))
    assert on_tree(*SET, "ens1f0", "--vfcount", "4", "--dry-run").out == f"would add line 7 to {config}: vfcount: 4\n"
    assert on_tree(*SET, "ens1f0", "--vfcount", "4").err.startswith("pvchv1/ens1f0: vfcount unset -> 4 in line 7")


def test_the_same_number_is_unchanged(on_tree: Pvc, kernel: SimulatedKernel, config: Path) -> None:
    before = config.stat()
    result = on_tree(*SET, "ens1f0", "--vfcount", "4")
    assert (result.code, result.err) == (0, f"pvchv1/ens1f0: unchanged: vfcount is 4 in {config} already.\n")
    item = json.loads(on_tree(*SET, "ens1f0", "--vfcount", "4", "-o", "json").out)["items"][0]
    assert (item["status"], item["reason"]) == ("unchanged", "vfcount is 4 already")
    assert on_tree(*SET, "ens1f0", "--vfcount", "4", "-o", "name").out == ""
    assert config.stat() == before


def test_a_card_is_given_no_more_than_it_can_have(on_tree: Pvc, kernel: SimulatedKernel, config: Path) -> None:
    result = on_tree(*SET, "ens1f1", "--vfcount", "8")
    assert (result.code, result.err) == (
        1,
        "Error: ens1f1 can have 7 VFs at most (sriov_totalvfs), not 8: choose fewer\n",
    )
    assert on_tree(*SET, "ens1f1", "--vfcount", "-1").code == 2
    assert on_tree(*SET, "ens1f1", "--vfcount", "65536").code == 2
    assert on_tree(*SET, "ens1f1").code == 2
    assert config.read_text() == CONFIG
    # A card that does not tell, or is away, is taken at its word later.
    kernel.unplug("ens1f1")
    assert on_tree(*SET, "ens1f1", "--vfcount", "8").code == 0


def test_vfs_that_are_claimed_or_in_an_xml_are_not_given_up(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    stopped = use(tree, "web-02", "ens1f0v3", node="pvchv1")
    tree.put(f"/domains/{stopped}/state", b"stop")
    result = on_tree(*SET, "ens1f0", "--vfcount", "0")
    assert (result.code, result.err) == (
        1,
        "Error: cannot lower pvchv1/ens1f0 to 0 VFs: VM nfv-01 uses ens1f0v0, VM web-02 uses ens1f0v3: release"
        " claims with 'pvc sriov vf release', and change the VMs' XML\n",
    )
    assert "to 3 VFs: VM web-02 uses ens1f0v3: " in on_tree(*SET, "ens1f0", "--vfcount", "3").err
    assert config.read_text() == CONFIG
    # More VFs than before take none away; and the card may have more than are configured.
    assert on_tree(*SET, "ens1f0", "--vfcount", "6").code == 0
    configure(config, 2, "ens1f0")
    assert on_tree(*SET, "ens1f0", "--vfcount", "3").code == 1
    running = tree.uuid("web-01")
    tree.put(f"/domains/{running}/node", b"pvchv1")
    tree.put(f"/domains/{running}/xml", b"<broken")
    assert "VM web-01 may use any VF" in on_tree(*SET, "ens1f1", "--vfcount", "3").err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (CONFIG.replace("phy: ens1f1", "phy: ens2f1"), 1, "has no device 'ens1f1' in guest_networking.sriov_device"),
        (CONFIG.replace("yes", "no"), 1, "SR-IOV is disabled: {} has sriov_enable: no; enable it first"),
        (CONFIG.replace("{phy: ens1f1, ", "{<<: {mtu: 1}, phy: ens1f1, "), 3, "mtu is '1': give a number"),
        (CONFIG.replace("vfcount: 4}", "vfcount: &n 4}"), 1, "cannot change the vfcount of ens1f1 alone"),
        ("{", 3, "is not valid YAML"),
    ],
)
def test_a_configuration_that_is_not_as_it_must_be_is_left_alone(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path, text: str, code: int, said: str
) -> None:
    config.write_text(text)
    result = on_tree(*SET, "ens1f1", "--vfcount", "6")
    assert (result.code, result.out, config.read_text()) == (code, "", text)
    assert said.format(config) in result.err


def test_without_a_configuration_none_is_made(on_tree: Pvc, kernel: SimulatedKernel, config: Path) -> None:
    config.unlink()
    result = on_tree(*SET, "ens1f1", "--vfcount", "6")
    assert (result.code, "does not exist" in result.err, config.exists()) == (3, True, False)


def test_another_node_is_told_apart_with_what_to_run_there(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path
) -> None:
    for words, command in (
        (("set", "pvchv2", "ens1f0", "--vfcount", "6"), "set pvchv2 ens1f0 --vfcount 6"),
        (("drain", "pvchv2", "ens1f0", "--resize", "--yes"), "drain pvchv2 ens1f0 --resize"),
    ):
        result = on_tree("sriov", "pf", *words)
        assert (result.code, result.err) == (
            1,
            "Error: cannot do this on this machine ('pvchv1'): the configuration and the card are those of pvchv2;"
            f" run there: 'pvc sriov pf {command}'\n",
        )
        assert on_tree("sriov", "pf", words[0], "pvchv9", *words[2:]).err.startswith(
            "Error: there is no node 'pvchv9'"
        )
    assert config.read_text() == CONFIG


def test_a_backup_has_neither_configuration_nor_card(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(backup)).code == 0
    monkeypatch.delenv("PVC_COORDINATORS")
    configure(config, 6)
    text = config.read_text()
    for words in ((*SET, "ens1f0", "--vfcount", "6"), (*DRAIN, "ens1f1", "--resize", "--yes")):
        result = on_tree("--write", "-c", f"file:{backup}", *words)
        assert (result.code, "cannot do this on a backup" in result.err) == (1, True)
    assert (config.read_text(), number(kernel)) == (text, 4)


# -- drain --resize, without an agent


def test_without_an_agent_it_creates_registers_and_sets_the_vfs_itself(
    on_tree: Pvc, zk: ZKHandler, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _priority, line: lines.append(line))
    set_vf(zk, "ens1f1v3", vlan_id=103)
    configure(config, 6)
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, result.err.endswith("pvchv1/ens1f1: resized 4 -> 6.\n")) == (0, True)
    assert (number(kernel), kernel.actual("ens1f1", 3).vlan_id) == (6, 103)
    assert "ens1f1v5" in (zk.children(("node.sriov.vf", "pvchv1")) or ())
    assert zk.read(("node.sriov.pf", "pvchv1", "sriov_pf.vfcount", "ens1f1")) == "6"
    assert 'command="pvc sriov pf drain pvchv1 ens1f1 --resize --yes"' in lines[0]
    # Now there is nothing to do, and nothing is destroyed.
    with kernel.card("ens1f1") as card:
        card["refuse"] = {"remove": errno.EIO}
    again = on_tree(*DRAIN, "ens1f1", "--resize")
    assert (again.code, again.err) == (0, "pvchv1/ens1f1: unchanged: it has 6 VFs, as configured.\n")
    document = json.loads(on_tree(*DRAIN, "ens1f1", "--resize", "-o", "json").out)
    assert document["items"] == [
        {"name": "pvchv1/ens1f1", "status": "unchanged", "reason": "it has 6 VFs already"}
    ]  # fmt: skip


def test_fewer_vfs_and_none_at_all(on_tree: Pvc, zk: ZKHandler, kernel: SimulatedKernel, config: Path) -> None:
    set_vf(zk, "ens1f1v1", vlan_id=101)
    for count in (2, 0, 3):
        before = number(kernel)
        configure(config, count)
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes", "-o", "json")
        document = json.loads(result.out)
        assert (result.code, document["counts"]["changed"], number(kernel)) == (0, 1, count)
        assert document["items"][0]["changes"] == {"vfs": {"old": before, "new": count}}
        assert (document["drained"], document["users"]) == (True, [])


def test_who_uses_the_vfs_is_shown_before_the_question_and_the_wait(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    configure(config, 6, "ens1f0")
    asked = on_tree(*DRAIN, "ens1f0", "--resize")
    assert (asked.code, [line.split()[:2] for line in asked.out.splitlines()]) == (
        1,
        [["VF", "VM"], ["ens1f0v0", "nfv-01"]],
    )
    assert "confirmation required" in asked.err
    late = on_tree(*DRAIN, "ens1f0", "--resize", "--yes", "--wait-timeout", "0.2")
    assert (late.code, late.out) == (1, asked.out)


def test_a_dry_run_of_the_resize_destroys_nothing(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    configure(config, 6, "ens1f0")
    before = tree.dump()
    result = on_tree(*DRAIN, "ens1f0", "--resize", "--dry-run")
    assert (result.code, result.out.split()[-7:]) == (
        0,
        ["ens1f0v0", "nfv-01", "start", "pvchv1", "yes", "yes", "yes"],
    )
    assert result.err == "pvchv1/ens1f0: would wait for VM nfv-01, then destroy 4 VFs and create 6.\n"
    document = json.loads(on_tree(*DRAIN, "ens1f0", "--resize", "--dry-run", "-o", "json").out)
    assert (document["dry_run"], document["drained"], document["counts"]["changed"]) == (True, False, 1)
    assert (tree.dump(), number(kernel, "ens1f0")) == (before, 4)


def test_it_waits_until_nobody_uses_a_vf(on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path) -> None:
    configure(config, 6, "ens1f0")
    result = on_tree(*DRAIN, "ens1f0", "--resize", "--yes", "--wait-timeout", "0.2", "-o", "json")
    assert (result.code, number(kernel, "ens1f0")) == (1, 4)
    assert "Error: pvchv1/ens1f0: not resized: still used by VM nfv-01 after 0.2 s: stop or move" in result.err
    document = json.loads(result.out)
    assert (document["drained"], document["counts"]["refused"]) == (False, 1)
    timer = threading.Timer(1, give_up, [tree])
    timer.start()
    result = on_tree(*DRAIN, "ens1f0", "--resize", "--yes", "--wait-timeout", "30")
    timer.join()
    assert (result.code, number(kernel, "ens1f0")) == (0, 6)
    assert result.err.startswith("Waiting 30 s for nfv-01.\n")


def claims(tree: Tree, vf: str = "ens1f1v1") -> None:
    uuid = use(tree, "web-01", vf, node="pvchv1")
    tree.put(f"/nodes/pvchv1/sriov/vf/{vf}/used", b"True")
    tree.put(f"/nodes/pvchv1/sriov/vf/{vf}/used_by", uuid.encode())


def test_a_claim_at_the_last_moment_stops_it(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(config, 6)
    managed = resize._is_managed

    def claimed_meanwhile(handler: ZKHandler, agent: Agent) -> bool:
        claims(tree)
        return managed(handler, agent)

    monkeypatch.setattr(resize, "_is_managed", claimed_meanwhile)
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (1, 4)
    assert result.err.endswith(
        "Error: pvchv1/ens1f1 was drained, but is used again, by web-01: not resized; rerun\n"
    )  # fmt: skip


def test_a_claim_while_the_vfs_are_replaced_is_told(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(config, 6)
    remove = kernel.remove_vfs

    def remove_vfs(phy: str) -> None:
        remove(phy)
        claims(tree)

    monkeypatch.setattr(kernel, "remove_vfs", remove_vfs)
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (1, 6)
    assert "pvchv1/ens1f1: resized 4 -> 6.\n" in result.err
    assert result.err.endswith(
        "Error: VM web-01 got a VF of ens1f1 while they were replaced: check with 'pvc sriov vf audit'\n"
    )


def test_it_asks_on_a_terminal_and_is_refused_without_one(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path, tmp_path: Path
) -> None:
    configure(config, 6)
    result = on_tree(*DRAIN, "ens1f1", "--resize")
    assert (result.code, number(kernel)) == (1, 4)
    assert "no terminal to ask on: rerun with --yes" in result.err
    for answer, count in (("n", 4), ("y", 6)):
        terminal = Terminal(
            [
                *(sys.executable, "-m", "tests.agent.driver", str(tmp_path / "cards")),
                *("--coordinators", tree.hosts, *DRAIN, "ens1f1", "--resize"),
            ],
            {**os.environ, "DRIVER_HOST": "pvchv1"},
        )
        terminal.wait_for("Resize pvchv1/ens1f1: destroy 4 VFs and create 6? [y/N]: ")
        terminal.type(f"{answer}\n")
        assert terminal.wait_for_end() == (answer == "n"), terminal.seen
        assert number(kernel) == count


@pytest.mark.parametrize(
    ("refuse", "left", "said"),
    [
        ({"remove": errno.EBUSY}, 4,
         "it has 4 VFs now: could not remove the VFs of ens1f1: Device or resource busy (EBUSY): see 'dmesg', then"),
        ({"remove": errno.EACCES}, 4,
         "it has 4 VFs now: could not remove the VFs of ens1f1: Permission denied (EACCES): run this as root"),
        ({"create": errno.ENOMEM}, 0,
         "it has 0 VFs now: could not create 6 VFs on ens1f1: Cannot allocate memory (ENOMEM): choose another number"
         " with 'pvc sriov pf set'"),
    ],
)  # fmt: skip
def test_what_the_card_refuses_is_told_with_what_it_has_then(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path, refuse: dict[str, int], left: int, said: str
) -> None:
    configure(config, 6)
    with kernel.card("ens1f1") as card:
        card["refuse"] = refuse
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes", "-o", "json")
    assert (result.code, number(kernel)) == (1, left)
    assert f"Error: pvchv1/ens1f1: not resized from 4 to 6 VFs, {said}" in result.err
    item = json.loads(result.out)["items"][0]
    assert (item["status"], said in item["reason"]) == ("failed", True)
    # The same command finishes it, once the card is willing.
    with kernel.card("ens1f1") as card:
        card["refuse"] = {}
    assert on_tree(*DRAIN, "ens1f1", "--resize", "--yes").code == 0
    assert number(kernel) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("ens1f1", "ens2f1"), "has no device 'ens1f1'"),
        (lambda text: text.replace("yes", "no"), "SR-IOV is disabled"),
        (lambda text: text.replace("vfcount: 4}", "vfcount: 8}"), "can have 7 VFs at most (sriov_totalvfs), not 8"),
    ],
)
def test_what_cannot_succeed_destroys_nothing(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path, change: Callable[[str], str], said: str
) -> None:
    config.write_text(change(CONFIG))
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, said in result.err, number(kernel)) == (1, True, 4)
    kernel.unplug("ens1f1")
    config.write_text(CONFIG)
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, "cannot resize ens1f1: this node has no such device" in result.err) == (1, True)


def test_a_cluster_that_is_lost_half_way_is_told_with_what_the_card_has(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(config, 6)
    with monkeypatch.context() as lost:

        def reconcile_node(_agent: Agent, _handler: ZKHandler) -> bool:
            raise UnreachableError("no answer from ZooKeeper")

        lost.setattr(Agent, "reconcile_node", reconcile_node)
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (4, 0)
    assert result.err == (
        "Error: pvchv1/ens1f1: not resized from 4 to 6 VFs, it has 0 VFs now: no answer from ZooKeeper\n"
    )
    # There is nothing left to destroy, and so nothing to ask.
    again = on_tree(*DRAIN, "ens1f1", "--resize")
    assert (again.code, again.err.endswith("pvchv1/ens1f1: resized 0 -> 6.\n"), number(kernel)) == (0, True, 6)


def test_vfs_of_which_the_tree_does_not_know_the_users_are_not_destroyed(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    configure(config, 6)
    tree.client.delete("/nodes/pvchv1/sriov/vf/ens1f1v2", recursive=True)
    use(tree, "web-01", "ens1f1v2", node="pvchv1")
    result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (1, 4)
    assert "cannot tell who uses ens1f1v2: 1 VFs of ens1f1 are not registered; run 'pvc sriov agent" in result.err


def test_a_program_that_resizes_is_refused_as_a_person_is(
    zk: ZKHandler, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    configure(config, 6)
    tree.client.delete("/nodes/pvchv1/sriov/vf/ens1f1v2", recursive=True)
    agent = Agent(kernel, "pvchv1", Journal(), parse_config(config, read_yaml(config)))
    sizes = resize.read_sizes(kernel, agent.config, "ens1f1")
    with pytest.raises(RefusedError, match="cannot tell who uses ens1f1v2"):
        resize.resize(zk, agent, sizes, 1, lambda: None)
    assert number(kernel) == 4


def test_it_holds_to_a_read_only_environment(
    on_tree: Pvc, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(config, 6)
    text = config.read_text()
    monkeypatch.setenv("PVC_READ_ONLY", "1")
    for words in ((*SET, "ens1f1", "--vfcount", "7"), (*DRAIN, "ens1f1", "--resize", "--yes")):
        result = on_tree(*words)
        assert (result.code, "PVC_READ_ONLY is set" in result.err) == (1, True)
        assert on_tree(*[word for word in words if word != "--yes"], "--dry-run").code == 0
    # To wait changes nothing.
    assert on_tree(*DRAIN, "ens1f1").code == 0
    assert (config.read_text(), number(kernel)) == (text, 4)


# -- drain --resize, beside an agent


class Beside:
    """An agent that runs beside the command, in a thread; it acts when the card's VFs are gone."""

    def __init__(self, tree: Tree, kernel: SimulatedKernel, config: Path) -> None:
        self.handler = ZKHandler(tree.hosts, lock_holder="pvc, root@pvchv1, process 4711")
        self.agent = Agent(kernel, "pvchv1", Journal(), parse_config(config, read_yaml(config)))
        self._publisher = Publisher("pvchv1")
        self._ended = threading.Event()
        self.acts = True

    def round(self) -> None:
        self.agent.reconcile_node(self.handler)
        lock = self.agent.lease.lock
        assert lock
        self._publisher.publish(self.handler, lock, report_of(self.agent, interval=60), 0.1, always=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.handler:
            self.round()
            thread = threading.Thread(target=self._run)
            thread.start()
            try:
                yield
            finally:
                self._ended.set()
                thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            if self.acts and not self.agent.kernel.vfs("ens1f1"):
                self.round()


def test_a_running_agent_creates_the_vfs(
    on_tree: Pvc, tree: Tree, zk: ZKHandler, kernel: SimulatedKernel, config: Path
) -> None:
    set_vf(zk, "ens1f1v3", vlan_id=103)
    configure(config, 6)
    with Beside(tree, kernel, config).running():
        assert number(kernel) == 4
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, result.err.endswith("pvchv1/ens1f1: resized 4 -> 6.\n")) == (0, True)
    assert (number(kernel), kernel.actual("ens1f1", 3).vlan_id) == (6, 103)


def test_what_a_running_agent_cannot_create_is_told_at_once(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    configure(config, 6)
    with Beside(tree, kernel, config).running():
        with kernel.card("ens1f1") as card:
            card["refuse"] = {"create": errno.ENOSPC}
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (1, 0)
    assert result.err.endswith(
        "Error: pvchv1/ens1f1: not resized from 4 to 6 VFs, it has 0 VFs now: could not create 6 VFs on ens1f1: No"
        " space left on device (ENOSPC); the agent keeps trying: choose another number with 'pvc sriov pf set'\n"
    )


def test_an_agent_with_another_configuration_is_told_from_one_that_is_slow(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resize, "_STEADY", 1.0)
    with Beside(tree, kernel, config).running():
        configure(config, 6)
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (1, 4)
    assert "not resized from 4 to 6 VFs, it has 4 VFs now: " in result.err
    assert result.err.endswith("see 'journalctl -u pvc-sriov-agent', then rerun\n")


def test_an_agent_that_does_nothing_is_waited_for_no_longer_than_asked(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path
) -> None:
    configure(config, 6)
    beside = Beside(tree, kernel, config)
    beside.acts = False
    with beside.running():
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes", "--wait-timeout", "1")
    assert (result.code, number(kernel)) == (1, 0)
    assert "it has 0 VFs now: the agent has reported nothing since: see 'journalctl" in result.err
    # Once it has ended, the same command finishes it.
    assert on_tree(*DRAIN, "ens1f1", "--resize").code == 0
    assert number(kernel) == 6


def test_a_silent_agent_is_not_relied_on(on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, config: Path) -> None:
    configure(config, 6)
    with Beside(tree, kernel, config).running():
        tree.put("/nodes/pvchv1/keepalive", b"9999999999")
        result = on_tree(*DRAIN, "ens1f1", "--resize", "--yes")
    assert (result.code, number(kernel)) == (1, 4)
    assert (
        "the SR-IOV agent of pvchv1 no longer reports, and would not create the VFs: restart it first" in result.err
    )
