"""Look, once VFs are claimed, whether a VM that has one came to its node meanwhile.

No znode tells which VMs are on a node: that one comes cannot be guarded against.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.sharing import REPAIR, InUseError, SharingError, others_than, refuse_sharing
from pvc_cli.cluster.sriov.usage import Claimed, Usage, claims_of, usage_keys
from pvc_cli.cluster.sriov.users import Crowd, User, read_arrived
from pvc_cli.errors import ConflictError, PvcError, RefusedError
from pvc_cli.zk import Key, Transaction, ZKHandler


class ArrivedError(ConflictError):
    """A VM came that has a VF which was claimed meanwhile, and the claim stays."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """The lookout of transactions that claim VFs: takes back a claim of a VF that a VM brought into its XML."""

    handler: ZKHandler
    crowds: Mapping[str, Crowd]
    """By node: the VMs that the claims were judged on."""
    usages: Mapping[VfRef, Usage]
    """How each VF was used."""
    advice: str = "stop or move that VM first"
    """What to do once a claim was taken back."""

    def look(self, committed: Sequence[Transaction]) -> list[PvcError | None]:
        """Return of each of *committed* what was taken back, could not be, or could not be checked."""
        claims = [[*claims_of(self.handler, _values(one), self.usages)] for one in committed]
        nodes = dict.fromkeys(claim.vf.node for some in claims for claim in some)
        if not nodes:
            return [None] * len(committed)
        try:
            arrived = read_arrived(self.handler, [self.crowds[node] for node in nodes])
        except PvcError as error:
            return [_unchecked(error, some) if some else None for some in claims]
        return [self._judge(one, some, arrived) for one, some in zip(committed, claims, strict=True)]

    def _judge(
        self, transaction: Transaction, claims: Sequence[Claimed], arrived: Mapping[str, Sequence[User]]
    ) -> PvcError | None:
        for vf, holder, pci in claims:
            try:
                refuse_sharing(others_than(arrived[vf.node], holder), vf, pci)
            except SharingError as error:
                return self._take_back(transaction, claims, vf, error)
        return None

    def _take_back(
        self, transaction: Transaction, claims: Sequence[Claimed], vf: VfRef, error: SharingError
    ) -> PvcError:
        """Take a transaction back if it does nothing but claim: daemons act on a move at once."""
        keys: list[Key] = [key for claim in claims for key in usage_keys(claim.vf)[1:]]
        keys += [("domain.meta.migrate_method", claim.holder) for claim in claims]
        own = {*self.handler.schema.paths(keys)}
        if not all(change.path in own and change.action in ("create", "set") for change in transaction.changes):
            holder = next(claim.holder for claim in claims if claim.vf == vf)
            try:
                name = self.handler.read(("domain", holder)) or holder
            except PvcError:
                name = holder
            both = "both" if isinstance(error, InUseError) else "may both"
            return ArrivedError(
                f"done, but {error}: it came to the node meanwhile, and it and VM {name} {both} have the VF now; move"
                f" one of them, and see {_audit(vf)}"
            )
        try:
            transaction.inverse().commit()
        except PvcError:
            return ArrivedError(
                f"{error}: it came to the node meanwhile, and what was claimed could not be released again: see"
                f" {_audit(vf)}"
            )
        kind = InUseError if isinstance(error, InUseError) else RefusedError
        why = f"{error}: it came to the node meanwhile, and the claim was taken back"
        return kind(f"{why}; {self.advice if kind is InUseError else REPAIR}")


def _unchecked(error: PvcError, claims: Sequence[Claimed]) -> PvcError:
    """Return what became of *claims* whose look failed with *error*: another one of its kind."""
    vf = claims[0].vf
    more = f" (and {len(claims) - 1} more)" if len(claims) > 1 else ""
    unchecked = copy(error)
    unchecked.args = (
        f"{vf}{more} is claimed, but could not check whether a VM that has it came to the node meanwhile ({error}):"
        f" see {_audit(vf)}",
    )
    return unchecked


def _audit(vf: VfRef) -> str:
    return f"'pvc sriov vf audit {vf.node}'"


def _values(transaction: Transaction) -> dict[str, bytes]:
    """Return what a transaction has changed in the end, by path, but for what it has deleted."""
    last = {change.path: change for change in transaction.changes}
    return {path: (change.value or "").encode() for path, change in last.items() if change.action != "delete"}
