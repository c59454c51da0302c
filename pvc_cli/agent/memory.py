"""What an agent remembers from one round to the next: what is wanted, seen, set and refused of each VF."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.agent.cards import Card
from pvc_cli.agent.kernel import VfState
from pvc_cli.cluster.sriov.model import Settings
from pvc_cli.cluster.sriov.report import State, VfReport


def runs_with_orphan(vf: str, vms: Iterable[str]) -> str:
    """Return what is wrong with an orphaned VF that VMs run with."""
    return f"{vf} is orphaned, but used by running VM {', '.join(vms)}: configure its PF again, or stop the VM"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a driver refused: the values asked for, the reason of each setting, and what the card had instead."""

    values: Settings
    reasons: Mapping[str, str]
    actual: Settings


@dataclass(slots=True)
class VfMemory:
    """What the agent knows of one VF; by KNOB, where settings are set together."""

    settled: dict[str, Settings] = field(default_factory=dict)
    """The values last seen on the card or accepted by its driver: what differs from them later has drifted."""
    refused: dict[str, Refusal] = field(default_factory=dict)
    """What the driver refused: it is not asked again before the next full round."""
    differs: dict[str, Settings] = field(default_factory=dict)
    """What the card has in place of what is wanted."""
    invalid: dict[str, str] = field(default_factory=dict)
    """Why a setting in the tree is ignored, by setting."""
    clean: tuple[VfState, Settings, int | None] | None = None
    """How it was seen when all was as wanted, and what was: the same again needs no second thought."""
    compared: Settings | None = None
    """What was wanted when the card was last compared with it."""
    since: float = 0.0
    """When :meth:`report` last changed, in seconds since the epoch."""
    _shown: tuple[State, Mapping[str, str], Settings] | None = None
    _asked: Settings = field(default_factory=dict)

    def report(self, wanted: Settings) -> VfReport:
        """Return its state for others to see; the time of it changes with the state and with what is wanted."""
        refused = {name: why for refusal in self.refused.values() for name, why in refusal.reasons.items()}
        refused |= self.invalid
        seen = {name: value for values in self.differs.values() for name, value in values.items()}
        state: State = "refused" if refused else "drifted" if seen or self.compared != wanted else "in_sync"
        if self._shown != (state, refused, seen) or self._asked != wanted:
            self._shown, self._asked, self.since = (state, refused, seen), wanted, round(time.time(), 3)
        return VfReport(state, self.since, refused, seen)


@dataclass(slots=True)
class Memory:
    """What an agent knows about its node. A new one is empty, so that the first round looks at everything."""

    cards: Sequence[Card] = ()
    """The configured PFs, whether this node has them or not."""
    vfs: dict[str, VfMemory] = field(default_factory=dict)
    """The VFs that the cards have."""
    wanted: Mapping[str, Settings] = field(default_factory=dict)
    """By VF, the valid settings in the tree at the last look."""
    zxid: int = 0
    """The last transaction of which :attr:`wanted` has all that it changed."""
    absent: dict[str, tuple[State, str, float]] = field(default_factory=dict)
    """The VFs in the tree that no card has: whether they are missing or orphaned, their PF, and since when."""
    running: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By orphaned VF, the names of the VMs that run with it."""
    needs_retry: set[str] = field(default_factory=set)
    """The PFs on which something failed that may succeed later."""
    problems: dict[str, list[str]] = field(default_factory=dict)
    """By PF, what is wrong with it besides the settings of VFs."""
    applied: int = 0
    """How many settings the agent changed since it started."""
    drifts: Counter[str] = field(default_factory=Counter)
    """By PF, how many of these had drifted: another program changed them."""

    @property
    def drifted(self) -> int:
        """How many settings had drifted."""
        return self.drifts.total()

    def replace_cards(self, cards: Sequence[Card]) -> None:
        """Remember the node's cards, and forget what is no longer among them."""
        self.cards = cards
        # New VFs start afresh, whatever was set on those of the same names before.
        new = {name for card in cards if card.new for name in card.vfs}
        for name in new:
            self.vfs.pop(name, None)
        self.vfs = {name: self.vfs.get(name) or VfMemory() for card in cards for name in card.vfs}
        phys = {card.device.phy for card in cards}
        self.needs_retry &= phys
        self.problems = {phy: problems for phy, problems in self.problems.items() if phy in phys}

    def note_absent(self, absent: Mapping[str, tuple[State, str]], running: Mapping[str, tuple[str, ...]]) -> None:
        """Remember which VFs only the tree has, who runs with them, and when each of them was first seen so."""
        self.running = running
        now = round(time.time(), 3)
        before = self.absent
        self.absent = {
            name: (state, pf, before[name][2] if name in before and before[name][0] == state else now)
            for name, (state, pf) in absent.items()
        }

    def states(self) -> Iterator[tuple[str, Card, VfState]]:
        """Yield the name, the card and the last seen state of each VF."""
        for card in self.cards:
            for name, state in card.vfs.items():
                yield name, card, state
