"""Judge claims that were decided earlier, by a plan or by what is undone: another VM may have the VF since then."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from pvc_cli.cluster.sriov.claims import Usage, usage_keys
from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.sharing import judge_others
from pvc_cli.cluster.sriov.users import Guard, read_users
from pvc_cli.errors import RefusedError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.places import locate


class Verdict(NamedTuple):
    """Whether VFs may be claimed that a change claims."""

    why: str
    """Why not; empty if they may, or if it claims none."""
    guards: Sequence[Guard] = ()
    """What must not change for that."""


def judge_claims(
    handler: ZKHandler, values: Sequence[Mapping[str, bytes]], known: Sequence[Container[str]]
) -> list[Verdict]:
    """Judge what several changes claim, by the VMs that are on the nodes now; nothing is read if they claim nothing.

    :param values: what each change sets, by path.
    :param known: by their XML's path, the VMs that each change has judged itself and is guarded by.
    """
    claims = [[*_claims(handler, one)] for one in values]
    vfs = list(dict.fromkeys(vf for one in claims for vf, _ in one))
    if not vfs:
        return [Verdict("")] * len(values)
    found = iter(handler.get_znodes(key for vf in vfs for key in usage_keys(vf)))
    usages = {vf: Usage.of(vf, [next(found) for _ in usage_keys(vf)]) for vf in vfs}
    users = {node: read_users(handler, node) for node in dict.fromkeys(vf.node for vf in vfs)}
    paths = {user.ref.uuid: handler.schema.path(user.xml_guard[0]) for some in users.values() for user in some}
    verdicts = []
    for one, judged in zip(claims, known, strict=True):
        guards: list[Guard] = []
        try:
            for vf, holder in one:
                others = [u for u in users[vf.node] if u.ref.uuid != holder and paths[u.ref.uuid] not in judged]
                guards += judge_others(others, vf, usages[vf].pci)
            verdicts.append(Verdict("", guards))
        except RefusedError as error:
            verdicts.append(Verdict(str(error)))
    return verdicts


def _claims(handler: ZKHandler, values: Mapping[str, bytes]) -> Iterator[tuple[VfRef, str]]:
    """Yield the VFs that are claimed where *values* are set, each with the UUID of its VM."""
    for path, value in values.items():
        if value and path.endswith("/used_by"):
            words = locate(handler.schema, path).words
            if words[2:3] == ("sriov_vf.used_by",):
                yield VfRef(words[1], words[3]), value.decode("utf-8", "replace")
