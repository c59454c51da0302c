"""What an agent remembers from one round to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pvc_cli.agent.cards import Card
from pvc_cli.cluster.sriov.model import Settings

Target = tuple[str, str]
"""What is set: a VF, by name, and one of its KNOBS."""


class Counts(NamedTuple):
    """How many of a node's VFs are in sync."""

    vfs: int
    in_sync: int
    refused: int

    def __str__(self) -> str:
        return f"{self.in_sync} of {self.vfs} VFs in sync, {self.refused} settings refused"


@dataclass(slots=True)
class Memory:
    """What an agent knows about its node. A new one is empty, so that the first round looks at everything."""

    cards: Sequence[Card] = ()
    wanted: Mapping[str, Settings] = field(default_factory=dict)
    """By VF, the settings in the tree at the last look."""
    settled: dict[Target, Settings] = field(default_factory=dict)
    """The values last seen on the card or accepted by its driver: what differs from them later has drifted."""
    refused: dict[Target, Settings] = field(default_factory=dict)
    """The values that the driver refused: they are retried in full rounds only."""
    in_sync: dict[str, dict[str, bool]] = field(default_factory=dict)
    """By PF and VF, whether all settings are as wanted."""
    needs_retry: set[str] = field(default_factory=set)
    """The PFs on which something failed that may succeed later."""
    applied: int = 0
    """How many settings the agent changed since it started."""
    drifted: int = 0
    """How many of these had drifted: another program changed them."""

    def replace_cards(self, cards: Sequence[Card]) -> None:
        """Remember the node's cards, and forget PFs that are not among them."""
        self.cards = cards
        phys = {card.device.phy for card in cards}
        # New VFs start afresh, whatever was set on those of the same names before.
        new = {name for card in cards if card.new for name in card.vfs}
        self.settled = {target: values for target, values in self.settled.items() if target[0] not in new}
        self.in_sync = {phy: vfs for phy, vfs in self.in_sync.items() if phy in phys}
        self.needs_retry &= phys

    def counts(self) -> Counts:
        """Return how many of the node's VFs are in sync."""
        vfs = {name: synced for of_pf in self.in_sync.values() for name, synced in of_pf.items()}
        return Counts(len(vfs), sum(vfs.values()), sum(vf in vfs for vf, _ in self.refused))
