from __future__ import annotations

from pathlib import Path

import pytest

from pvc_cli.agent.config import Device, NodeConfig, parse_config
from pvc_cli.connections.node_config import read_node_config
from pvc_cli.errors import ConfigError

SAMPLE = """
---
paths: {plugins: /usr/share/pvc}
cluster: {name: pvc1, coordinator_nodes: [pvchv1]}
guest_networking:
  bridge_device: bond0
  bridge_mtu: 1500
  sriov_enable: True
  sriov_device:
    - device: ens1f0
      vfcount: 12
      mtu: 9000
    - {phy: eth.1-a:b, device: ignored, vfcount: "3", whatever: [1]}
ceph: {}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pvc.conf"
    path.write_text(text)
    return path


def read_config(path: Path | None) -> NodeConfig:
    return parse_config(*read_node_config(path))


def test_both_words_for_a_device_are_understood_and_all_else_is_tolerated(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, SAMPLE))
    assert config.enabled
    assert config.devices == (Device("ens1f0", 9000, 12), Device("eth.1-a:b", None, 3))


@pytest.mark.parametrize(
    ("networking", "said"),
    [
        ("sriov_enable: yes, sriov_device: [{phy: a, vfcount: 1}], bridge_mtu: 9000", []),
        ("sriov_enable: no", []),
        ("sriov_enable: yes", ["SR-IOV is enabled, but"]),
        ("sriov_enable: yes, sriov_device: []", ["SR-IOV is enabled, but"]),
        ("sriov_enable: yes, sriov_devices: []", ["unknown key guest_networking.sriov_devices", "SR-IOV is enabled"]),
        (
            "sriov_enabled: yes",
            ["unknown key guest_networking.sriov_enabled is ignored: did you mean 'sriov_enable'?"],
        ),
        ("sriov_pool_of_vfs: 1", ["sriov_pool_of_vfs is ignored: "]),
    ],
)
def test_what_is_hardly_meant_is_a_problem(tmp_path: Path, networking: str, said: list[str]) -> None:
    problems = read_config(write(tmp_path, f"guest_networking: {{{networking}}}")).problems
    assert [text in problem for text, problem in zip(said, problems, strict=True)] == [True] * len(said)


@pytest.mark.parametrize("text", ["{}", "guest_networking: {}", "guest_networking: {sriov_enable: no}", "cluster: 1"])
def test_sriov_is_off_unless_it_is_on(tmp_path: Path, text: str) -> None:
    config = read_config(write(tmp_path, text))
    assert (config.enabled, config.devices) == (False, ())


@pytest.mark.parametrize(
    ("networking", "said"),
    [
        ("sriov_enable: perhaps", "guest_networking.sriov_enable is 'perhaps': give yes or no"),
        ("sriov_device: ens1f0", "guest_networking.sriov_device is not a list"),
        ("sriov_device: [ens1f0]", "guest_networking.sriov_device[0] is not a mapping"),
        ("sriov_device: [{vfcount: 4}]", "sriov_device[0].device is 'None': give the name of a network device"),
        ("sriov_device: [{phy: a/b, vfcount: 4}]", "sriov_device[0].phy is 'a/b'"),
        ("sriov_device: [{phy: .., vfcount: 4}]", "sriov_device[0].phy is '..'"),
        ("sriov_device: [{phy: 'a b', vfcount: 4}]", "sriov_device[0].phy is 'a b'"),
        ("sriov_device: [{phy: abcdefghijklmnop, vfcount: 4}]", "sriov_device[0].phy"),
        ("sriov_device: [{phy: a, vfcount: 4}, {phy: b}]", "sriov_device[1].vfcount is 'None': give a number"),
        ("sriov_device: [{phy: a, vfcount: -1}]", "sriov_device[0].vfcount is '-1'"),
        ("sriov_device: [{phy: a, vfcount: yes}]", "sriov_device[0].vfcount is 'True'"),
        ("sriov_device: [{phy: a, vfcount: 4, mtu: big}]", "sriov_device[0].mtu is 'big': give a number from 68 to"),
        ("sriov_device: [{phy: a, vfcount: 4, mtu: 10}]", "sriov_device[0].mtu is '10'"),
        ("sriov_device: [{phy: a, vfcount: 4}, {phy: a, vfcount: 4}]", "sriov_device[1] repeats a: list each"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, networking: str, said: str) -> None:
    path = write(tmp_path, f"guest_networking:\n  {networking}\n")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: guest_networking.")
    assert said in str(caught.value)


def test_a_file_that_is_none_is_said_to_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"PVC configuration .*nope does not exist: use another with --config"):
        read_config(tmp_path / "nope")
    with pytest.raises(ConfigError, match="is not a PVC configuration: expected a mapping"):
        read_config(write(tmp_path, "[1]"))
    with pytest.raises(ConfigError, match="is not valid YAML"):
        read_config(write(tmp_path, "{"))
    monkeypatch.setenv("PVC_CONFIG_FILE", str(write(tmp_path, SAMPLE)))
    assert len(read_config(None).devices) == 2


@pytest.mark.parametrize(("word", "enabled"), [("no", False), ("False", False), ("yes", True), ("True", True)])
def test_without_networking_there_is_no_sriov_as_in_pvc(tmp_path: Path, word: str, enabled: bool) -> None:
    config = read_config(write(tmp_path, f"subsystem: {{enable_networking: {word}}}\n{SAMPLE}".replace("---\n", "")))
    assert config.enabled is enabled
    if not enabled:
        assert config.disabled_by == "enable_networking: no"


def test_a_networking_switch_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    text = f"subsystem: {{enable_networking: perhaps}}\n{SAMPLE}".replace("---\n", "")
    with pytest.raises(ConfigError, match=r"subsystem\.enable_networking is 'perhaps': give yes or no"):
        read_config(write(tmp_path, text))
