"""Keep a node's PFs and VFs registered: when cards change, when the tree lost something, and at every full look."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from pvc_cli.agent.cards import Card
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.lease import QUIET
from pvc_cli.agent.memory import Memory, runs_with_orphan
from pvc_cli.agent.register import Item, Plan, plan_registration
from pvc_cli.cluster.sriov.report import read_reports
from pvc_cli.zk import Lock, ZKHandler


@dataclass(slots=True)
class Registrar:
    """Registers the cards in *memory*, and remembers what only the tree has."""

    node: str
    memory: Memory
    journal: Journal
    _facts: object = None
    """What was last registered: a card that has not changed since needs no look at the tree."""
    _names: frozenset[Item] = frozenset()
    """The PFs and VFs that were last registered."""
    _deleted: tuple[frozenset[Item], float] | None = None
    """Which of them are no longer in the tree, or not all of them, and since when."""

    @property
    def look_again_at(self) -> float | None:
        """When to register again what somebody deleted, on the monotonic clock."""
        return self._deleted[1] + QUIET if self._deleted else None

    def plan(
        self,
        handler: ZKHandler,
        config: NodeConfig,
        cards: Sequence[Card],
        lock: Lock | None = None,
        *,
        prune: bool = False,
    ) -> Plan:
        """Return what would register *cards*.

        :raises NotFoundError: if the tree has no such node.
        """
        kept = self._kept(handler)
        return plan_registration(handler, self.node, config, cards, lock=lock, kept=kept, prune=prune)

    def register(self, handler: ZKHandler, config: NodeConfig, lock: Lock, *, always: bool, prune: bool) -> None:
        """Register the cards, if they changed since that was last done, or the tree has lost some.

        :param always: look at the tree in any case.
        :param prune: remove all that is neither configured nor there.
        :raises NotFoundError: if the tree has no such node.
        :raises ConflictError: if others kept changing the same things.
        """
        cards, facts = list(self.memory.cards), self._read_facts()
        if not (always or self.is_due() or self._is_deleted(handler)):
            return
        plan = handler.retrying(lambda: self._plan_unless_deleting(handler, config, cards, lock, prune=prune))
        if self._deleted:
            return
        self._facts, self._names = facts, plan.names
        for text, priority in plan.lines:
            self.journal.write(text, priority)
        self.note_absent(plan)

    def note_absent(self, plan: Plan) -> None:
        """Remember the VFs that only the tree has, and tell of those that it was not told of before."""
        memory, journal = self.memory, self.journal
        for name in memory.absent.keys() - plan.absent.keys():
            journal.clear(f"absent {name}")
        for name in memory.running.keys() - plan.running.keys():
            journal.clear(f"running {name}")
        memory.note_absent(plan.absent, plan.running)
        for name, (state, _) in plan.absent.items():
            text = f"VF {name} is {state}: kept in the tree, with its settings"
            journal.write_once(f"absent {name}", text, "notice")
        for name, vms in plan.running.items():
            journal.write_once(f"running {name}", runs_with_orphan(name, vms))

    def is_due(self) -> bool:
        """Tell whether the cards are not as they were registered, or something is to be registered again."""
        return self._deleted is not None or self._read_facts() != self._facts

    def _read_facts(self) -> object:
        cards = self.memory.cards
        return [(c.device, c.healthy, {n: (vf.pci, vf.mac, vf.mtu) for n, vf in c.vfs.items()}) for c in cards]

    def _plan_unless_deleting(
        self, handler: ZKHandler, config: NodeConfig, cards: Sequence[Card], lock: Lock, *, prune: bool
    ) -> Plan:
        """Plan it, unless somebody is just deleting what was registered before: that must be able to finish."""
        plan = self.plan(handler, config, cards, lock, prune=prune)
        now = time.monotonic()
        deleted = plan.torn & self._names
        if deleted and (self._deleted is None or self._deleted[0] != deleted):
            self._deleted = (deleted, now)
        if deleted and self._deleted and now - self._deleted[1] < QUIET:
            return Plan(handler)
        self._deleted = None
        return plan

    def _kept(self, handler: ZKHandler) -> set[str]:
        """Return the VFs that were orphaned before; in the first round, those that an earlier agent reported so."""
        if self._names:
            return {name for name, (state, _, _) in self.memory.absent.items() if state == "orphaned"}
        report = read_reports(handler, [self.node])[self.node]
        return {name for name, vf in report.vfs.items() if vf.state == "orphaned"} if report else set()

    def _is_deleted(self, handler: ZKHandler) -> bool:
        """Tell whether somebody deleted a registered VF from the tree."""
        there = handler.children(("node.sriov.vf", self.node)) or ()
        return not {name for kind, name in self._names if kind == "vf"} <= set(there)
