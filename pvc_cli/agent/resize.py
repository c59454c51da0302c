"""Give a PF the configured number of VFs, where it has another one: all that it has are removed for that."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass

from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.kernel import Kernel, KernelError, cannot_create
from pvc_cli.agent.lease import OtherAgentError
from pvc_cli.cluster.sriov.agents import read_agents
from pvc_cli.cluster.sriov.draining import VfUser, blocking, read_pf_users
from pvc_cli.cluster.sriov.model import list_vfs, vf_name
from pvc_cli.cluster.sriov.report import read_reports
from pvc_cli.errors import NotFoundError, PvcError, RefusedError, quoted
from pvc_cli.zk import ZKHandler

_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_GLANCE = 0.2
_CHOOSE = "choose another number with 'pvc sriov pf set'"
_STEADY = 10.0
"""Seconds for which a wrong number of VFs may be a step on the way to the right one."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many VFs a PF has, and how many are configured."""

    phy: str
    present: int
    wanted: int

    @property
    def differ(self) -> bool:
        """Whether there is anything to do."""
        return self.present != self.wanted


def require_configured(config: NodeConfig, phy: str) -> int:
    """Return how many VFs a PF is to have.

    :raises NotFoundError: if it is not configured.
    :raises RefusedError: if the agent leaves SR-IOV alone.
    """
    counts = {device.phy: device.vfcount for device in config.devices}
    if phy not in counts:
        raise NotFoundError(
            f"{config.path} has no device {quoted(phy)} in guest_networking.sriov_device: add it there first"
        )
    if not config.enabled:
        raise RefusedError(f"SR-IOV is disabled: {config.path} has {config.disabled_by}; enable it first")
    return counts[phy]


def require_fits(kernel: Kernel, phy: str, count: int) -> None:
    """Check that a card can have so many VFs, as far as it tells.

    :raises RefusedError: if it cannot.
    """
    most = kernel.most_vfs(phy)
    if most is not None and count > most:
        raise RefusedError(f"{phy} can have {most} VFs at most (sriov_totalvfs), not {count}: choose fewer")


def read_sizes(kernel: Kernel, config: NodeConfig, phy: str) -> Sizes:
    """Return how many VFs a PF has and is to have.

    :raises NotFoundError: if it is not configured.
    :raises RefusedError: if it cannot have them, or the agent leaves SR-IOV alone.
    :raises KernelError: if the kernel fails.
    """
    wanted = require_configured(config, phy)
    state = kernel.pf(phy)
    if state is None or state.vfs is None:
        lack = "this node has no such device" if state is None else "the device does not support SR-IOV"
        raise RefusedError(f"cannot resize {phy}: {lack}; see 'ip link' and {config.path}")
    require_fits(kernel, phy, wanted)
    return Sizes(phy, state.vfs, wanted)


def require_resizable(handler: ZKHandler, node: str, sizes: Sizes) -> None:
    """Check that the tree tells who uses a card's VFs, and that the agent that runs, if one does, would create VFs.

    :raises RefusedError: if not.
    """
    known = {vf.phy for vf in list_vfs(handler, node, sizes.phy)}
    lacking = [name for index in range(sizes.present) if (name := vf_name(sizes.phy, index)) not in known]
    if lacking:
        raise RefusedError(
            f"cannot tell who uses {lacking[0]}: {len(lacking)} VFs of {sizes.phy} are not registered; run 'pvc sriov"
            " agent sync' first, or see why the agent does not register them"
        )
    agent = read_agents(handler, [node])[node]
    if agent.state == "silent":
        raise RefusedError(
            f"{agent.trouble}, and would not create the VFs: restart it first, 'systemctl restart pvc-sriov-agent'"
        )


