"""Hold a change of VMs to the filters that selected them: time passes, and others change what these judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from pvc_cli.cluster.together import begin
from pvc_cli.cluster.vms.filters import Filters, match_hardware, match_tags, match_value
from pvc_cli.cluster.vms.query import VmRef, network_words
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.zk import Transaction, ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.execute import Step

NO_LONGER = "the filters no longer match it"
_CHUNK = 500
_StepT = TypeVar("_StepT", bound="Step")
_Plan = Callable[[ZKHandler, Sequence[VmRef]], list[_StepT]]
_Verdict = Transaction | None
"""What guards that a VM matches; None if it does not."""


def while_meant(
    plan: _Plan[_StepT], filters: Filters, refused: Callable[[ZKHandler, _StepT], _StepT]
) -> _Plan[_StepT]:
    """Return *plan* for VMs that *filters* selected by what they are like; those that no longer match are refused.

    What the filters judge is read while the plan reads, so that nobody waits for it, and guards the change. That a VM
    lacks a tag is judged then, but cannot be guarded. Names and patterns were judged once: a VM may be renamed.

    :param refused: returns a step that changes nothing, for one of the plan.
    """
    if filters._replace(pattern=None, names=(), negate=False) == Filters():
        return plan

    def planned(handler: ZKHandler, vms: Sequence[VmRef]) -> list[_StepT]:
        judged = begin(handler, lambda: _judge(handler, vms, filters))
        steps = plan(handler, vms)
        if not any(step.transaction.ops for step in steps):
            return steps
        held = []
        for step, verdict in zip(steps, judged(), strict=True):
            if step.transaction.ops and verdict is None:
                held.append(refused(handler, step))
                continue
            if step.transaction.ops and verdict:
                # First: what is changed after it may be what it guards.
                step.transaction.ops[:0] = verdict.ops
            held.append(step)
        return held

    return planned


def _judge(handler: ZKHandler, vms: Sequence[VmRef], filters: Filters) -> list[_Verdict]:
    """Return of each of *vms* whether *filters* match it, as far as they judge what it is like."""
    judges = [
        begin(handler, lambda judge=judge: list(judge(handler, vms, filters)))  # type: ignore[misc]
        for judge, is_set in (
            (_by_values, filters.nodes or filters.states),
            (_by_tags, filters.tags or filters.without_tags),
            (_by_hardware, filters.needs_xml),
        )
        if is_set
    ]
    return [_all(handler, verdicts) for verdicts in zip(*(wait() for wait in judges), strict=True)]


def _all(handler: ZKHandler, verdicts: Sequence[_Verdict]) -> _Verdict:
    whole = handler.transaction()
    for verdict in verdicts:
        if verdict is None:
            return None
        whole.ops += verdict.ops
    return whole


def _by_values(handler: ZKHandler, vms: Sequence[VmRef], filters: Filters) -> Iterator[_Verdict]:
    pairs = [
        (key, words) for key, words in (("domain.node", filters.nodes), ("domain.state", filters.states)) if words
    ]
    found = iter(handler.get_znodes((key, vm.uuid) for vm in vms for key, _ in pairs))
    for vm in vms:
        guards, fits = handler.transaction(), True
        for key, words in pairs:
            znode = next(found)
            guards.guard((key, vm.uuid), znode)
            fits &= match_value(znode.text if znode else "", words) != filters.negate
        yield guards if fits else None


def _by_tags(handler: ZKHandler, vms: Sequence[VmRef], filters: Filters) -> Iterator[_Verdict]:
    wanted = [] if filters.negate else [word for word in filters.tag_words if not word.startswith("!")]
    for vm, tags in zip(vms, handler.children_many((CONTAINER, vm.uuid) for vm in vms), strict=True):
        guards = handler.transaction()
        for tag in tags or ():
            if any(tag == word or fnmatchcase(tag, word) for word in wanted):
                guards.check((CONTAINER, vm.uuid, "tag", tag))
        yield guards if match_tags(tags or (), filters) else None


def _by_hardware(handler: ZKHandler, vms: Sequence[VmRef], filters: Filters) -> Iterator[_Verdict]:
    # Imported here: few filters look into XML.
    from pvc_cli.cluster.vms import hardware

    if filters.networks:
        filters = filters._replace(networks=network_words(handler, filters.networks))
    for start in range(0, len(vms), _CHUNK):
        chunk = vms[start : start + _CHUNK]
        for vm, znode in zip(chunk, handler.get_znodes(("domain.xml", vm.uuid) for vm in chunk), strict=True):
            guards = handler.transaction()
            try:
                fits = match_hardware(hardware.parse(znode.text if znode else ""), filters)
            except hardware.BrokenXmlError:
                fits = False
            if znode:
                guards.check(("domain.xml", vm.uuid), znode.version)
            yield guards if fits else None
