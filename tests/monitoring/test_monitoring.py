"""What is in monitoring/: Prometheus's own tool judges the rules, and every figure asked for is one that exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pvc_cli.agent.figures import Figures, PfFigures
from pvc_cli.agent.metrics import write_metrics
from tests.tools import tool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "monitoring/pvc-sriov.rules.yml"
DASHBOARD = ROOT / "monitoring/pvc-sriov.grafana.json"
TESTS = Path(__file__).with_name("rules_test.yml")


@pytest.fixture
def promtool() -> str:
    return tool("promtool")


def run(*words: str | Path, cwd: Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def expressions() -> Iterator[str]:
    """The dashboard's expressions, with its variables replaced."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$node", ".+")


def test_each_alert_comes_when_it_must_and_none_on_a_healthy_node(promtool: str, tmp_path: Path) -> None:
    for file in (RULES, TESTS):
        shutil.copy(file, tmp_path)
    run(promtool, "test", "rules", TESTS.name, cwd=tmp_path)


def test_every_alert_is_tested() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    tested = set(re.findall(r'alertname="(\w+)", node', TESTS.read_text()))
    assert {rule["alert"] for rule in group["rules"]} == tested


def test_prometheus_understands_every_expression_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run(promtool, "check", "rules", "--lint=none", "rules.yml", cwd=tmp_path)


def test_alerts_and_dashboard_ask_for_figures_that_the_agent_leaves_and_for_all_of_them(
    promtool: str, tmp_path: Path
) -> None:
    pf = PfFigures("ens1f0", wanted=1, refused=0, drifted=0, orphaned=0)
    write_metrics(tmp_path / "metrics", "pvchv1", Figures([pf], last_pass=1.0))
    text = (tmp_path / "metrics").read_text()
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    left = set(re.findall(r"^(pvc_sriov_\w+)\{", text, re.MULTILINE))
    shown = set(re.findall(r"pvc_sriov_\w+", " ".join(expressions())))
    watched = set(re.findall(r"pvc_sriov_\w+", RULES.read_text()))
    assert shown == left
    assert watched <= left


def test_the_dashboards_panels_have_room_and_names_of_their_own() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert taken.isdisjoint(cells)
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
