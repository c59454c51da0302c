"""`pvc inventory`, tried with Ansible and promtool themselves."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.cluster.vms.addresses import read_addresses
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, round_trips
from tests.tools import tool


@pytest.fixture
def script(tree: Tree, tmp_path: Path) -> Path:
    """A dynamic inventory as the documentation has it: a script that calls pvc."""
    path = tmp_path / "pvc-inventory"
    pvc = shlex.quote(str(Path(sys.executable).with_name("pvc")))
    path.write_text(f'#!/bin/sh\nexec {pvc} --coordinators {tree.hosts} inventory "$@"\n')
    path.chmod(0o755)
    return path


def run(name: str, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("COV")},
        "ANSIBLE_HOME": str(script.parent / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        [tool(name), "-i", str(script), *arguments],
        env=environment, cwd=script.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_ansible_draws_the_groups_and_warns_of_nothing(script: Path) -> None:
    graph = run("ansible-inventory", script, "--graph")
    assert (graph.returncode, graph.stderr) == (0, "")
    lines = graph.stdout.splitlines()
    assert lines[0] == "@all:"
    assert {"  |--@tag_production:", "  |--@node_pvchv1:", "  |--@state_start:"} <= set(lines)
    after = lines[lines.index("  |--@tag_stateful:") + 1 :]
    assert after[:2] == ["  |  |--db-01", "  |  |--db-02"]


def test_ansible_knows_a_hosts_variables(script: Path, tree: Tree) -> None:
    shown = run("ansible-inventory", script, "--host", "web-01")
    assert (shown.returncode, shown.stderr) == (0, "")
    variables = json.loads(shown.stdout)
    assert variables["pvc_uuid"] == tree.uuid("web-01")
    assert (variables["pvc_memory"], variables["pvc_vcpu"], variables["pvc_profile"]) == (2048, 2, "web-small")
    assert variables["pvc_tags"] == ["frontend", "production"]
    assert [network["type"] for network in variables["pvc_networks"]] == ["bridge"]


def test_a_hostile_tag_is_text_to_ansible_and_nothing_of_it_runs(script: Path, tree: Tree, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = "{{ lookup('pipe', 'touch ran') }}"
    tree.put(f"/domains/{tree.uuid('web-01')}/profile", evil.encode())
    shown = run("ansible", script, "web-01", "-c", "local", "-m", "debug", "-a", "var=pvc_profile")
    assert shown.returncode == 0, shown.stderr
    assert "lookup('pipe'" in shown.stdout
    assert not mark.exists()
    # The control: the same text where nothing marks it does run.
    naive = tmp_path / "naive"
    document = {"_meta": {"hostvars": {"web-01": {"x": evil}}}, "all": {"hosts": ["web-01"]}}
    naive.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(document)}\nEND\n")
    naive.chmod(0o755)
    run("ansible", naive, "web-01", "-c", "local", "-m", "debug", "-a", "var=x")
    assert mark.exists()


def test_the_filters_are_those_of_vm_list(on_tree: Pvc) -> None:
    result = on_tree("inventory", "--list", "-g", "production", "-s", "start", "^db")
    document = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert document["tag_production"] == {"hosts": list(document["_meta"]["hostvars"])}
    assert all(host.startswith("db-") for host in document["_meta"]["hostvars"])
    assert document["all"]["children"][-1] == "ungrouped"


def test_an_address_that_dhcp_gave_is_where_ansible_connects(on_tree: Pvc, tree: Tree) -> None:
    mac = json.loads(on_tree("vm", "info", "web-01", "-o", "json").out)["networks"][0]["mac"]
    vni = tree.client.get_children("/networks")[0]
    tree.put(f"/networks/{vni}/dhcp4_leases/{mac}/ipaddr", b"10.9.8.7")
    assert json.loads(on_tree("inventory", "--host", "web-01").out)["ansible_host"] == "10.9.8.7"
    tree.put(f"/networks/{vni}/dhcp4_leases/{mac}/ipaddr", b"-oProxyCommand=touch ran")
    assert "ansible_host" not in json.loads(on_tree("inventory", "--host", "web-01").out)


def test_exactly_one_kind_of_output_is_asked_for(on_tree: Pvc) -> None:
    for arguments in ([], ["--list", "--host", "web-01"], ["--list", "--prometheus", "9100"]):
        result = on_tree("inventory", *arguments)
        assert (result.code, result.out) == (2, "")
        assert "expected one of --list, --host VM and --prometheus PORT" in result.err
    assert on_tree("inventory", "--prometheus", "0").code == 2
    assert on_tree("inventory", "--host", "web-99").code == 1
    assert on_tree("inventory", "--host", "web-*").code == 2


def test_prometheus_takes_the_targets(on_tree: Pvc, tmp_path: Path) -> None:
    promtool = tool("promtool")
    result = on_tree("inventory", "--prometheus", "9100", "-g", "production")
    assert (result.code, result.err) == (0, "")
    (tmp_path / "targets.json").write_text(result.out)
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(
        "scrape_configs:\n- job_name: vms\n  file_sd_configs:\n  - files: [targets.json]\n"
        "  relabel_configs:\n  - source_labels: [__meta_pvc_tags]\n    regex: .*,stateful,.*\n    action: keep\n"
    )
    check = subprocess.run([promtool, "check", "config", str(configuration)], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    found = subprocess.run(
        [promtool, "check", "service-discovery", str(configuration), "vms", "--timeout=5s"],
        capture_output=True, text=True,
    )  # fmt: skip
    kept = [entry["labels"] for entry in json.loads(found.stdout) if entry["labels"]]
    assert sorted(labels["instance"] for labels in kept) == ["db-01:9100", "db-02:9100"]
    assert all(identity(labels).keys() == {"instance", "job"} for labels in kept)


def identity(labels: dict[str, str]) -> dict[str, str]:
    """The labels that every series of a target has."""
    return {name: value for name, value in labels.items() if not name.startswith("__")}


def documented_scrape(targets: Path) -> str:
    """The configuration in the documentation, with *targets* as its file."""
    page = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
    block = next(part for part in page.split("```") if part.startswith("yaml\nscrape_configs:"))
    return block.removeprefix("yaml\n").replace("/etc/prometheus/pvc.json", str(targets))


def test_the_documented_relabelling_gives_series_that_outlast_a_migration_and_a_tag(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    promtool, targets, configuration = tool("promtool"), tmp_path / "pvc.json", tmp_path / "prometheus.yml"
    mac = json.loads(on_tree("vm", "info", "db-01", "-o", "json").out)["networks"][0]["mac"]
    vni = tree.client.get_children("/networks")[0]
    tree.put(f"/networks/{vni}/dhcp4_leases/{mac}/ipaddr", b"10.9.8.7")
    configuration.write_text(documented_scrape(targets))

    def series() -> list[dict[str, str]]:
        targets.write_text(on_tree("inventory", "--prometheus", "9100", "--name", "db-01,lab-01").out)
        command = [promtool, "check", "service-discovery", str(configuration), "vms", "--timeout=5s"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        return [entry["labels"] for entry in json.loads(found.stdout) if entry["labels"]]

    before = series()
    profile = json.loads(on_tree("vm", "info", "db-01", "-o", "json").out)["profile"]
    assert [identity(one) for one in before] == [{"instance": "db-01:9100", "job": "vms", "profile": profile}]
    assert [one["__address__"] for one in before] == ["10.9.8.7:9100"]
    for key, value in (("node", b"pvchv3"), ("state", b"migrate")):
        tree.put(f"/domains/{tree.uuid('db-01')}/{key}", value)
    assert on_tree("vm", "tag", "add", "db-01", "blue").code == 0
    assert series() == before


def test_no_vm_is_an_empty_inventory(pvc: Pvc, empty: Tree, on_tree: Pvc) -> None:
    assert on_tree("inventory", "--prometheus", "9100", "-g", "nobodys").out == "[]\n"
    result = on_tree("inventory", "--list", "-g", "nobodys")
    assert (result.code, json.loads(result.out)) == (
        0,
        {"_meta": {"hostvars": {}}, "all": {"children": ["ungrouped"]}},
    )


def test_an_old_cluster_has_an_inventory_without_tags(pvc: Pvc, demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    document = json.loads(pvc("--coordinators", tree.hosts, "inventory", "--list").out)
    assert len(document["_meta"]["hostvars"]) == 20
    assert not [group for group in document if group.startswith("tag_")]


def test_a_broken_vm_is_in_the_inventory_with_what_is_known(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/xml", b"<broken")
    variables = json.loads(on_tree("inventory", "--list").out)["_meta"]["hostvars"]["web-01"]
    assert (variables["pvc_memory"], variables["pvc_networks"], variables["pvc_state"]) == (None, None, "start")


def test_addresses_take_three_batches(zk: ZKHandler) -> None:
    _ = zk.schema
    before = round_trips(zk)
    read_addresses(zk)
    assert round_trips(zk) - before <= 3
