"""Reconcile VFs with the tree: read the card, set only what differs, trust only what is read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pvc_cli.agent.cards import Card
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import AT_START, KNOBS, Kernel, KernelError, VfState
from pvc_cli.agent.memory import Memory, Refusal
from pvc_cli.cluster.sriov.model import Settings, vf_name

_MTU = "mtu"
"""The knob of a VF's network device."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to set on a VF."""

    vf: str
    index: int
    knob: str
    new: Settings
    old: Settings
    service_tag: bool = False
    """Whether the VLAN is tagged by 802.1ad, which is never wanted."""

    @property
    def topic(self) -> str:
        """What is set, whatever the value."""
        return f"{self.vf} {self.knob}"

    @property
    def changed(self) -> Settings:
        """The settings that differ, with their new values."""
        return {name: value for name, value in self.new.items() if self.old[name] != value}

    def __str__(self) -> str:
        changed = [f"{name} {self.old[name]} -> {to}" for name, to in self.changed.items()]
        return f"{self.vf}: {', '.join(changed + ['VLAN tag 802.1ad -> 802.1Q'] * self.service_tag)}"


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares the VFs of a PF with ``memory.wanted`` and sets what differs."""

    kernel: Kernel
    journal: Journal
    memory: Memory
    touched: set[str] = field(default_factory=set)
    """The PFs on which something was set, or may have been."""

    def plan(self, card: Card, states: Mapping[str, VfState] | None = None) -> list[Action]:
        """Return what has to be set on the VFs of *card*, and remember what is as wanted.

        :param states: the VFs as they were just read; by default they are read now.
        :raises KernelError: if the PF cannot be read.
        """
        pf = card.device.phy
        if states is None:
            states = {vf_name(pf, state.index): state for state in self.kernel.vfs(pf)}
        return [action for name, state in states.items() for action in self._plan_vf(card, name, state)]

    def _plan_vf(self, card: Card, name: str, state: VfState) -> list[Action]:
        memory = self.memory.vfs.get(name)
        wanted = self.memory.wanted.get(name)
        if memory is None or wanted is None:
            return []
        if memory.clean == (state, wanted, card.vf_mtu):
            return []
        reported, actions = state.config.known(), []
        for knob, settings in KNOBS.items():
            # What the driver does not report is what was last set, else what cards start with.
            last = memory.settled.get(knob, AT_START)
            actual = {setting: reported.get(setting, last[setting]) for setting in settings}
            # A setting that the tree lacks keeps its value, also where it is set together with another.
            want = {setting: wanted.get(setting, actual[setting]) for setting in settings}
            foreign = knob == "vlan" and state.service_tag and bool(actual["vlan_id"])
            if want != actual or foreign:
                actions.append(Action(name, state.index, knob, want, actual, foreign))
            else:
                self._settle(name, knob, want)
        if card.vf_mtu is not None and state.mtu is not None:
            if state.mtu != card.vf_mtu:
                actions.append(Action(name, state.index, _MTU, {_MTU: card.vf_mtu}, {_MTU: state.mtu}))
            else:
                self._settle(name, _MTU, {_MTU: state.mtu})
        memory.differs = {a.knob: {name: a.old[name] for name in a.changed or ("vlan_id",)} for a in actions}
        memory.clean = None if actions else (state, wanted, card.vf_mtu)
        memory.compared = wanted
        return actions

    def _settle(self, name: str, knob: str, values: Settings) -> None:
        memory = self.memory.vfs[name]
        memory.settled[knob] = values
        memory.refused.pop(knob, None)
        self.journal.clear(f"{name} {knob}")

    def reconcile(self, card: Card, states: Mapping[str, VfState] | None = None, *, retry: bool) -> list[Action]:
        """Reconcile the VFs of *card* with the tree, and return what was done.

        :param retry: retry what the driver refused.
        :raises KernelError: if the PF cannot be read.
        """
        memory, pf = self.memory, card.device.phy
        memory.needs_retry.discard(pf)
        todo = [action for action in self.plan(card, states) if retry or not self._is_refused(action)]
        self.touched.update([pf] if todo else [])
        drifted = {action.topic for action in todo if self._has_drifted(action)}
        tried = [(action, done) for action in todo if (done := self._set(pf, action)) is not None]
        # Read back once, always: some drivers accept a setting and do nothing.
        left = {action.topic: action for action in self.plan(card)} if tried else {}
        for action, accepted in tried:
            vf = memory.vfs[action.vf]
            remains = left.get(action.topic)
            if remains and any(remains.old[name] != value for name, value in accepted.items()):
                reason = "the driver accepted it, but did not apply it"
                vf.refused[action.knob] = Refusal(action.new, dict.fromkeys(remains.changed, reason), remains.old)
                vf.settled.pop(action.knob, None)
                self.journal.write_once(action.topic, f"{action} failed: {reason}")
                continue
            self._report(pf, action, accepted, drifted=action.topic in drifted)
        return [action for action, _ in tried if action.topic not in left]

    def _is_refused(self, action: Action) -> bool:
        """Tell whether the same was refused before, and nobody has changed anything since."""
        refusal = self.memory.vfs[action.vf].refused.get(action.knob)
        return refusal is not None and refusal.values == action.new and refusal.actual == action.old

    def _has_drifted(self, action: Action) -> bool:
        """Tell whether the card had what is wanted, or as much of it as its driver accepts, and no longer does."""
        memory = self.memory.vfs[action.vf]
        refusal = memory.refused.get(action.knob)
        achieved = refusal.actual if refusal and refusal.values == action.new else action.new
        differs = achieved != action.old or action.service_tag
        return differs and memory.settled.get(action.knob) == achieved

    def _report(self, pf: str, action: Action, accepted: Settings, *, drifted: bool) -> None:
        done = replace(action, new=accepted)
        if done.changed or done.service_tag:
            self.memory.applied += 1
            self.memory.drifts[pf] += drifted
            self.journal.write(f"{done}" + (" (drift: changed by another program)" if drifted else ""), "notice")

    def _set(self, pf: str, action: Action) -> Settings | None:
        """Set something, and return what the driver accepted of it; None if nothing."""
        vf = self.memory.vfs[action.vf]
        accepted = action.new
        try:
            self._ask(pf, action, action.new)
        except KernelError as error:
            if error.transient or (action.knob == "rate" and not self._has_carrier(pf)):
                self.memory.needs_retry.add(pf)
                self.journal.write_once(action.topic, f"{action} failed: {error.reason}")
                return None
            fallback = self._set_maximum(pf, action)
            accepted = fallback or action.old
            differing = {name for name, value in action.new.items() if accepted[name] != value}
            vf.refused[action.knob] = Refusal(action.new, dict.fromkeys(differing, error.reason), accepted)
            self.journal.write_once(action.topic, f"{replace(action, old=accepted)} failed: {error.reason}")
            if fallback is None:
                return None
        vf.settled[action.knob] = accepted
        return accepted

    def _set_maximum(self, pf: str, action: Action) -> Settings | None:
        """Set the maximum rate alone, where a driver has no minimum: better that limit than none.

        :returns: the rates that the VF has then; None if they were not changed.
        """
        if action.knob != "rate" or not action.new["tx_rate_min"]:
            return None
        alone: Settings = {"tx_rate_min": 0, "tx_rate_max": action.new["tx_rate_max"]}
        if alone == action.old:
            return None
        try:
            self._ask(pf, action, alone)
        except KernelError:
            return None
        return alone

    def _ask(self, pf: str, action: Action, settings: Settings) -> None:
        if action.knob == _MTU:
            self.kernel.set_vf_mtu(pf, action.index, int(settings[_MTU]))
        else:
            self.kernel.set_vf(pf, action.index, settings)

    def _has_carrier(self, pf: str) -> bool:
        """Tell whether a PF's link works. Without it, some drivers refuse every rate: they do not know its speed."""
        state = self.kernel.pf(pf)
        return state is None or state.carrier
