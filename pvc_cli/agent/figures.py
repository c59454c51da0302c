"""The agent in figures: what it wants, has and could not do, for whoever watches it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.agent.memory import Memory
from pvc_cli.cluster.sriov.report import Report


class PfFigures(NamedTuple):
    """A PF that is configured, or has orphaned VFs; what is not known is None."""

    phy: str
    wanted: int
    """VFs that the configuration asks for."""
    present: int = 0
    """VFs that the card has."""
    in_sync: int = 0
    """VFs whose settings are all as wanted."""
    refused: int | None = 0
    """Settings that the driver refuses."""
    drifted: int | None = None
    """Settings corrected since the agent started, because another program had changed them."""
    orphaned: int | None = None
    """VFs that are kept in the tree, but are neither configured nor there."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A node's agent."""

    pfs: Sequence[PfFigures] = ()
    applied: int = 0
    """Settings changed since the agent started."""
    drifted: int = 0
    """How many of these had been changed by another program."""
    errors: int = 0
    """Rounds since the agent started in which something failed."""
    session: bool = False
    """Whether the last round reached the cluster."""
    last_pass: float | None = None
    """When the last round ended that looked at cards and tree, in seconds since 1970; None before the first."""


@dataclass(slots=True)
class Rounds:
    """Counts an agent's rounds."""

    errors: int = 0
    session: bool = False
    last_pass: float | None = None

    def passed(self, *, failures: bool) -> None:
        """Note a round that looked at cards and tree, and whether something failed in it."""
        self.errors += failures
        self.session = True
        self.last_pass = time.time()

    def failed(self, *, session: bool) -> None:
        """Note a round that ended early, and whether it reached the cluster."""
        self.errors += 1
        self.session = session


def figures_of(report: Report, memory: Memory, rounds: Rounds) -> Figures:
    """Return what *report*, *memory* and *rounds* say about a node's agent."""
    settings: dict[str, int] = {}
    for name, card, _ in memory.states():
        settings[card.device.phy] = settings.get(card.device.phy, 0) + len(report.vfs[name].refused)
    pfs = [
        PfFigures(phy, pf.wanted, pf.present, pf.in_sync, settings.get(phy, 0), memory.drifts[phy], pf.orphaned)
        for phy, pf in report.pfs.items()
    ]
    return Figures(pfs, memory.applied, memory.drifted, rounds.errors, rounds.session, rounds.last_pass)
