"""One round over a node: prepare its cards, register them, reconcile their VFs."""

from dataclasses import dataclass, field

from pvc_cli.agent.cards import Card, prepare
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import Kernel, KernelError
from pvc_cli.agent.memory import Memory
from pvc_cli.agent.reconciler import Action, Reconciler
from pvc_cli.agent.register import plan_registration
from pvc_cli.cluster.sriov.model import SETTINGS, Settings, parse_config, require_sriov
from pvc_cli.cluster.sriov.settings import find_fault
from pvc_cli.errors import quoted
from pvc_cli.zk import Change, Key, ZKHandler
from pvc_cli.zk.watch import Watcher


@dataclass(slots=True)
class Agent:
    """Keeps one node's cards and tree in sync."""

    kernel: Kernel
    node: str
    journal: Journal
    config: NodeConfig
    memory: Memory = field(default_factory=Memory)

    def plan(self, handler: ZKHandler) -> tuple[list[Change], list[Action]]:
        """Return what a full round would change, in the tree and on the cards, without VFs that it would create.

        :raises SchemaError: if the cluster's schema has no SR-IOV.
        :raises NotFoundError: if the tree has no such node.
        """
        require_sriov(handler)
        if not self._enabled():
            return [], []
        self.memory.replace_cards(self._prepare(dry_run=True))
        parts = plan_registration(handler, self.node, self.config, self.memory.cards).parts
        self.memory.wanted = self._read_wanted(handler)
        reconciler = Reconciler(self.kernel, self.journal, self.memory)
        actions = [action for card in self.memory.cards for action in reconciler.plan(card.device.phy)]
        return [change for part in parts for change in part.changes], actions

    def reconcile_node(self, handler: ZKHandler, watcher: Watcher | None = None, *, full: bool = True) -> bool:
        """Bring cards and tree into sync.

        :param watcher: is told what to watch, if given.
        :param full: look at everything, and retry what was refused; else only at VFs whose settings changed in the
            tree.
        :returns: whether something failed that may succeed later.
        :raises SchemaError: if the cluster's schema has no SR-IOV.
        :raises NotFoundError: if the tree has no such node.
        :raises UnreachableError: if no server answers in time.
        """
        if watcher:
            watcher.watch(values=["base.schema.version"])
        handler.refresh_schema()
        require_sriov(handler)
        if not self._enabled():
            return False
        if full:
            self._register(handler)
        memory = self.memory
        if watcher:
            containers: list[Key] = [("node.sriov.pf", self.node), ("node.sriov.vf", self.node)]
            watcher.watch(values=self._wanted_keys(), children=containers)
            names = {name for card in memory.cards for name in card.vfs}
            if not full and names - set(handler.children(containers[1]) or ()):
                # Somebody deleted what belongs there.
                self._register(handler)
        before, memory.wanted = memory.wanted, self._read_wanted(handler)
        changed = {name for name, settings in memory.wanted.items() if settings != before.get(name)}
        reconciler = Reconciler(self.kernel, self.journal, memory)
        for card in memory.cards:
            phy = card.device.phy
            if full or phy in memory.needs_retry or not changed.isdisjoint(card.vfs):
                try:
                    reconciler.reconcile(phy, full=full)
                except KernelError as error:
                    self.journal.write_once(f"vfs {phy}", str(error))
                    memory.needs_retry.add(phy)
        return bool(memory.needs_retry)

    def _enabled(self) -> bool:
        if self.config.enabled:
            self.journal.clear("enabled")
        else:
            self.memory.replace_cards(())
            text = f"SR-IOV is disabled: {self.config.path} has sriov_enable: no; changing nothing"
            self.journal.write_once("enabled", text, "notice")
        return self.config.enabled

    def _prepare(self, *, dry_run: bool = False) -> list[Card]:
        cards = []
        for device in self.config.devices:
            try:
                card = prepare(self.kernel, device, self.journal, dry_run=dry_run)
            except KernelError as error:
                self.journal.write_once(f"pf {device.phy}", str(error))
                continue
            if card:
                cards.append(card)
        return cards

    def _register(self, handler: ZKHandler) -> None:
        cards = self._prepare()
        self.memory.replace_cards(cards)
        plan = handler.retrying(lambda: plan_registration(handler, self.node, self.config, cards))
        for text, priority in plan.lines:
            self.journal.write(text, priority)

    def _wanted_keys(self) -> list[Key]:
        at = ("node.sriov.vf", self.node)
        names = (name for card in self.memory.cards for name in card.vfs)
        return [(*at, f"sriov_vf.config.{setting}", name) for name in names for setting in SETTINGS]

    def _read_wanted(self, handler: ZKHandler) -> dict[str, Settings]:
        """Return the valid settings of each VF in the tree, in one batch."""
        values = iter(handler.read_many(self._wanted_keys()))
        return {
            name: self._valid(name, {setting: next(values) for setting in SETTINGS})
            for card in self.memory.cards
            for name in card.vfs
        }

    def _valid(self, vf: str, texts: dict[str, str | None]) -> Settings:
        known = parse_config(texts).known()
        settings = {name: value for name, value in known.items() if not find_fault(name, value)}
        for name, text in texts.items():
            topic = f"{vf} {name} text"
            if text and name not in settings:
                self.journal.write_once(
                    topic,
                    f"{vf}: ignored {name} {quoted(text)} in the tree: invalid;"
                    f" correct it with 'pvc sriov vf set {self.node} {vf}'",
                )
            else:
                self.journal.clear(topic)
        return settings
