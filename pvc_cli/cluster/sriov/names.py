"""VFs and PFs by one word each: NODE/NAME, as lists print them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.sriov.model import VfRef, find_vfs, list_pfs
from pvc_cli.cluster.values import natural_key
from pvc_cli.errors import InvalidInputError, quoted
from pvc_cli.zk import ZKHandler


def split_pair(word: str) -> tuple[str, str]:
    """Return the node and the name in ``NODE/NAME``.

    :raises InvalidInputError: if *word* is not of that form.
    """
    node, slash, name = word.partition("/")
    if not (slash and node and name) or "/" in name:
        raise InvalidInputError(f"{quoted(word)} is not NODE/NAME: give one like pvchv1/ens1f0v0")
    return node, name


def names_on(node: str, words: Sequence[str]) -> list[str]:
    """Return the names in *words* without ``NODE/``, where a word has it.

    :raises InvalidInputError: if a word is of another node.
    """
    names = []
    for word in words:
        at, slash, name = word.rpartition("/")
        if slash and at != node:
            raise InvalidInputError(f"{quoted(word)} is not on node {node}: omit {node} to name VFs of several nodes")
        names.append(name)
    return names


def find_vfs_of(handler: ZKHandler, node: str, words: Sequence[str]) -> list[VfRef]:
    """Return which VFs of *node* are meant, each once: all those of a PF that is named, or what `find_vfs` finds.

    :raises NotFoundError: if there is no such node, or a word means nothing there.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    of_pf = {pf.phy: pf.vfs for pf in list_pfs(handler, node)}
    others = find_vfs(handler, node, [word for word in words if word not in of_pf])
    found = [VfRef(node, vf) for word in words for vf in of_pf.get(word, ())]
    return list(dict.fromkeys([*found, *others]))


def find_pairs(handler: ZKHandler, words: Sequence[str]) -> list[VfRef]:
    """Return which VFs are meant by ``NODE/VF``, of which both may be glob patterns, each once.

    :raises InvalidInputError: if a word is not of that form.
    :raises NotFoundError: if there is no such node or VF.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    wanted: dict[str, list[str]] = {}
    for node, name in map(split_pair, words):
        wanted.setdefault(node, []).append(name)
    known = sorted(handler.children("base.node") or [], key=natural_key)
    found: list[VfRef] = []
    for pattern, names in wanted.items():
        nodes = [pattern] if pattern in known else [node for node in known if fnmatchcase(node, pattern)]
        if not nodes:
            require_node(handler, pattern)
        for node in nodes:
            found += find_vfs(handler, node, names)
    return list(dict.fromkeys(found))
