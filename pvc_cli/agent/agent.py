"""One pass over a node: prepare its cards, register them, make their VFs what the tree wants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pvc_cli.agent.cards import Card, prepare
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.inventory import Inventory, register, survey
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import Kernel, KernelError
from pvc_cli.agent.reconciler import Action, Reconciler, Report
from pvc_cli.cluster.sriov.model import SETTINGS, Settings, parse_config, require_sriov
from pvc_cli.cluster.sriov.settings import find_fault
from pvc_cli.errors import quoted
from pvc_cli.zk import Change, Key, ZKHandler
from pvc_cli.zk.watch import Watcher


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a pass would do: to the tree, and to the cards."""

    changes: tuple[Change, ...]
    actions: tuple[Action, ...]


@dataclass(slots=True)
class Agent:
    """Keeps one node's cards and tree in line. It remembers what it saw, so as to look again at only what changed."""

    kernel: Kernel
    node: str
    journal: Journal
    config: NodeConfig
    reports: dict[str, Report] = field(default_factory=dict)
    """The latest report of each PF."""
    applied: int = 0
    drifted: int = 0
    _cards: list[Card] = field(default_factory=list)
    _wanted: dict[str, Settings] = field(default_factory=dict)
    _restless: set[str] = field(default_factory=set)
    _reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        """Start with no memory."""
        self._reconciler = Reconciler(self.kernel, self.journal)

    def rehearse(self, handler: ZKHandler) -> DryRun:
        """Return what a full pass would do. VFs that it would create are not known yet, and not in it.

        :raises SchemaError: if the cluster's schema has no SR-IOV.
        :raises NotFoundError: if the tree has no such node.
        """
        require_sriov(handler)
        if not self._enabled():
            return DryRun((), ())
        cards = self._prepare(dry_run=True)
        parts = survey(handler, self.node, self.config, cards).parts
        wanted = self._read(handler, [name for card in cards for name in card.vfs])
        actions = [
            action
            for card in cards
            for action in self._reconciler.reconcile(card.device.phy, wanted, again=True, dry_run=True).actions
        ]
        return DryRun(tuple(change for part in parts for change in part.changes), tuple(actions))

    def pass_over(self, handler: ZKHandler, watcher: Watcher | None = None, *, full: bool = True) -> bool:
        """Bring cards and tree into line.

        :param watcher: is told what to watch, if given.
        :param full: look at everything, and try again what was refused; if not, only at VFs whose wanted settings
            changed.
        :returns: whether something failed that may succeed a moment later.
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
        names = [name for card in self._cards for name in card.vfs]
        if watcher:
            keys = [self._key(name, setting) for name in names for setting in SETTINGS]
            containers: list[Key] = [("node.sriov.pf", self.node), ("node.sriov.vf", self.node)]
            watcher.watch(values=keys, children=containers)
            if not full and set(names) - set(handler.children(containers[1]) or ()):
                # Somebody took away what belongs there.
                self._register(handler)
        wanted = self._read(handler, names)
        changed = {name for name in names if wanted.get(name) != self._wanted.get(name)}
        self._wanted = wanted
        for card in self._cards:
            if full or card.device.phy in self._restless or not changed.isdisjoint(card.vfs):
                self._reconcile(card, wanted, again=full)
        return bool(self._restless)

    def _enabled(self) -> bool:
        if not self.config.enabled:
            path = self.config.path
            self.journal.once(
                "enabled", f"sriov_enable is no in {path}: nothing is set, and nothing is pruned", "notice"
            )
            self._cards, self.reports = [], {}
        else:
            self.journal.settle("enabled")
        return self.config.enabled

    def _prepare(self, *, dry_run: bool = False) -> list[Card]:
        cards = []
        for device in self.config.devices:
            try:
                card = prepare(self.kernel, device, self.journal, dry_run=dry_run)
            except KernelError as error:
                self.journal.once(f"pf {device.phy}", str(error))
                continue
            if card:
                cards.append(card)
        return cards

    def _register(self, handler: ZKHandler) -> None:
        self._cards = self._prepare()
        self.reports = {phy: r for phy, r in self.reports.items() if phy in {c.device.phy for c in self._cards}}
        self._say(register(handler, self.node, self.config, self._cards))

    def _say(self, inventory: Inventory) -> None:
        for warning in inventory.warnings:
            self.journal.say(warning, "warning")
        for note in inventory.notes:
            self.journal.say(note, "notice")

    def _key(self, vf: str, setting: str) -> Key:
        return ("node.sriov.vf", self.node, f"sriov_vf.config.{setting}", vf)

    def _read(self, handler: ZKHandler, names: Iterable[str]) -> dict[str, Settings]:
        """Return what the tree wants of each VF, as far as it makes sense, in one batch."""
        names = list(names)
        values = iter(handler.read_many(self._key(name, setting) for name in names for setting in SETTINGS))
        return {name: self._sensible(name, {setting: next(values) for setting in SETTINGS}) for name in names}

    def _sensible(self, vf: str, texts: dict[str, str | None]) -> Settings:
        known = parse_config(texts).known()
        settings = {name: value for name, value in known.items() if not find_fault(name, value)}
        for name, text in texts.items():
            if text and name not in settings:
                self.journal.once(
                    f"{vf} {name} text", f"{vf}: {name} is {quoted(text)} in the tree: it is left alone"
                )
            else:
                self.journal.settle(f"{vf} {name} text")
        return settings

    def _reconcile(self, card: Card, wanted: dict[str, Settings], *, again: bool) -> None:
        phy = card.device.phy
        try:
            report = self._reconciler.reconcile(phy, wanted, again=again)
        except KernelError as error:
            self.journal.once(f"vfs {phy}", str(error))
            self._restless.add(phy)
            return
        self.reports[phy] = report
        self.applied += len(report.actions)
        self.drifted += report.drifted
        (self._restless.add if report.retry else self._restless.discard)(phy)
