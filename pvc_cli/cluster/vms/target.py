"""Where a VM can go: the nodes, and the one that its selector prefers, as PVC chooses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pvc_cli.cluster.liveness import Fencing, fencing_of
from pvc_cli.cluster.memory import gibibytes
from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.values import natural_key, parse_float, parse_int
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.room import Room
from pvc_cli.errors import quoted
from pvc_cli.zk import Transaction, ZKHandler, Znode

_STATES = ("node.state.daemon", "node.state.domain")
_FIGURES = (
    *("node.memory.free", "node.memory.used", "node.memory.provisioned"),
    *("node.cpu.load", "node.vcpu.allocated", "node.count.provisioned_domains", "node.running_domains"),
)
_WORST = float("inf")
DEFAULT_SELECTOR = "base.config.migration_target_selector"
"""The key of the selector for VMs that have none of their own."""


@dataclass(frozen=True, slots=True)
class Host:
    """A node that a VM may go to, as it was read; memory in MiB. None is not reported."""

    name: str
    daemon: Znode | None
    domain_state: Znode | None
    free: int | None
    used: int | None
    provisioned: int | None
    load: float | None
    vcpus: int | None
    vms: int | None
    fencing: Fencing | None
    """How far PVC is with fencing it; None if its daemon is not dead."""

    @property
    def runs(self) -> bool:
        """Whether its daemon runs."""
        return text_of(self.daemon) == "run"

    @property
    def hindrance(self) -> str:
        """Why it takes no VM now, or empty."""
        if text_of(self.daemon) != "run":
            return f"the daemon of node {self.name} is in state {text_of(self.daemon) or 'unknown'}"
        if text_of(self.domain_state) != "ready":
            return f"node {self.name} is in state {text_of(self.domain_state) or 'unknown'}, not ready"
        return ""

    def guard(self, transaction: Transaction) -> None:
        """Guard *transaction* with its being ready."""
        for key, znode in zip(_STATES, (self.daemon, self.domain_state), strict=True):
            transaction.guard((key, self.name), znode)

    def lacks(self, vm: VmRef, memory: int, room: Room) -> str:
        """Return why it has not enough memory for *vm*, or nothing."""
        given = room.given(self.name, vm).memory
        if self.free is None or memory + given <= self.free:
            return ""
        needs, free, others = gibibytes(memory, self.free, given)
        taken = f", of which VMs before it take {others}" if given else ""
        return f"it needs {needs} of memory, and node {self.name} has {free} free{taken}"


def read_hosts(handler: ZKHandler) -> dict[str, Host]:
    """Return every node by name, sorted, in two batches."""
    names = sorted(handler.children("base.node") or [], key=natural_key)
    found = iter(handler.get_znodes((key, name) for name in names for key in (*_STATES, *_FIGURES)))
    hosts = {}
    for name in names:
        daemon, domain_state = next(found), next(found)
        *memory, load, vcpus, vms, running = (text_of(next(found)) for _ in _FIGURES)
        free, used, provisioned = map(parse_int, memory)
        hosts[name] = Host(
            name,
            daemon,
            domain_state,
            free,
            used,
            provisioned,
            parse_float(load),
            parse_int(vcpus),
            parse_int(vms),
            fencing_of(text_of(daemon), text_of(domain_state), running),
        )
    return hosts


def _rank(value: float | None, sign: int) -> float:
    return _WORST if value is None else sign * value


_RANKS: Mapping[str, Callable[[Host, int, int, int], float]] = {
    "mem": lambda host, memory, _vcpus, _vms: _rank(host.free, -1) + memory,
    "memprov": lambda host, memory, _vcpus, _vms: _rank(_unprovisioned(host), -1) + memory,
    "load": lambda host, _memory, _vcpus, _vms: _rank(host.load, 1),
    "vcpus": lambda host, _memory, vcpus, _vms: _rank(host.vcpus, 1) + vcpus,
    "vms": lambda host, _memory, _vcpus, vms: _rank(host.vms, 1) + vms,
}
SELECTORS = tuple(_RANKS)
"""What PVC can choose a node by."""


def has_own_selector(selector: str) -> bool:
    """Tell whether *selector*, as a VM has it, is one: else the cluster's counts."""
    return selector not in ("", "None", "none")


def _unprovisioned(host: Host) -> int | None:
    if host.used is None or host.free is None or host.provisioned is None:
        return None
    return host.used + host.free - host.provisioned


def choose_host(hosts: Sequence[Host], selector: str, remedy: str, vm: VmRef, room: Room) -> Host | str:
    """Return which of *hosts* the selector prefers, the first of equals, or why there is none.

    :param remedy: the command that sets the selector.
    :param room: what *hosts* have been given by the same command, which counts as theirs.
    """
    if selector not in _RANKS:
        return f"the node selector {quoted(selector)} is unknown: set it with '{remedy}'"
    if not hosts:
        return "no other node is allowed, runs, and is ready"
    return min(hosts, key=lambda host: _RANKS[selector](host, *room.given(host.name, vm)))
