"""PFs and VFs."""

from collections.abc import Iterable, Mapping
from typing import Any

from pvc_cli.cluster.sriov.model import list_refs
from pvc_cli.cluster.vms.query import names_from
from pvc_cli.commands._common.candidates import from_cluster
from pvc_cli.zk import ZKHandler

pfs = from_cluster(lambda handler, line: handler.children(("node.sriov.pf", line["node"])) or [])
vfs = from_cluster(lambda handler, line: handler.children(("node.sriov.vf", line["node"])) or [])


def _vf_words(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Offer the next word of NODE VF or NODE/VF; then nothing."""
    words, incomplete = list(line.get("words") or ()), line["incomplete"]
    if not words:
        return list(map("/".join, list_refs(handler))) if "/" in incomplete else handler.children("base.node") or []
    return handler.children(("node.sriov.vf", words[0])) or [] if len(words) == 1 and "/" not in words[0] else []


def _claim_words(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Offer the next word of NODE VF VM or NODE/VF VM; of NODE VM with ``--any``."""
    words = list(line.get("words") or ())
    if len(words) < (1 if words and ("/" in words[0] or line.get("any_vf")) else 2):
        return _vf_words(handler, line)
    return names_from(handler, line["incomplete"])


def _pf_words(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Offer nodes, and behind a slash NODE/PF."""
    nodes = handler.children("base.node") or []
    if "/" not in line["incomplete"]:
        return nodes
    found = handler.children_many(("node.sriov.pf", node) for node in nodes)
    return [f"{node}/{pf}" for node, pfs in zip(nodes, found, strict=True) for pf in pfs or ()]


pf_words = from_cluster(_pf_words)
vf_words, claim_words = from_cluster(_vf_words), from_cluster(_claim_words)
