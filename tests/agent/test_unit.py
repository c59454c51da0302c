"""The systemd unit, as systemd itself reads it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd/pvc-sriov-agent.service"
BEARABLE = 2.0


def settings(name: str) -> list[str]:
    """The values that a setting has in the unit, in order."""
    lines = (line.partition("=") for line in UNIT.read_text().splitlines() if not line.startswith("#"))
    return [value for key, _, value in lines if key == name]


@pytest.fixture
def startable(tmp_path: Path) -> Path:
    """The unit, with a program that exists on this machine."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze on this machine: run .ci/setup units")
    (command,) = settings("ExecStart")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(f"ExecStart={command}", f"ExecStart={sys.executable} {command}"))
    return unit


def analyze(*words: str | Path) -> str:
    run = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_systemd_understands_every_line_of_it(startable: Path) -> None:
    assert analyze("verify", "--man=no", startable) == ""


def test_it_is_exposed_no_more_than_an_agent_for_network_cards_must_be(startable: Path) -> None:
    shown = analyze("security", "--offline=yes", "--no-pager", startable)
    level = float(shown.split("Overall exposure level")[1].split(":")[1].split()[0])
    print(f"systemd-analyze security: {level}")
    assert level <= BEARABLE


def test_nothing_at_boot_waits_for_the_agent_nor_it_for_what_waits_for_pvcs_daemon() -> None:
    assert settings("Before") == []
    assert settings("Type") == ["notify"]
    waited_for = {
        unit for name in ("After", "Wants", "Requires", "BindsTo") for unit in " ".join(settings(name)).split()
    }
    assert waited_for.isdisjoint({"pvcnoded.service", "zookeeper.service", "network-online.target", "network.target"})


def test_a_start_that_does_not_end_and_one_that_fails_over_and_over_have_limits() -> None:
    assert settings("TimeoutStartSec") == ["90"]
    assert settings("StartLimitIntervalSec") == ["10min"]
    # It must be given up within the interval, however long each start takes.
    assert int(settings("StartLimitBurst")[0]) * int(settings("RestartSec")[0]) < 600 / 2


def test_it_starts_a_program_that_only_this_project_has() -> None:
    (command,) = settings("ExecStart")
    program = command.split()[0]
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = dict(
        line.split(" = ") for line in config["options.entry_points"]["console_scripts"].strip().split("\n")
    )
    assert program in scripts
    assert program != "pvc"
    # Wherever it is installed: a package has it in /usr/bin, a person's environment is linked to from /usr/local/bin.
    assert not program.startswith("/")
