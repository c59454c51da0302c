"""VMs, their tags, states and nodes."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms.model import STATES
from pvc_cli.cluster.vms.query import find, names_from
from pvc_cli.cluster.vms.tags import count_tags, read_tags
from pvc_cli.commands._common.candidates import from_cluster, listed
from pvc_cli.zk import ZKHandler

tags = from_cluster(lambda handler, _line: [tag.name for tag in count_tags(handler)])
nodes = from_cluster(lambda handler, _line: handler.children("base.node") or [])
vms = listed(from_cluster(lambda handler, line: names_from(handler, line["incomplete"])))
listed_tags, listed_nodes = listed(tags), listed(nodes)


def _tags_of_vms(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Return the tags of the VMs that the first word means."""
    uuids = [vm.uuid for vm in find(handler, line["words"][0].split(","))]
    return sorted({tag.name for found in read_tags(handler, uuids).values() for tag in found}, key=natural_key)


tags_of_vms = from_cluster(_tags_of_vms)


def _states(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the states that PVC gives VMs."""
    return [state for state in STATES if state.startswith(incomplete)]


states = listed(_states)
