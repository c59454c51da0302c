"""One round over a node: prepare its cards, register them, reconcile their VFs."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from pvc_cli.agent.cards import Card, CardStep, prepare
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.creation import Creations
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import AT_START, NO_MAC, Kernel, KernelError, VfState
from pvc_cli.agent.lease import Lease
from pvc_cli.agent.memory import Memory, VfMemory
from pvc_cli.agent.reconciler import Action, Reconciler
from pvc_cli.agent.registrar import Registrar
from pvc_cli.agent.wanted import SavedWanted, Wanted, read_wanted, wanted_keys
from pvc_cli.cluster.sriov.model import Settings, VfConfig, pf_of, require_sriov, vf_name
from pvc_cli.errors import RefusedError
from pvc_cli.zk import Key, Transaction, ZKHandler
from pvc_cli.zk.watch import Watcher


class Depth(IntEnum):
    """How much a round looks at."""

    CHANGES = 0
    """VFs whose settings changed in the tree."""
    CARDS = 1
    """Also the cards: what another program or the kernel changed."""
    TREE = 2
    """Also what is registered in the tree."""
    ALL = 3
    """Also what drivers refused before: they are asked again."""


@dataclass(slots=True)
class Agent:
    """Keeps one node's cards and tree in sync."""

    kernel: Kernel
    node: str
    journal: Journal
    config: NodeConfig
    saved: SavedWanted | None = None
    """Where the wanted settings are kept for a time without the cluster, if anywhere."""
    memory: Memory = field(default_factory=Memory)
    creations: Creations = field(init=False)
    lease: Lease = field(init=False)
    registrar: Registrar = field(init=False)
    done: list[CardStep | Action] = field(default_factory=list)
    """What the last round did to the cards."""

    def __post_init__(self) -> None:
        self.creations = Creations(self.kernel)
        self.lease = Lease(self.node)
        self.registrar = Registrar(self.node, self.memory, self.journal)

    def plan(self, handler: ZKHandler, *, prune: bool = False) -> tuple[list[Transaction], list[CardStep | Action]]:
        """Return what a full round would change, in the tree and on the cards, and change nothing.

        What VFs would be set to that are yet to be created is judged by what new ones usually have. What would be
        wrong then is told, and remembered for a report.

        :raises SchemaError: if the cluster's schema has no SR-IOV.
        :raises NotFoundError: if the tree has no such node.
        :raises RefusedError: if it is to prune by a configuration with a misspelt key.
        """
        require_sriov(handler)
        self._require_meant(prune=prune)
        if not self._enabled():
            return [], []
        cards = self._prepare(dry_run=True)
        plan = self.registrar.plan(handler, self.config, cards, prune=prune)
        steps: list[CardStep | Action] = [step for card in cards for step in card.steps]
        cards = [_with_new_vfs(card) for card in cards]
        self.memory.replace_cards(cards)
        self._tell_problems()
        there = {name for card in cards for name in card.vfs}
        plan.absent = {name: state for name, state in plan.absent.items() if name not in there}
        self.registrar.note_absent(plan)
        self._note_wanted(read_wanted(handler, self.node, cards))
        reconciler = Reconciler(self.kernel, self.journal, self.memory)
        actions = [action for card in cards if card.present for action in reconciler.plan(card, card.vfs)]
        return [part for part in plan.parts if part.changes], [*steps, *actions]

    def reconcile_node(
        self, handler: ZKHandler, watcher: Watcher | None = None, *, depth: Depth = Depth.ALL, prune: bool = False
    ) -> bool:
        """Bring cards and tree into sync.

        :param watcher: is told what to watch, if given.
        :param prune: remove from the tree all that is neither configured nor there.
        :returns: whether something failed that may succeed later.
        :raises SchemaError: if the cluster's schema has no SR-IOV.
        :raises NotFoundError: if the tree has no such node.
        :raises RefusedError: if it is to prune by a configuration with a misspelt key.
        :raises OtherAgentError: if another agent manages it.
        :raises UnreachableError: if no server answers in time.
        """
        self.done = []
        fired: Collection[Key] | None = None
        if watcher:
            fired = watcher.fired()
            watcher.watch(values=["base.schema.version"], children=[("node", self.node)])
        handler.refresh_schema()
        require_sriov(handler)
        self._require_meant(prune=prune)
        if not self._enabled():
            return False
        lock = self.lease.hold(handler)
        all_cards = depth >= Depth.CARDS or not self.memory.cards or self._creation_is_due()
        unchanged: set[str] = set()
        if all_cards:
            self._prepare_cards(depth)
            # What another program changed is put right before anything else: the tree is read afterwards.
            unchanged = self._reconcile((), all_cards=True, read={card.device.phy for card in self.memory.cards})
            if depth == Depth.CARDS and fired == set() and not self.registrar.is_due():
                # All that the tree could say is watched, and nothing of it has changed.
                return bool(self.memory.needs_retry)
        if watcher:
            containers: list[Key] = [("node.sriov.pf", self.node), ("node.sriov.vf", self.node)]
            watcher.watch(values=wanted_keys(self.node, self.memory.cards), children=containers)
        self.registrar.register(handler, self.config, lock, always=depth >= Depth.TREE or prune, prune=prune)
        # What this session was told of before, it reads.
        zxid = handler.last_zxid
        wanted = read_wanted(handler, self.node, self.memory.cards)
        changed = self._note_wanted(wanted)
        self.memory.zxid = zxid
        self._save()
        self._reconcile(changed, all_cards=all_cards, read=unchanged, retry=depth >= Depth.ALL)
        return bool(self.memory.needs_retry)

    def hold(self, *, depth: Depth = Depth.CARDS) -> bool:
        """Without the cluster, hold the cards to the settings that were last wanted.

        :returns: whether something failed that may succeed later.
        """
        self.done = []
        if not self._enabled():
            return False
        self._prepare_cards(depth)
        if not self.memory.wanted and self.saved:
            try:
                self.memory.wanted = self.saved.load()
                self.journal.clear("saved")
            except OSError as error:
                self.journal.write_once("saved", f"could not read {self.saved.path}: {error.strerror}")
        read = {card.device.phy for card in self.memory.cards}
        self._reconcile((), all_cards=True, read=read, retry=depth >= Depth.ALL)
        return bool(self.memory.needs_retry)

    @property
    def look_again_at(self) -> float | None:
        """When to do another round although nothing changes, on the monotonic clock."""
        due = (self.registrar.look_again_at, self.creations.next_retry())
        return min((at for at in due if at is not None), default=None)

    def _require_meant(self, *, prune: bool) -> None:
        if prune and self.config.misspelt:
            raise RefusedError(f"cannot prune: {self.config.misspelt[0]} Correct it first")

    def _enabled(self) -> bool:
        if problems := self.config.problems:
            self.journal.write_once("config", "; ".join(problems))
        else:
            self.journal.clear("config")
        if self.config.enabled:
            self.journal.clear("enabled")
        else:
            self.memory.replace_cards(())
            self.memory.absent = {}
            text = f"SR-IOV is disabled: {self.config.path} has {self.config.disabled_by}; changing nothing"
            self.journal.write_once("enabled", text, "notice")
        return self.config.enabled

    def _creation_is_due(self) -> bool:
        retry = self.creations.next_retry()
        return retry is not None and time.monotonic() >= retry

    def _prepare(self, *, dry_run: bool = False, settled: Collection[Card] = ()) -> list[Card]:
        # Who takes a link down, to rename the device or to replace a cable, is left some time for that.
        as_before = {card.device for card in settled if card.healthy and "mtu" not in card.problems}
        cards: list[Card] = []
        names: dict[str, str] = {}
        for device in self.config.devices:
            first = names.setdefault(self.kernel.name_of(device.phy), device.phy)
            if first != device.phy:
                # Two lists of VFs of one card would be set against each other for ever.
                text = f"{device.phy} is another name of {first}, which is configured, too: remove one of them"
                cards.append(Card(device, {}, healthy=False, present=False, problems={"device": text}))
                continue
            with_link = device not in as_before
            cards.append(prepare(self.kernel, device, self.creations, with_link=with_link, dry_run=dry_run))
        return cards

    def _prepare_cards(self, depth: Depth) -> None:
        """Prepare the cards, remember them, and tell what was done and what is wrong."""
        cards = self._prepare(settled=self.memory.cards if depth < Depth.TREE else ())
        self.creations.keep_only({device.phy for device in self.config.devices})
        self.memory.replace_cards(cards)
        for card in cards:
            phy = card.device.phy
            for step in card.steps:
                creating = step.step == "create_vfs"
                self.journal.write(f"{phy}: creating {step.new} VFs" if creating else str(step), "notice")
            self.done += card.steps
        self._tell_problems()

    def _tell_problems(self) -> None:
        """Tell what is wrong with the cards."""
        for card in self.memory.cards:
            phy = card.device.phy
            for topic in ("device", "vfs", "mtu", "link", "state", "mac"):
                if text := card.problems.get(topic):
                    self.journal.write_once(f"{topic} {phy}", text)
                else:
                    self.journal.clear(f"{topic} {phy}")

    def _note_wanted(self, wanted: Mapping[str, Wanted]) -> set[str]:
        """Remember what is wanted, and return the VFs for which that changed."""
        memory = self.memory
        before: Mapping[str, Settings] = memory.wanted
        memory.wanted = {name: of_vf.settings for name, of_vf in wanted.items()}
        for name, of_vf in wanted.items():
            vf = memory.vfs.setdefault(name, VfMemory())
            for setting in vf.invalid.keys() - of_vf.invalid.keys():
                self.journal.clear(f"{name} {setting} text")
            vf.invalid = {setting: f"{text} in the tree is invalid" for setting, text in of_vf.invalid.items()}
            for setting, text in of_vf.invalid.items():
                self.journal.write_once(
                    f"{name} {setting} text",
                    f"{name}: ignored {setting} {text} in the tree: invalid;"
                    f" correct it with 'pvc sriov vf set {self.node} {name}'",
                )
        return {name for name, settings in memory.wanted.items() if settings != before.get(name)}

    def _save(self) -> None:
        if self.saved is None:
            return
        away = {card.device.phy for card in self.memory.cards if not card.healthy}
        try:
            # What is away now may be there at the next boot.
            kept = self.saved.load() if away or self.memory.absent else {}
            kept = {n: wanted for n, wanted in kept.items() if n in self.memory.absent or pf_of(n) in away}
            self.saved.save({**kept, **self.memory.wanted})
            self.journal.clear("saved")
        except OSError as error:
            self.journal.write_once("saved", f"could not keep the settings in {self.saved.path}: {error.strerror}")

    def _reconcile(
        self, changed: Iterable[str], *, all_cards: bool, read: Collection[str], retry: bool = False
    ) -> set[str]:
        """Reconcile the VFs of all PFs, or of those of which one is among *changed*, or something is to be retried.

        :param read: the PFs whose VFs were just read.
        :param retry: ask drivers again for what they refused.
        :returns: those of *read* on which nothing was set.
        """
        memory = self.memory
        reconciler = Reconciler(self.kernel, self.journal, memory)
        names = set(changed)
        for card in memory.cards:
            phy = card.device.phy
            if not card.vfs or not (all_cards or phy in memory.needs_retry or not names.isdisjoint(card.vfs)):
                continue
            try:
                self.done += reconciler.reconcile(card, card.vfs if phy in read else None, retry=retry)
                self.journal.clear(f"vfs {phy} read")
                memory.problems.pop(phy, None)
            except KernelError as error:
                self.journal.write_once(f"vfs {phy} read", str(error))
                memory.problems[phy] = [str(error)]
                memory.needs_retry.add(phy)
        return set(read) - reconciler.touched


def _with_new_vfs(card: Card) -> Card:
    """Return *card* as it would be once its VFs were created."""
    for step in card.steps:
        if step.step == "create_vfs":
            fresh = VfConfig(**AT_START)  # type: ignore[arg-type]
            names = (vf_name(step.phy, index) for index in range(step.new))
            vfs = {name: VfState(index, NO_MAC, fresh, "") for index, name in enumerate(names)}
            return Card(card.device, vfs, new=True, steps=card.steps, problems=card.problems)
    return card
