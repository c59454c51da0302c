"""Every task of the cookbook, run by a real shell on a demo cluster, as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.agent.running import Running
from tests.conftest import Tree
from tests.obedient import obedient_daemons
from tests.pages import Task, blocks, page, tasks

PAGE = page("docs/cookbook.md")
TASKS = tasks(PAGE)

ROOT = Path(__file__).parents[2]
BACKUP = "pvc cluster backup backup.json"
CLUSTERS = "for name in prod lab; do pvc connection add $name $PVC_COORDINATORS; done"
# What has to be there before a task makes sense.
FIRST = {
    "Every VM with": "pvc vm meta set web-01 --autostart",
    "Names for a loop": "pvc vm tag add 'build-*' ci",
    "Only changes": "pvc vm tag add web-01 blue",
    "Has a VM a tag": "pvc vm tag add web-01 blue",
    "Remove a tag wherever": "pvc vm tag add 'lab-*' old",
    "Remove a tag from VMs": "pvc vm tag add web-01 blue",
    "Undo": "pvc vm tag add web-01 blue; pvc vm tag add web-02 blue",
    "The names of what the last": "pvc vm tag add web-01 blue",
    "Make the claims match": "pvc sriov vf claim pvchv1 ens1f0v2 web-01",
    "What does it hold": BACKUP,
    "What changed since yesterday": f"{BACKUP}; pvc vm tag add web-01 blue",
    "What changed between": "pvc cluster backup monday.json; pvc vm stop web-01; pvc cluster backup tuesday.json",
    "What a VM was": BACKUP,
    "Put": BACKUP,
    "Restore the whole tree": f"{BACKUP}; pvc vm tag add web-01 blue",
    "The backups that pvc made": "pvc schema upgrade --yes",
    "A change tried": BACKUP,
    "One command on another": CLUSTERS,
    "Are all of them": CLUSTERS,
    "All VMs of two": CLUSTERS,
    "The largest VMs of two": CLUSTERS,
    "The same question": CLUSTERS,
    "Which cluster would": CLUSTERS,
    "Compare two": CLUSTERS,
    "Ask for a cluster": CLUSTERS,
    "Refuse every change": CLUSTERS,
    "What changed on a VF": "pvc sriov vf set pvchv1 ens1f0v1 --tx-max 1000",
    "Wait for a healthy": "pvc vm start -s fail --wait; pvc vm start -s stop --wait",
}
CODES = {
    "Is the cluster healthy": 1,
    "What changed": 1,
    "What changed on a VF": 0,
    "A change tried": 1,
    "Which VFs differ": 1,
    "Watch": 124,
    "Why did it fail": 1,
}
ENDS_WITH_AN_ERROR = ("Watch", "Nothing may change")
OLDER = ("Upgrade", "Try an upgrade", "Only as far", "The backups that pvc made")
TROUBLED = ("What nobody has", "Who holds", "Remove a stuck", "Create what is missing")
STOPPED = ("Restore the whole", "Roll back")
FINDING = ("pvc cluster status", "pvc cluster diff", "pvc sriov vf audit")
WITH_AN_AGENT = ("Change a VF, and wait", "Another number of VFs")
ON_THE_NODE = ("Another number of VFs",)


def stop_daemons(tree: Tree) -> None:
    for node in tree.client.get_children("/nodes"):
        tree.put(f"/nodes/{node}/daemonstate", b"stop")


def limit_nodes(tree: Tree) -> None:
    for node in tree.client.get_children("/nodes"):
        tree.put(f"/nodes/{node}/latestschema", b"13")


THEN: dict[str, Callable[[Tree], object]] = {
    "Put one VM back": lambda tree: tree.client.delete(f"/domains/{tree.uuid('web-01')}", recursive=True),
    "Only as far": limit_nodes,
}


@contextmanager
def agent(hosts: str, folder: Path) -> Iterator[None]:
    """Have an agent of pvchv1 set simulated cards, for a ``with`` block."""
    folder.mkdir()
    running = Running(folder)
    running.start(hosts)
    try:
        running.settled()
        yield
    finally:
        running.close()


def move_to_the_node(work: Path, agent: Path) -> None:
    """Let `pvc` be that of pvchv1, whose agent has its cards and its configuration in the folder *agent*."""
    script = work / "pvc"
    script.write_text(
        f"#!/bin/sh\ncd {ROOT} && export DRIVER_HOST=pvchv1 PVC_CONFIG_FILE={agent}/pvc.conf\n"
        f'exec {sys.executable} -m tests.agent.driver {agent}/cards "$@"\n'
    )
    script.chmod(0o755)


def started(title: str, names: tuple[str, ...]) -> str | None:
    return max((name for name in names if title.startswith(name)), key=len, default=None)


def run(lines: str, tree: Tree, work: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{work}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", f"set -e -o pipefail\n{lines}"],
        env={"PVC_COORDINATORS": tree.hosts, **environment},
        cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def work(home: Path, tmp_path: Path) -> Path:
    home.mkdir(parents=True)
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_there_are_enough_tasks_and_each_has_a_name_of_its_own() -> None:
    titles = [task.title for task in TASKS]
    assert len(titles) > 100
    assert len(set(titles)) == len(titles)


def test_every_special_case_of_this_test_is_a_task() -> None:
    for start in (*FIRST, *CODES, *OLDER, *TROUBLED, *STOPPED, *WITH_AN_AGENT, *ON_THE_NODE, *THEN):
        assert any(task.title.startswith(start) for task in TASKS), start


@pytest.mark.parametrize("task", TASKS, ids=[task.title for task in TASKS])
def test_a_task_is_done_by_its_lines(empty: Tree, work: Path, task: Task) -> None:
    title = task.title
    with ZKHandler(empty.hosts) as handler:
        fill(handler, vms=20, schema=ZKSchema(12 if started(title, OLDER) else None))
        if started(title, TROUBLED):
            make_trouble(handler)
    agents = agent(empty.hosts, work.parent / "agent") if started(title, WITH_AN_AGENT) else nullcontext()
    with obedient_daemons(empty.hosts), agents:
        first = FIRST.get(started(title, tuple(FIRST)) or "", ":")
        before = run(first, empty, work)
        assert before.returncode == 0, before.stderr
        if found := started(title, tuple(THEN)):
            THEN[found](empty)
        if started(title, STOPPED):
            stop_daemons(empty)
        if started(title, ON_THE_NODE):
            move_to_the_node(work, work.parent / "agent")
        lines = re.sub(r"^(pvc .* --watch)$", r"timeout 3 \1", task.lines, flags=re.MULTILINE)
        result = run(f"unset PVC_COORDINATORS\n{lines}" if first == CLUSTERS else lines, empty, work)
    assert result.returncode == CODES.get(started(title, tuple(CODES)) or "", 0), result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert title.startswith("Drain") or not re.search(r"^No .* match", result.stderr, re.MULTILINE)
    assert ("Error" in result.stderr) == title.startswith(ENDS_WITH_AN_ERROR)


def test_the_nightly_backup_checks_what_it_wrote_and_deletes_only_after_that(tree: Tree, work: Path) -> None:
    (script,) = [block for block in blocks(PAGE, "sh") if block.startswith("#!")]
    (work / "pvc-nightly").write_text(script)
    (work / "pvc-nightly").chmod(0o755)
    folder = work / "backups"
    folder.mkdir()
    old, young, other = (folder / name for name in ("2020-01-01.json", "2020-01-02.json", "keep.json"))
    for file in (old, young, other):
        file.write_text("{}")
    for file in (old, other):
        os.utime(file, (0, 0))
    tree.client.delete(f"/domains/{tree.uuid('web-01')}/profile")
    broken = run(f"pvc-nightly {folder}", tree, work)
    assert broken.returncode == 1
    assert "profile" in broken.stdout
    assert old.exists()
    tree.put(f"/domains/{tree.uuid('web-01')}/profile")
    for _ in range(2):
        assert run(f"pvc-nightly {folder}", tree, work).returncode == 0
    assert not old.exists()
    assert other.exists()
    assert young.exists()
    (made,) = folder.glob("202[1-9]*.json")
    assert made.stat().st_mode & 0o777 == 0o600


def test_what_cron_runs_can_be_run(tree: Tree, work: Path) -> None:
    (crontab,) = blocks(PAGE, "cron")
    lines = crontab.splitlines()
    assert len(lines) == 2
    for line in lines:
        *times, user, command = line.split(None, 6)
        assert (len(times), user) == (5, "root")
        if command.startswith("/usr/local/sbin/pvc-nightly"):
            continue  # as above
        assert run(command, tree, work).returncode == 0


@pytest.mark.parametrize("name", ["README.md", "docs/tour.md"])
def test_a_tour_can_be_taken_from_top_to_bottom(tree: Tree, work: Path, name: str) -> None:
    (tour,) = [block for block in blocks(page(name), "sh") if "pvc cluster diff" in block]
    with obedient_daemons(tree.hosts):
        for line in filter(None, tour.splitlines()):
            endless = re.search(r"--(watch|follow)\b", line.partition("#")[0])
            result = run(f"timeout 3 {line}" if endless else line, tree, work)
            # What these ask is answered by 1: is anything wrong, did anything change.
            answers = {0, 1} if line.startswith(FINDING) and result.stdout else {0}
            assert result.returncode in ({124} if endless else answers), line + result.stderr
            assert "Traceback" not in result.stderr
