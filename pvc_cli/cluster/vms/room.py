"""Room on nodes: what one command gives to them, before their own figures show it."""

from collections import defaultdict
from typing import NamedTuple

from pvc_cli.cluster.vms.query import VmRef


class Given(NamedTuple):
    """What a node was given: memory in MiB, vCPUs, and how many VMs."""

    memory: int = 0
    vcpus: int = 0
    vms: int = 0

    def plus(self, other: "Given", sign: int = 1) -> "Given":
        """Return the sum of both, or the difference with a negative *sign*."""
        return Given(*(mine + sign * its for mine, its in zip(self, other, strict=True)))


class Room:
    """What one command has given to each node so far. A node's own figures show it only some seconds later."""

    def __init__(self) -> None:
        self._given: dict[VmRef, tuple[str, Given]] = {}
        self._totals: defaultdict[str, Given] = defaultdict(Given)

    def copy(self) -> "Room":
        """Return one that goes on by itself."""
        other = Room()
        other._given, other._totals = dict(self._given), self._totals.copy()
        return other

    def take(self, vm: VmRef, node: str, memory: int, vcpus: int) -> None:
        """Note that *vm* goes to *node*; what it was given before is free again."""
        if vm in self._given:
            before, size = self._given[vm]
            self._totals[before] = self._totals[before].plus(size, -1)
        self._given[vm] = (node, Given(memory, vcpus, 1))
        self._totals[node] = self._totals[node].plus(self._given[vm][1])

    def given(self, node: str, besides: VmRef) -> Given:
        """Return what VMs other than *besides* were given on *node*."""
        at, size = self._given.get(besides, ("", Given()))
        return self._totals[node].plus(size, -1) if at == node else self._totals[node]
