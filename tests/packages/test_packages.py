"""The packages are reproducible, complete, and work in an empty environment."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("zookeeper")


@pytest.fixture(scope="module")
def wheel() -> Path:
    (wheel,) = (ROOT / "dist").glob("*.whl")
    return wheel


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((folder / "dist").iterdir())}


def test_a_clone_elsewhere_builds_the_same_bytes(tmp_path: Path) -> None:
    clone = tmp_path / "elsewhere"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    subprocess.run([sys.executable, ".ci/dist"], cwd=clone, check=True, capture_output=True)
    assert digests(clone) == digests(ROOT)


def test_both_hold_all_that_belongs_in_them(wheel: Path) -> None:
    (sdist,) = (ROOT / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    in_wheel = {name.partition(".data/data/")[2] or name for name in zipfile.ZipFile(wheel).namelist()}
    for version in range(16):
        name = f"pvc_cli/zk/schema/versions/{version:02}.json"
        assert name in in_sdist
        assert name in in_wheel
    assert {"completions/pvc.bash", "systemd/pvc-sriov-agent.service", "man/pvc-vm-tag-add.1", "LICENSE"} <= in_sdist
    assert {
        "share/bash-completion/completions/pvc.bash",
        "share/fish/vendor_completions.d/pvc.fish",
        "share/pvc/pvc.zsh",
        "share/pvc/pvc-sriov-agent.service",
        "share/man/man1/pvc.1",
        "share/man/man1/pvc-network-sriov-vf-set.1",
    } <= in_wheel


@pytest.fixture
def installed(tmp_path: Path, wheel: Path) -> Iterator[Path]:
    """The wheel in an empty environment: nothing but what it says it needs."""
    place = tmp_path / "environment"
    venv.create(place, with_pip=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", str(wheel)], check=True)
    yield place
    subprocess.run([place / "bin" / "pvc", "sandbox", "stop"], env=outside(tmp_path), check=False)


def outside(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has nothing of this project."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}


def test_it_runs_in_an_empty_environment(installed: Path, tmp_path: Path) -> None:
    def pvc(*arguments: str) -> str:
        run = subprocess.run(
            [installed / "bin" / "pvc", *arguments],
            env=outside(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return run.stdout

    assert pvc("--version").startswith("pvc ")
    pvc("sandbox", "start", "--vms", "5")
    assert len(pvc("vm", "list", "-o", "name").split()) == 5
    pvc("vm", "tag", "add", "web-01", "blue")
    assert "blue" in pvc("vm", "tag", "list", "web-01")
    assert pvc("schema", "show", "-o", "json").startswith('{"version": 15')
    run = subprocess.run(
        [installed / "bin" / "pvc", "sriov", "agent", "sync"],
        env=outside(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr.count("\n")) == (3, 1)
    assert "the agent needs pyroute2: install python3-pyroute2" in run.stderr


def test_it_is_installed_without_a_network_as_the_documentation_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "installation.md").read_text()
    (fetch,) = re.findall(r"^python3 -m (pip wheel -w wheels \S+)", page, re.MULTILINE)
    (install,) = re.findall(r"^/opt/pvc-cli/bin/(pip install --no-index .*)$", page, re.MULTILINE)
    subprocess.run([sys.executable, "-m", *shlex.split(fetch.replace("wheels", str(tmp_path / "wheels")))],
                   cwd=ROOT, check=True, capture_output=True)  # fmt: skip
    venv.create(tmp_path / "environment", with_pip=True)
    binaries = tmp_path / "environment" / "bin"
    subprocess.run(f"{binaries}/{install}", shell=True, cwd=tmp_path, check=True, capture_output=True)
    run = subprocess.run([binaries / "pvc", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("pvc ")
    assert subprocess.run([binaries / "python", "-c", "import pyroute2"], check=False).returncode == 0
