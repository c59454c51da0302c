"""Warn of SR-IOV agents that do nothing now."""

from pvc_cli.cluster.sriov.agents import Agents
from pvc_cli.output.writer import Output

SET_IS_KEPT = "what was set is kept, and applied once an agent runs there"


def warn_of_agents(output: Output, agents: Agents, what: str) -> None:
    """Warn of each of *agents* that does nothing now, and say *what* that means."""
    for agent in agents.values():
        if agent.trouble:
            output.warning(f"{agent.trouble}: {what}")
