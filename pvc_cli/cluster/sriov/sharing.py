"""Who else uses a VF: PVC claims none when it defines a VM, so that claims alone do not tell."""

from collections.abc import Iterable, Sequence

from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.users import Guard, User
from pvc_cli.errors import RefusedError


class InUseError(RefusedError):
    """A VF is used by another VM."""


def judge_others(others: Sequence[User], vf: VfRef, pci: str) -> list[Guard]:
    """Return what must not change for a VF to be held by none of *others*: it may come into the XML of any of them.

    :raises InUseError: if one holds it.
    :raises RefusedError: if that cannot be told.
    """
    refuse_sharing(others, vf, pci)
    return guard_others(others, vf, pci)


def guard_others(others: Iterable[User], vf: VfRef, pci: str) -> list[Guard]:
    """Return what must not change for each of *others* to use, or not to use, a VF as it does now."""
    return [guard for user in others for guard in (user.guards if _may_have(user, vf, pci) else [user.xml_guard])]


def guard_sharers(others: Iterable[User], vf: VfRef, pci: str) -> list[Guard]:
    """Return what must not change about those of *others* that a claim is forced over."""
    return [guard for user in others if _may_have(user, vf, pci) for guard in user.guards]


def refuse_sharing(others: Iterable[User], vf: VfRef, pci: str) -> None:
    """Check that none of *others* holds a VF.

    :raises InUseError: if one does.
    :raises RefusedError: if that cannot be told.
    """
    instead = f"choose another with 'pvc sriov vf list {vf.node} --unused', or override with --force"
    for user in others:
        if not user.may_hold(vf):
            continue
        if user.use_of(vf.phy, pci):
            raise InUseError(
                f"{vf} is in use by VM {user.ref.name} ({user.ref.uuid}), which has it in its XML without a"
                f" claim and is in state {user.state}: {instead}"
            )
        if not user.readable:
            raise RefusedError(
                f"cannot tell whether {vf} is free: the XML of VM {user.ref.name}, which is in state {user.state}"
                f" there, is unreadable: {instead}"
            )


def others_than(users: Iterable[User], uuid: str) -> Sequence[User]:
    """Return *users* without the VM with this UUID."""
    return [user for user in users if user.ref.uuid != uuid]


def _may_have(user: User, vf: VfRef, pci: str) -> bool:
    return not user.readable or user.use_of(vf.phy, pci) is not None
