"""The agent in figures: what it wants, has and could not do, for whoever watches it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.memory import Memory


class PfFigures(NamedTuple):
    """A configured PF; what is not known is None."""

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
    """VFs in the tree that the card does not have at present."""


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


def figures_of(config: NodeConfig, memory: Memory, rounds: Rounds) -> Figures:
    """Return what *memory* and *rounds* say about a node's agent."""
    pfs = pf_figures(config, memory)
    return Figures(pfs, memory.applied, memory.drifted, rounds.errors, rounds.session, rounds.last_pass)


def pf_figures(config: NodeConfig, memory: Memory) -> list[PfFigures]:
    """Return what *memory* says about the PFs in *config*, also about one that is missing or dead."""
    cards = {card.device.phy: card for card in memory.cards}
    figures = []
    for device in config.devices if config.enabled else ():
        card, synced = cards.get(device.phy), memory.in_sync.get(device.phy, {})
        refused = sum(vf in synced for vf, _ in memory.refused)
        present = len(card.vfs) if card else 0
        figures.append(PfFigures(device.phy, device.vfcount, present, sum(synced.values()), refused))
    return figures
