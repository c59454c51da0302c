"""`pvc cluster status -o prometheus`, judged by Prometheus' own checker."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree
from tests.tools import tool


def metrics(pvc: Pvc, *arguments: str) -> dict[str, float]:
    """The figures by name and labels, once promtool has nothing against them."""
    result = pvc(*arguments, "cluster", "status", "-o", "prometheus", "--min-health", "0")
    assert (result.code, result.err) == (0, "")
    check = subprocess.run([tool("promtool"), "check", "metrics"], input=result.out, capture_output=True, text=True)
    assert (check.returncode, check.stderr, check.stdout) == (0, "", "")
    lines = (line.rpartition(" ") for line in result.out.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_promtool_has_nothing_against_the_figures_and_they_are_true(on_tree: Pvc, tree: Tree) -> None:
    found = metrics(on_tree)
    assert found["pvc_cluster_health"] == 100
    assert found["pvc_cluster_healthy"] == 0  # the demo's failed VM
    assert found['pvc_problems{area="vm",serious="true"}'] == 1
    assert (found['pvc_vms{state="start"}'], found['pvc_vms{state="fail"}']) == (18, 1)
    assert found['pvc_osds{state="up,in"}'] == 3
    assert found['pvc_node_up{node="pvchv1"}'] == found['pvc_node_primary{node="pvchv1"}'] == 1
    total = int(tree.client.get("/nodes/pvchv1/memtotal")[0])
    assert found['pvc_node_memory_bytes{node="pvchv1"}'] == total * 1024 * 1024
    assert found["pvc_schema_version"] == 15
    assert [value for name, value in found.items() if name.startswith("pvc_zookeeper_up")] == [1]


def test_trouble_shows_in_the_figures(on_tree: Pvc, tree: Tree) -> None:
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    found = metrics(on_tree)
    assert found["pvc_cluster_health"] == 40
    assert found['pvc_node_up{node="pvchv3"}'] == 0
    assert found['pvc_fault{id="3f0c91aa"}'] == 50


def test_hostile_names_stay_labels(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b'x"} 1\npvc_evil 1\n\xff')
    found = metrics(on_tree)
    assert not [name for name in found if name.startswith("pvc_evil")]
    assert re.search(r'pvc_vms{state="x\\"} 1\\npvc_evil', "\n".join(found))


@pytest.mark.parametrize("version", [0, 9])
def test_an_old_cluster_has_the_figures_that_its_schema_knows(
    pvc: Pvc, demo: Callable[..., Tree], version: int
) -> None:
    tree = demo(version=version)
    found = metrics(pvc, "--coordinators", tree.hosts)
    assert found["pvc_schema_version"] == version
    assert not [name for name in found if name.startswith("pvc_fault{")]


def test_an_empty_tree_and_a_backup_have_figures_too(pvc: Pvc, tree: Tree, tmp_path: Path) -> None:
    file = str(tmp_path / "backup.json")
    assert pvc("--coordinators", tree.hosts, "cluster", "backup", file).code == 0
    found = metrics(pvc, "-c", f"file:{file}")
    assert not [name for name in found if name.startswith("pvc_zookeeper")]


def test_the_exit_code_is_that_of_every_status(on_tree: Pvc) -> None:
    assert on_tree("cluster", "status", "-o", "prometheus").code == 1


def test_only_the_status_has_figures_and_they_are_not_watched(on_tree: Pvc) -> None:
    result = on_tree("vm", "list", "-o", "prometheus")
    assert (result.code, result.out) == (2, "")
    result = on_tree("cluster", "status", "--watch", "-o", "prometheus")
    assert (result.code, result.out) == (2, "")
    assert "exclude each other" in result.err


def test_the_alerts_in_the_documentation_fire_when_they_should(tmp_path: Path) -> None:
    promtool = tool("promtool")
    page = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
    scrape, alerts = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "alerts.yml").write_text(alerts)
    (tmp_path / "prometheus.yml").write_text(scrape.replace("/etc/prometheus/", f"{tmp_path}/"))
    (tmp_path / "test.yml").write_text(
        "rule_files: [alerts.yml]\n"
        "tests:\n"
        "- interval: 1m\n"
        "  input_series:\n"
        "  - {series: 'pvc_zookeeper_up{instance=\"a\", server=\"hv1\"}', values: '1 1'}\n"
        "  - {series: 'pvc_zookeeper_up{instance=\"a\", server=\"hv2\"}', values: '1 1'}\n"
        "  - {series: 'pvc_zookeeper_up{instance=\"a\", server=\"hv3\"}', values: '1 0'}\n"
        "  - {series: 'pvc_zookeeper_servers_needed{instance=\"a\"}', values: '2 2'}\n"
        "  alert_rule_test:\n"
        "  - {eval_time: 0m, alertname: ZooKeeperHasNoSpare, exp_alerts: []}\n"
        "  - {eval_time: 1m, alertname: ZooKeeperHasNoSpare, exp_alerts: [{exp_labels: {instance: a}}]}\n"
    )
    for arguments in (["check", "config", "prometheus.yml"], ["test", "rules", "test.yml"]):
        run = subprocess.run([promtool, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
