"""Drain a PF of this node, give it the configured number of VFs, and say what became of it."""

from collections.abc import Sequence
from pathlib import Path

from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.agent.resize import Sizes, read_sizes, require_resizable, resize
from pvc_cli.cluster.documents import items_document
from pvc_cli.cluster.sriov.draining import VfUser, blocking, read_pf_users
from pvc_cli.cluster.sriov.model import find_pf
from pvc_cli.commands._common.progress import confirm
from pvc_cli.commands.network.sriov.agent._agent import make_agent
from pvc_cli.commands.network.sriov.pf._draining import count, show_users, still_used, wait
from pvc_cli.commands.network.sriov.pf._here import require_here
from pvc_cli.errors import EXIT_REFUSED, PvcError
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler


def resize_pf(
    output: Output,
    handler: ZKHandler,
    node: str,
    name: str,
    config: Path | None,
    timeout: float,
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    """Drain and resize a PF, and return the exit code."""
    require_here(handler, node, "drain", node, name, "--resize")
    find_pf(handler, node, name)
    with LinuxKernel() as kernel:
        agent = make_agent(kernel, node, config)
        sizes = read_sizes(kernel, agent.config, name)
        users = read_pf_users(handler, node, name)
        if sizes.differ:
            require_resizable(handler, node, sizes)
        if output.tabular:  # people see for whom it waits, and what they agree to; a document says how it ended
            show_users(output, node, name, users)
        if not sizes.differ:
            _show(output, node, sizes, users, "unchanged", f"it has {sizes.present} VFs already", dry_run=dry_run)
            output.message(f"{node}/{name}: unchanged: it has {sizes.present} VFs, as configured.")
            return 0
        if dry_run:
            _show(output, node, sizes, users, "changed", dry_run=True)
            left = blocking(users)
            first = f"wait for {count(left)}, then " if left and sizes.present else ""
            output.message(f"{node}/{name}: would {first}{_plan(sizes)}.")
            return 0
        if sizes.present:
            confirm(f"Resize {node}/{name}: {_plan(sizes)}?", yes=yes)
            users = wait(output, handler, node, name, timeout)
            if left := blocking(users):
                reason = still_used(left, timeout)
                _show(output, node, sizes, users, "refused", reason)
                output.error(f"{node}/{name}: not resized: {reason}")
                return EXIT_REFUSED
        try:
            later = resize(handler, agent, sizes, timeout, handler.announce_change)
        except PvcError as error:
            _show(output, node, sizes, users, "failed", str(error))
            output.error(str(error))
            return error.exit_code
    _show(output, node, sizes, users, "changed")
    output.message(f"{node}/{name}: resized {sizes.present} -> {sizes.wanted}.")
    if later:
        output.error(f"{count(later)} got a VF of {name} while they were replaced: check with 'pvc sriov vf audit'")
        return EXIT_REFUSED
    return 0


def _plan(sizes: Sizes) -> str:
    destroy = f"destroy {sizes.present} VFs" if sizes.present else ""
    return " and ".join(filter(None, (destroy, f"create {sizes.wanted}" if sizes.wanted else "")))


def _show(
    output: Output,
    node: str,
    sizes: Sizes,
    users: Sequence[VfUser],
    status: str,
    reason: str = "",
    *,
    dry_run: bool = False,
) -> None:
    """Show how it ended, to programs."""
    if output.tabular:
        return
    changes = {"vfs": {"old": sizes.present, "new": sizes.wanted}}
    item = {
        "name": f"{node}/{sizes.phy}",
        "status": status,
        **({"reason": reason} if reason else {}),
        **({"changes": changes} if status == "changed" else {}),
    }
    more = {**({"dry_run": True} if dry_run else {}), **items_document([item])}
    show_users(output, node, sizes.phy, users, more)
