"""Judge claims that were decided earlier, by a plan or by what is undone: another VM may have the VF since then."""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from pvc_cli.cluster.sriov.arrivals import Arrivals
from pvc_cli.cluster.sriov.sharing import SharingError, judge_others
from pvc_cli.cluster.sriov.usage import Usage, claimed_vfs, claims_of, usage_keys
from pvc_cli.cluster.sriov.users import Guard, read_crowd
from pvc_cli.zk import Transaction, ZKHandler


class Verdict(NamedTuple):
    """Whether VFs may be claimed that a change claims."""

    why: SharingError | None = None
    """Why not; None if they may, or if it claims none."""
    guards: Sequence[Guard] = ()
    """What must not change for that."""
    arrivals: Arrivals | None = None
    """Looks afterwards who came."""

    def guard(self, transaction: Transaction) -> None:
        """Make *transaction* hold only while the verdict does."""
        for guard in self.guards:
            transaction.guard(*guard)
        transaction.lookout = self.arrivals


def judge_claims(
    handler: ZKHandler, values: Sequence[Mapping[str, bytes]], known: Sequence[Container[str]]
) -> list[Verdict]:
    """Judge what several changes claim, by the VMs that are on the nodes now; nothing is read if they claim nothing.

    :param values: what each change sets, by path.
    :param known: by their XML's path, the VMs that each change has judged itself and is guarded by.
    """
    vfs = list(dict.fromkeys(vf for one in values for vf in claimed_vfs(handler, one)))
    if not vfs:
        return [Verdict()] * len(values)
    found = iter(handler.get_znodes(key for vf in vfs for key in usage_keys(vf)))
    usages = {vf: Usage.of(vf, [next(found) for _ in usage_keys(vf)]) for vf in vfs}
    crowds = {node: read_crowd(handler, node) for node in dict.fromkeys(vf.node for vf in vfs)}
    arrivals = Arrivals(handler, crowds, usages)
    users = [user for crowd in crowds.values() for user in crowd.users]
    paths = {user.ref.uuid: handler.schema.path(user.xml_guard[0]) for user in users}
    verdicts = []
    for one, judged in zip(values, known, strict=True):
        guards: list[Guard] = []
        try:
            for vf, holder, pci in claims_of(handler, one, usages):
                others = [
                    user
                    for user in crowds[vf.node].users
                    if user.ref.uuid != holder and paths[user.ref.uuid] not in judged
                ]
                guards += judge_others(others, vf, pci)
            verdicts.append(Verdict(None, guards, arrivals))
        except SharingError as error:
            verdicts.append(Verdict(error))
    return verdicts
