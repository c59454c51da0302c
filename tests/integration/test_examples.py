"""Every example in every help page, run by a real shell on the demo cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvc_cli import app
from pvc_cli.sandbox.demo import fill
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.command_tree import walk
from tests.conftest import Tree

ELSEWHERE = {
    # Other tests run these: they start servers, work on the network cards of this machine, or need agents.
    "pvc sandbox start && pvc vm list": "test_sandbox",
    "pvc sriov agent sync": "test_sync",
    "pvc sriov pf drain pvchv1 ens1f0 --resize": "test_resize",
    "pvc sriov pf set": "test_resize",
    "pvc sriov vf list --drift": "test_vf_reports",
}
# What an example needs to be there first.
FIRST = {
    "--write -c file:trial.json": "pvc cluster backup trial.json",
    "-c file:trial.json": "pvc cluster backup trial.json",
    "completion fish": "mkdir -p ~/.config/fish/completions",
    "connection add safe": "(umask 77; echo secret > ~/.pvc-password)",
    "connection protect": "pvc connection add prod hv1",
    "connection use": "pvc connection add prod hv1",
    "connection remove": "pvc connection add prod hv1",
    "apply -f": "pvc export > state.yaml",
    "cluster diff": "pvc cluster backup backup.json",
    "cluster restore": "pvc cluster backup backup.json",
    "cluster verify": "pvc cluster backup backup.json",
    "key set node.ipmi.password": "(umask 77; echo secret > password.txt)",
    "sriov vf release": "pvc sriov vf claim pvchv1 ens1f0v1 web-01",
    "vm tag remove web": "pvc vm tag add web-01 blue",
    "vm tag remove -g old": "pvc vm tag add web-01 old",
}


def examples() -> Iterator[str]:
    """Yield every line of the commands' examples."""
    for command in (app.cli, *(command for _, command in walk())):
        text = (command.help or "").partition("Example")[2]
        yield from re.findall(r"^ +((?:pvc|eval) .*)$", text, re.MULTILINE)


EXAMPLES = [
    example
    for example in dict.fromkeys(examples())
    if not any(example.startswith(start) for start in (*ELSEWHERE, "pvc sandbox", "pvc sriov agent"))
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 40


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_does_what_it_says(empty: Tree, home: Path, tmp_path: Path, example: str) -> None:
    version = 9 if "schema" in example and ("upgrade" in example or "apply" in example) else 15
    with ZKHandler(empty.hosts) as handler:
        fill(handler, vms=20, schema=ZKSchema(version))
    home.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    (work / "ca.pem").write_text("")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PVC_COORDINATORS": empty.hosts,
    }
    first = next((setup for start, setup in FIRST.items() if example.startswith(f"pvc {start}")), ":")
    # Whoever asks before a change gets no answer here.
    asks = re.match(r"pvc (schema (upgrade|rollback|apply)|cluster restore)", example) and "--dry-run" not in example
    line = re.sub(r"^pvc (\S+ \S+)", r"pvc \1 --yes", example) if asks else example
    run = subprocess.run(
        ["bash", "-c", f"{first} 2>/dev/null; set -o pipefail; {line}"],
        env=environment, cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert "Error" not in run.stderr