def resize(
    handler: ZKHandler, agent: Agent, sizes: Sizes, timeout: float, on_change: Callable[[], object]
) -> list[VfUser]:
    """Remove a PF's VFs, and have the configured number created: by the agent that runs here, else by *agent*.

    :param timeout: how long, in seconds, to wait for the agent that runs.
    :param on_change: is called before the card is changed.
    :returns: who uses its VFs now: somebody may have claimed one meanwhile.
    :raises RefusedError: if a VF is or may be used, and nothing was changed; or if the card lacks the VFs then.
    """
    node, phy = agent.node, sizes.phy
    require_resizable(handler, node, sizes)
    runs_elsewhere = _is_managed(handler, agent)
    # Once more, at the last moment: nothing keeps claims away.
    if sizes.present and (used := blocking(read_pf_users(handler, node, phy))):
        names = ", ".join(dict.fromkeys(user.name or "?" for user in used))
        agent.lease.release()
        raise RefusedError(f"{node}/{phy} was drained, but is used again, by {names}: not resized; rerun")
    on_change()
    try:
        removed_at = time.time()
        if sizes.present:
            _remove(agent.kernel, phy)
        if runs_elsewhere:
            _wait_for_agent(handler, agent, sizes, removed_at, timeout)
        else:
            _create(handler, agent, sizes)
    except PvcError as error:
        raise _failed(agent, sizes, error) from None
    return blocking(read_pf_users(handler, node, phy))


def _is_managed(handler: ZKHandler, agent: Agent) -> bool:
    """Tell whether another agent manages the node; if none does, it is ours from now on."""
    try:
        agent.lease.hold(handler)
    except OtherAgentError:
        return True
    return False


def _remove(kernel: Kernel, phy: str) -> None:
    try:
        kernel.remove_vfs(phy)
    except KernelError as error:
        what_next = "run this as root" if error.code in _DENIED else "see 'dmesg', then rerun"
        raise RefusedError(f"{error}: {what_next}") from None


def _create(handler: ZKHandler, agent: Agent, sizes: Sizes) -> None:
    """Do what `agent sync` does."""
    agent.reconcile_node(handler)
    card = next(card for card in agent.memory.cards if card.device.phy == sizes.phy)
    if not card.healthy or card.count != sizes.wanted:
        problems = "; ".join(card.problems.values())
        raise RefusedError(f"{problems or 'its VFs are not there'}: {_CHOOSE}")


def _wait_for_agent(handler: ZKHandler, agent: Agent, sizes: Sizes, removed_at: float, timeout: float) -> None:
    """Wait until the card has the configured number of VFs, all of which can be read."""
    kernel, phy = agent.kernel, sizes.phy
    deadline = time.monotonic() + timeout
    before: int | None = None
    since = time.monotonic()
    while True:
        state = kernel.pf(phy)
        now, count = time.monotonic(), state.vfs if state else None
        if count == sizes.wanted:
            try:
                kernel.vfs(phy)
            except KernelError as error:
                if not error.transient or now >= deadline:
                    raise
            else:
                return
        if count != before:
            before, since = count, now
        problems = _problems(handler, agent.node, phy, removed_at)
        for problem in problems:
            if problem.startswith(cannot_create(phy, sizes.wanted)):
                raise RefusedError(f"{problem}; the agent keeps trying: {_CHOOSE}")
        if now >= deadline or (count not in (0, sizes.wanted) and now - since >= _STEADY):
            said = "; ".join(problems) or "the agent has reported nothing since"
            raise RefusedError(f"{said}: see 'journalctl -u pvc-sriov-agent', then rerun")
        time.sleep(_GLANCE)


def _problems(handler: ZKHandler, node: str, phy: str, after: float) -> tuple[str, ...]:
    """Return what the agent reported of a PF since *after*, in seconds since the epoch."""
    report = read_reports(handler, [node])[node]
    if report is None or report.agent.heartbeat <= after or phy not in report.pfs:
        return ()
    return report.pfs[phy].problems


def _failed(agent: Agent, sizes: Sizes, error: PvcError) -> PvcError:
    """Return *error* as that of a resizing, which tells how many VFs the card has now."""
    try:
        state = agent.kernel.pf(sizes.phy)
        now = state.vfs if state and state.vfs is not None else None
    except KernelError:
        now = None
    has = "how many VFs it has now is unknown" if now is None else f"it has {now} VFs now"
    text = f"{agent.node}/{sizes.phy}: not resized from {sizes.present} to {sizes.wanted} VFs, {has}: {error}"
    failed = RefusedError(text)
    failed.exit_code = error.exit_code
    return failed
