"""The simulated card answers what real ones did: `make test-kernel` asked them, and keeps answers.json true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agent.nic import MODELS, SimulatedKernel
from tests.kernel.probe import probe

ANSWERS = Path(__file__).parents[1] / "kernel" / "answers.json"


@pytest.mark.parametrize("model", ["igb", "netdevsim"])
def test_the_simulated_card_answers_as_the_real_one(tmp_path: Path, model: str) -> None:
    kernel = SimulatedKernel(tmp_path)
    kernel.plug_in("ens1f0", model)
    assert probe(kernel, "ens1f0", MODELS[model].total) == json.loads(ANSWERS.read_text())[model]
