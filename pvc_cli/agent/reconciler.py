"""Reconcile VFs with the tree: read the card, set only what differs, trust only what is read back."""

from dataclasses import dataclass

from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import AT_START, KNOBS, Kernel, KernelError
from pvc_cli.agent.memory import Memory, Target
from pvc_cli.cluster.sriov.model import Settings, vf_name


@dataclass(frozen=True, slots=True)
class Action:
    """Something to set on a VF."""

    vf: str
    index: int
    knob: str
    new: Settings
    old: Settings

    @property
    def target(self) -> Target:
        """What is set, whatever the value."""
        return (self.vf, self.knob)

    def __str__(self) -> str:
        changed = (f"{name} {self.old[name]} -> {to}" for name, to in self.new.items() if self.old[name] != to)
        return f"{self.vf}: {', '.join(changed)}"


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares the VFs of a PF with ``memory.wanted`` and sets what differs."""

    kernel: Kernel
    journal: Journal
    memory: Memory

    def plan(self, pf: str) -> list[Action]:
        """Return what has to be set on the VFs of *pf*, and remember what is as wanted.

        :raises KernelError: if the PF cannot be read.
        """
        memory, actions = self.memory, []
        states = {vf_name(pf, state.index): state for state in self.kernel.vfs(pf)}
        for name, state in states.items():
            reported = state.config.known()
            for knob, settings in KNOBS.items() if name in memory.wanted else ():
                target = (name, knob)
                # What the driver does not report is what was last set, else what cards start with.
                last = memory.settled.get(target, AT_START)
                actual = {setting: reported.get(setting, last[setting]) for setting in settings}
                # A setting that the tree lacks keeps its value, also where it is set together with another.
                want = {setting: memory.wanted[name].get(setting, actual[setting]) for setting in settings}
                if want == actual:
                    memory.settled[target] = want
                    memory.refused.pop(target, None)
                    self.journal.clear(" ".join(target))
                else:
                    actions.append(Action(name, state.index, knob, want, actual))
        differing = {action.vf for action in actions}
        memory.in_sync[pf] = {name: name not in differing for name in states}
        return actions

    def reconcile(self, pf: str, *, full: bool) -> None:
        """Reconcile the VFs of *pf* with the tree.

        :param full: retry what the driver refused.
        :raises KernelError: if the PF cannot be read.
        """
        memory, journal = self.memory, self.journal
        memory.needs_retry.discard(pf)
        todo = [a for a in self.plan(pf) if full or memory.refused.get(a.target) != a.new]
        before = dict(memory.settled)
        done = [action for action in todo if self._set(pf, action)]
        # Read back once, always: some drivers accept a setting and do nothing.
        left = {action.target for action in self.plan(pf)} if done else set()
        for action in done:
            target = action.target
            if target in left:
                memory.refused[target] = action.new
                del memory.settled[target]
                journal.write_once(" ".join(target), f"{action} failed: the driver accepted it, but did not apply it")
                continue
            drifted = before.get(target) == action.new
            memory.applied += 1
            memory.drifted += drifted
            journal.write(f"{action}" + (" (drift: changed by another program)" if drifted else ""), "notice")

    def _set(self, pf: str, action: Action) -> bool:
        """Set something, and tell whether the driver accepted it."""
        memory, target = self.memory, action.target
        try:
            self.kernel.set_vf(pf, action.index, action.new)
        except KernelError as error:
            if error.transient or (action.knob == "rate" and not self._has_carrier(pf)):
                memory.needs_retry.add(pf)
            else:
                memory.refused[target] = action.new
            self.journal.write_once(" ".join(target), f"{action} failed: {error.reason}")
            return False
        memory.settled[target] = action.new
        return True

    def _has_carrier(self, pf: str) -> bool:
        """Tell whether a PF's link works. Without it, some drivers refuse every rate: they do not know its speed."""
        state = self.kernel.pf(pf)
        return state is None or state.carrier
