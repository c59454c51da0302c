"""Make VFs what the tree wants: look at what is, set only what differs, believe only what is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import AT_START, KNOBS, Kernel, KernelError, VfState
from pvc_cli.cluster.sriov.model import Settings, vf_name

_Knob = tuple[str, str]
"""A VF by name, and which of the KNOBS."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to set on a VF, or that was set."""

    vf: str
    index: int
    knob: str
    new: Settings
    old: Settings

    @property
    def key(self) -> _Knob:
        """What is set, whatever it is set to."""
        return (self.vf, self.knob)

    def __str__(self) -> str:
        changed = (f"{name} {self.old[name]} -> {to}" for name, to in self.new.items() if self.old[name] != to)
        return f"{self.vf}: {', '.join(changed)}"


@dataclass(slots=True)
class Report:
    """How a PF's VFs stand after a pass."""

    vfs: int = 0
    in_sync: int = 0
    drifted: int = 0
    """How many settings somebody else had changed."""
    refused: int = 0
    """How many settings the driver does not take."""
    retry: bool = False
    """Whether something failed that may succeed a moment later."""
    actions: list[Action] = field(default_factory=list)


class Reconciler:
    """Remembers what each VF's settings came to, so as to tell news from drift, and refusals from faults."""

    def __init__(self, kernel: Kernel, journal: Journal) -> None:
        self._kernel = kernel
        self._journal = journal
        self._settled: dict[_Knob, Settings] = {}
        self._refused: dict[_Knob, Settings] = {}

    def reconcile(self, pf: str, wanted: Mapping[str, Settings], *, again: bool, dry_run: bool = False) -> Report:
        """Make the VFs of *pf* what is *wanted* of them, by name.

        :param again: try once more what was refused.
        :raises KernelError: if the PF cannot be read.
        """
        states = self._kernel.vfs(pf)
        todo = self._differences(pf, states, wanted)
        report = Report(vfs=len(states))
        if dry_run:
            report.actions = todo
            left = todo
        else:
            settled = dict(self._settled)
            done = [action for action in todo if self._act(pf, action, report, again=again)]
            # Once more, always: some drivers say yes and do nothing.
            left = self._differences(pf, self._kernel.vfs(pf), wanted) if done else todo
            self._judge(done, {action.key for action in left}, settled, report)
        report.in_sync = report.vfs - len({action.vf for action in left})
        names = {vf_name(pf, state.index) for state in states}
        report.refused = sum(vf in names for vf, _ in self._refused)
        return report

    def _differences(self, pf: str, states: Sequence[VfState], wanted: Mapping[str, Settings]) -> list[Action]:
        """Return what would have to be set, and take note of what is as it should be."""
        actions = []
        for state in states:
            name = vf_name(pf, state.index)
            reported = state.config.known()
            for knob, settings in KNOBS.items() if name in wanted else ():
                key = (name, knob)
                # What is not reported is what was last set, else what cards start with.
                last = self._settled.get(key, AT_START)
                actual = {setting: reported.get(setting, last[setting]) for setting in settings}
                # A setting that the tree does not know stays what it is, also where it is set together with one.
                want = {setting: wanted[name].get(setting, actual[setting]) for setting in settings}
                if want == actual:
                    self._settled[key] = want
                    self._refused.pop(key, None)
                    self._journal.settle(" ".join(key))
                else:
                    actions.append(Action(name, state.index, knob, want, actual))
        return actions

    def _act(self, pf: str, action: Action, report: Report, *, again: bool) -> bool:
        """Set something, and tell whether the driver took it."""
        key = action.key
        if self._refused.get(key) == action.new and not again:
            return False
        try:
            self._kernel.set_vf(pf, action.index, action.new)
        except KernelError as error:
            if error.transient or (action.knob == "rate" and not self._has_carrier(pf)):
                report.retry = True
            else:
                self._refused[key] = action.new
            self._journal.once(" ".join(key), f"{action} is refused: {error}")
            return False
        self._settled[key] = action.new
        return True

    def _has_carrier(self, pf: str) -> bool:
        """Tell whether a PF's link works. Before that, some drivers take no rate: they do not know its speed."""
        state = self._kernel.pf(pf)
        return state is None or state.carrier

    def _judge(
        self, done: Sequence[Action], left: set[_Knob], settled: Mapping[_Knob, Settings], report: Report
    ) -> None:
        """Say what became of what was set; *settled* is what each setting had come to before."""
        for action in done:
            key = action.key
            if key in left:
                self._refused[key] = action.new
                self._settled.pop(key)
                self._journal.once(" ".join(key), f"{action} was taken by the driver, which did not do it")
                continue
            report.actions.append(action)
            drifted = settled.get(key) == action.new
            report.drifted += drifted
            self._journal.say(f"{action}" + (" (drifted: somebody else had changed it)" if drifted else ""), "notice")
