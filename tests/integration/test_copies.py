"""A cluster with a copy of another one's data is not that cluster: neither its plans nor its changes are for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.conftest import Pvc
from tests.reading import Reader


@pytest.fixture(scope="module")
def servers(zookeeper: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The hosts of production, and of a lab whose server began with a copy of production's data."""
    folder = tmp_path_factory.mktemp("servers")
    with Ensemble(folder / "production") as first, ZKHandler(first.hosts) as handler:
        fill(handler, vms=5, schema=ZKSchema())
    shutil.copytree(folder / "production", folder / "lab")
    with Ensemble(folder / "production") as production, Ensemble(folder / "lab") as lab:
        yield production.hosts, lab.hosts


@pytest.fixture
def saved(pvc: Pvc, servers: tuple[str, str]) -> Pvc:
    for name, hosts in zip(("prod", "lab"), servers, strict=True):
        assert pvc("connection", "add", name, hosts).code == 0
    return pvc


def tree_of(hosts: str) -> dict[str, bytes]:
    with Reader(hosts) as reader:
        return dict(reader.tree(""))


def last_id(pvc: Pvc, connection: str) -> str:
    return pvc("-c", connection, "history", "list", "--cluster", "-o", "name").out.split()[0]


def test_a_plan_for_the_lab_is_refused_on_production_although_both_have_the_same_data(
    saved: Pvc, servers: tuple[str, str], tmp_path: Path
) -> None:
    production, lab = servers
    plan = str(tmp_path / "lab.plan")
    assert saved("-c", "lab", "vm", "tag", "add", "web-01", "blue", "--plan", plan).code == 0
    before = tree_of(production)
    result = saved("-c", "prod", "apply", plan)
    assert (result.code, tree_of(production)) == (1, before)
    assert result.err == (
        f"Error: cannot tell whether {production} is the cluster {lab} that the plan is for, or a copy of its data:"
        f" if it is the same, rerun with --coordinators {lab}; otherwise plan again\n"
    )
    assert saved("--coordinators", lab.replace("127.0.0.1", "localhost"), "apply", plan).code == 0
    assert saved("-c", "lab", "undo", "last").code == 0


def test_a_change_of_the_lab_is_neither_listed_for_production_nor_undone_there(
    saved: Pvc, servers: tuple[str, str]
) -> None:
    production, lab = servers
    assert saved("-c", "prod", "vm", "tag", "add", "web-01", "blue").code == 0
    of_production = last_id(saved, "prod")
    assert saved("-c", "lab", "vm", "tag", "add", "web-01", "blue").code == 0
    of_lab = last_id(saved, "lab")
    assert of_lab != of_production
    assert len(json.loads(saved("-c", "prod", "history", "list", "--cluster", "-o", "json").out)) == 1
    before = tree_of(production)
    for name in ("last", of_lab):
        result = saved("-c", "prod", "undo", name)
        assert (result.code, tree_of(production)) == (1, before)
        assert f"cannot tell whether {production} is the cluster {lab} that" in result.err
        assert f"if it is the same, rerun with --coordinators {lab}" in result.err
    for connection, entry in (("lab", "last"), ("prod", of_production)):
        assert saved("-c", connection, "undo", entry).code == 0
