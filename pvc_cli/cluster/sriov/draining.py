"""Who uses the VFs of a PF, and wait until nobody does."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pvc_cli.cluster.sriov.model import list_vfs, vf_name
from pvc_cli.cluster.sriov.users import read_users
from pvc_cli.zk import ZKHandler

_GLANCE = 0.5
"""How often, in seconds, to look."""
_REMIND = 15.0
"""How often, in seconds, to tell who is waited for."""


class VfUser(NamedTuple):
    """A VM that uses a VF of a PF, or may."""

    vf: str
    """The VF; empty if the XML of the VM is unreadable, so that it may use any."""
    name: str
    uuid: str
    """Empty for a claim that records no VM."""
    state: str
    """That of the VM, wherever it is; empty if there is no such VM."""
    node: str
    """Where the VM is; it may have claimed a VF of another node."""
    claimed: bool
    in_xml: bool
    blocks: bool
    """Whether it must give up the VF before its PF is free: it has claimed it, or runs with it."""


def read_pf_users(handler: ZKHandler, node: str, pf: str) -> list[VfUser]:
    """Return who uses the VFs of a PF, by claim or by XML, in order of the VFs.

    :raises NotFoundError: if there is no such node.
    """
    vfs, users = list_vfs(handler, node, pf), read_users(handler, node)
    known = {user.ref.uuid: (user.ref.name, user.state, user.node) for user in users}
    # Who has claimed a VF here, and is elsewhere.
    others = list(dict.fromkeys(vf.used_by for vf in vfs if vf.used and vf.used_by and vf.used_by not in known))
    rows = handler.read_rows([(key, uuid) for key in ("domain", "domain.state", "domain.node")] for uuid in others)
    for uuid, row in zip(others, rows, strict=True):
        known[uuid] = (row[0] or uuid, row[1] or "", row[2] or "")
    found: list[VfUser] = []
    for vf in vfs:
        claimed = vf.used_by if vf.used else None
        here = [user for user in users if node in (*user.nodes, *([node] if "" in user.nodes else ()))]
        with_it = {user.ref.uuid: user for user in here if user.use_of(vf.phy, str(vf.pci))}
        if claimed is not None and claimed not in with_it:
            name, state, at = known.get(claimed, (claimed, "", ""))
            found.append(VfUser(vf.phy, name, claimed, state, at, claimed=True, in_xml=False, blocks=True))
        for uuid, user in with_it.items():
            mine = uuid == claimed
            blocks = mine or not user.is_idle
            found.append(
                VfUser(vf.phy, user.ref.name, uuid, user.state, user.node, claimed=mine, in_xml=True, blocks=blocks)
            )
    found += [
        VfUser("", user.ref.name, user.ref.uuid, user.state, user.node, claimed=False, in_xml=False, blocks=True)
        for user in users
        if vfs and not (user.readable or user.is_idle)
    ]
    return found


def blocking(users: Iterable[VfUser]) -> list[VfUser]:
    """Return those of *users* that must give up a VF before the PF is free."""
    return [user for user in users if user.blocks]


def users_above(users: Iterable[VfUser], pf: str, least: int, most: int) -> list[VfUser]:
    """Return those of a PF's *users* that have, running or not, a VF with an index from *least* to below *most*.

    A running VM whose XML is unreadable may have any.
    """
    lost = {vf_name(pf, index) for index in range(least, most)}
    return [user for user in users if user.vf in lost or (lost and not user.vf)]


def wait_until_drained(
    handler: ZKHandler, node: str, pf: str, timeout: float, on_wait: Callable[[list[VfUser], float], object]
) -> list[VfUser]:
    """Wait up to *timeout* seconds until nobody uses a VF of a PF, and return who still does.

    :param on_wait: is told who does, and how many seconds are left, when that changes and every 15 seconds.
    """
    until = time.monotonic() + timeout
    before: list[VfUser] | None = None
    told = 0.0
    while True:
        left = until - (now := time.monotonic())
        users = blocking(read_pf_users(handler, node, pf))
        if not users or left <= 0:
            return users
        if users != before or now - told >= _REMIND:
            on_wait(users, left)
            before, told = users, now
        time.sleep(min(_GLANCE, left))
