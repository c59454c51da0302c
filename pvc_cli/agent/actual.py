"""What the kernel says of VFs, for whoever asks on the node that has them."""

from __future__ import annotations

from collections.abc import Iterable

from pvc_cli import identity
from pvc_cli.agent import linux
from pvc_cli.agent.kernel import KernelError
from pvc_cli.cluster.sriov.model import Vf, VfConfig, vf_name
from pvc_cli.errors import ConfigError


def read_actual(vfs: Iterable[Vf]) -> dict[str, VfConfig]:
    """Return the settings of those of *vfs* that this machine has, by name, as their drivers report them.

    Without pyroute2, or on another machine than the VFs' node, there is nothing to say.
    """
    here = [vf for vf in vfs if vf.node == identity.host()]
    found: dict[str, VfConfig] = {}
    if not here:
        return found
    try:
        with linux.LinuxKernel() as kernel:
            for pf in sorted({vf.pf for vf in here}):
                found |= {vf_name(pf, state.index): state.config for state in kernel.vfs(pf)}
    except (ConfigError, KernelError):
        return {}
    return {vf.phy: found[vf.phy] for vf in here if vf.phy in found}
