"""What else is in the tree: networks, pools and volumes, faults, and keys."""

from collections.abc import Iterable, Mapping
from typing import Any

from pvc_cli.cluster.networks import list_names
from pvc_cli.cluster.vms.query import names_from
from pvc_cli.commands._common.candidates import from_cluster
from pvc_cli.commands._common.keys import with_uuid
from pvc_cli.zk import ZKHandler

faults = from_cluster(lambda handler, _line: handler.children("base.faults") or [])
networks = from_cluster(lambda handler, _line: list_names(handler))
pools = from_cluster(lambda handler, _line: handler.children("base.pool") or [])


def _pools_and_volumes(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Return the pools, and once one is on the line, its volumes."""
    named = [word for word in (line.get("pool"), *(line.get("words") or ())) if word]
    known = handler.children("base.pool") or []
    if not named:
        return known
    return handler.children(("volume", named[0])) or [] if named[1:] == [] and named[0] in known else []


pools_and_volumes = from_cluster(_pools_and_volumes)


def _look_for_keys(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Offer the next word of a key: KEY, its ITEM, a KEY below that, and its ITEM."""
    schema, words = handler.schema, list(line.get("words") or ())
    if not words:
        return sorted({*schema.keys, *schema.groups} - {name for name in schema.groups if schema.groups[name].under})
    group = schema.groups.get(schema.group_of(words[0]))
    if group is None:
        return []
    if len(words) == 1 and group.base:
        vms = schema.group_of(words[0]) == "domain"
        return names_from(handler, line["incomplete"]) if vms else handler.children(group.base) or []
    below = [name for name, one in schema.groups.items() if words[0] in one.under]
    if len(words) == 2:
        return [name for one in below for name in (one, *(key for key, _ in schema.keys_of(one)))]
    key, item = with_uuid(handler, words[:2])
    return handler.children((key, item)) or [] if len(words) == 3 and below else []


keys = from_cluster(_look_for_keys)
