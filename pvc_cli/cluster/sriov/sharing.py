"""Who else uses a VF: PVC claims none when it defines a VM, so that claims alone do not tell."""

from collections.abc import Iterable, Sequence

from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.users import Guard, User
from pvc_cli.errors import RefusedError

REPAIR = "repair its XML first"
"""What to do where it cannot be told what a VM has."""


class InUseError(RefusedError):
    """A VF is used by another VM."""


class SharingError(RefusedError):
    """A VF is, or may be, in a VM's XML without a claim: tells why, and leaves it to the caller what to do."""

    def advise(self, in_use: str, unreadable: str = REPAIR) -> str:
        """Return the message with what to do: where a VM has the VF, or where its XML is unreadable."""
        return f"{self}: {unreadable if isinstance(self, UnreadableError) else in_use}"


class SharedError(SharingError, InUseError):
    """A VM has the VF in its XML."""


class UnreadableError(SharingError):
    """A VM may have the VF in its XML."""


def judge_others(others: Sequence[User], vf: VfRef, pci: str) -> list[Guard]:
    """Return what must not change for a VF to be held by none of *others*: it may come into the XML of any of them.

    :raises SharingError: if one holds it, or that cannot be told.
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

    :raises SharingError: if one does, or that cannot be told.
    """
    for user in others:
        if not user.may_hold(vf):
            continue
        if user.use_of(vf.phy, pci):
            raise SharedError(
                f"{vf} is in use by VM {user.ref.name} ({user.ref.uuid}), which has it in its XML without a"
                f" claim and is in state {user.state}"
            )
        if not user.readable:
            raise UnreadableError(
                f"cannot tell whether {vf} is free: the XML of VM {user.ref.name}, which is in state {user.state}"
                " there, is unreadable"
            )


def others_than(users: Iterable[User], uuid: str) -> Sequence[User]:
    """Return *users* without the VM with this UUID."""
    return [user for user in users if user.ref.uuid != uuid]


def _may_have(user: User, vf: VfRef, pci: str) -> bool:
    return not user.readable or user.use_of(vf.phy, pci) is not None
