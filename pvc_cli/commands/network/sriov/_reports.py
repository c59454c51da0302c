"""What the agents report of PFs and VFs, for people."""

import time
from collections.abc import Mapping, Sequence

from pvc_cli.cluster.sriov.agents import Agent, Agents
from pvc_cli.cluster.sriov.applied import Applied
from pvc_cli.cluster.sriov.model import Vf, VfRef
from pvc_cli.cluster.sriov.report import PfReport, VfReport
from pvc_cli.commands._common.times import age_text, time_text
from pvc_cli.errors import ConflictError, PvcError, RefusedError, UnreachableError
from pvc_cli.output.cells import Cell, known
from pvc_cli.output.writer import Output

STATE_COLOURS = {"in_sync": "green", "refused": "red", "drifted": "yellow", "missing": "red", "orphaned": "yellow"}
_NOTHING = Cell("", value=None)


def word(value: object) -> str:
    """Return a setting as text."""
    return ("off", "on")[value] if isinstance(value, bool) else known(value)


def state_cell(agent: Agent, report: VfReport | None) -> Cell:
    """Return the state of a VF; that of its node's agent, if that no longer looks after it."""
    if agent.report is None or report is None:
        return _NOTHING
    if agent.trouble:
        return Cell(agent.state, "yellow")
    return Cell(report.state.replace("_", " "), STATE_COLOURS[report.state])


def pf_cell(agent: Agent, report: PfReport | None) -> Cell:
    """Return what is most wrong with a PF, in few words; the state of its node's agent as :func:`state_cell` does."""
    if agent.report is None or report is None:
        return _NOTHING
    if agent.trouble:
        return Cell(agent.state, "yellow")
    missing = report.wanted - report.present
    for count, kind in ((missing, "missing"), (report.refused, "refused"), (report.drifted, "drifted")):
        if count > 0:
            return Cell(f"{count} {kind}", STATE_COLOURS[kind])
    return Cell("in sync", "green") if report.healthy else Cell("failed", "red")


def explain(vf: Vf, report: VfReport) -> str:
    """Return what is wrong with a VF, in one line; empty if nothing is."""
    if report.state == "missing":
        return "configured, but the card does not have it"
    if report.state == "orphaned":
        return "neither configured nor on the card"
    names = dict.fromkeys((*report.refused, *report.seen))
    return "; ".join(f"{name} {explain_setting(vf, report, name)}" for name in names) or (
        "not compared yet" if report.state == "drifted" else ""
    )


def explain_setting(vf: Vf, report: VfReport, name: str) -> str:
    """Return what the card has in place of a setting that is wanted, and why, as far as that was reported."""
    parts = [f"refused: {report.refused[name]}"] if name in report.refused else []
    if name in report.seen:
        wanted, seen = getattr(vf.config, name, None), word(report.seen[name])
        parts.append(
            f"stays {seen}" if parts else f"is {seen}" if wanted is None else f"is {seen}, not {word(wanted)}"
        )
    return "; ".join(parts)


def agent_fields(agent: Agent) -> list[tuple[str, str | Cell]]:
    """Return the lines that tell how much can be given on what an agent reports."""
    state = Cell(agent.trouble, "red" if agent.report else "") if agent.trouble else Cell("running", "green")
    fields: list[tuple[str, str | Cell]] = [("Agent", state)]
    if agent.report:
        heartbeat = agent.report.agent.heartbeat
        fields.append(("Reported", f"{time_text(heartbeat)} ({age_text(time.time() - heartbeat)} ago)"))
    return fields


def shortfalls(applied: Sequence[Applied], agents: Agents, waited: float) -> dict[VfRef, PvcError]:
    """Return of each VF whose card does not have what was set why that is so."""
    return {one.vf: _shortfall(one, agents, waited) for one in applied if not one.done}


def _shortfall(one: Applied, agents: Agents, waited: float) -> PvcError:
    see = f"see 'pvc sriov vf info {one.vf.node} {one.vf.phy}'"
    if one.deleted:
        return ConflictError(f"deleted by another client before the card was known to have it; {see}")
    if one.overruled:
        now = ", ".join(f"{setting} is {word(value)} now" for setting, value in one.overruled.items())
        return ConflictError(f"changed again by another client: {now}; {see}")
    if one.state is None:
        agent = agents[one.vf.node]
        why = agent.trouble or "its agent has not reported since the change"
        within = "" if agent.is_absent else f" within {waited:g} s"
        return UnreachableError(f"no answer{within}: {why}; the setting is kept")
    return RefusedError(f"{_failure(one, waited)}; {see}")


def show_applied(output: Output, applied: Sequence[Applied], short: Mapping[VfRef, PvcError]) -> int:
    """Say what the cards made of what was set, and return the exit code."""
    for one in applied:
        name = one.vf.name
        if one.vf in short:
            output.error(f"{name}: {short[one.vf]}")
            continue
        output.message(f"{name}: the card has it.")
        if one.others:
            see = f"see 'pvc sriov vf info {one.vf.node} {one.vf.phy}'"
            output.warning(f"{name}: not as wanted, as before: {', '.join(one.others)}; {see}")
    return max((error.exit_code for error in short.values()), default=0)


def _failure(one: Applied, waited: float) -> str:
    if one.refused:
        return f"refused: {', '.join(f'{name}: {why}' for name, why in one.refused.items())}"
    if one.seen:
        seen = ", ".join(f"{name} is {word(value)}" for name, value in one.seen.items())
        return f"not applied within {waited:g} s: {seen}"
    return f"not applied: the VF is {one.state}, and set once the card has it"
