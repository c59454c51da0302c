"""Completion from the live cluster: within half a second, or nothing; never an error."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms.model import STATES
from pvc_cli.cluster.vms.query import find, names_from
from pvc_cli.cluster.vms.tags import count_tags, read_tags
from pvc_cli.commands._common.keys import with_uuid
from pvc_cli.connections.resolve import SANDBOX
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections
from pvc_cli.connections.session import connect
from pvc_cli.context import Context
from pvc_cli.errors import PvcError
from pvc_cli.output.layout import word_for
from pvc_cli.zk import ZKHandler

_PATIENCE = 0.4
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _from_cluster(look: Callable[[ZKHandler, Mapping[str, Any]], Iterable[str]]) -> Completer:
    """Return a completer that offers what *look* finds, given the words typed so far, and the ``incomplete`` one."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        options = context.find_root().params
        target = Context(options.get("connection"), options.get("coordinators"), timeout=_PATIENCE)
        target.output.style = "name"
        found: list[str] = []

        def search() -> None:
            # Never complain about a half-typed line: errors show when the command is run.
            try:
                with connect(target) as handler:
                    found.extend(look(handler, {**context.params, "incomplete": incomplete}))
            except (PvcError, OSError):
                found.clear()

        searcher = threading.Thread(target=search, daemon=True)
        searcher.start()
        searcher.join(_PATIENCE)
        if searcher.is_alive():
            return []
        return [CompletionItem(name) for name in found if name.startswith(incomplete) and name.isprintable()]

    return complete


def _listed(complete: Completer) -> Completer:
    """Return a completer of words with commas between, each with a ``!`` in front or not, none of them twice."""

    def complete_last(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, word = incomplete.rpartition(",")
        start = f"{before}{comma}{'!' if word.startswith('!') else ''}"
        named = {one.removeprefix("!") for one in before.split(",")}
        found = complete(context, parameter, word.removeprefix("!"))
        # A name with a comma would be two words.
        return [CompletionItem(start + one.value) for one in found if one.value not in named and "," not in one.value]

    return complete_last


tags = _from_cluster(lambda handler, _line: [tag.name for tag in count_tags(handler)])
nodes = _from_cluster(lambda handler, _line: handler.children("base.node") or [])
vms = _listed(_from_cluster(lambda handler, line: names_from(handler, line["incomplete"])))
listed_tags, listed_nodes = _listed(tags), _listed(nodes)


def _tags_of_vms(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Return the tags of the VMs that the first word means."""
    uuids = [vm.uuid for vm in find(handler, line["words"][0].split(","))]
    return sorted({tag.name for found in read_tags(handler, uuids).values() for tag in found}, key=natural_key)


tags_of_vms = _from_cluster(_tags_of_vms)
faults = _from_cluster(lambda handler, _line: handler.children("base.faults") or [])
pfs = _from_cluster(lambda handler, line: handler.children(("node.sriov.pf", line["node"])) or [])
vfs = _from_cluster(lambda handler, line: handler.children(("node.sriov.vf", line["node"])) or [])


def _networks(handler: ZKHandler, _line: Mapping[str, Any]) -> Iterable[str]:
    """Return the networks' names."""
    # Imported here, as below: every press of the tab key pays for what is imported above.
    from pvc_cli.cluster.networks import list_names

    return list_names(handler)


networks = _from_cluster(_networks)
pools = _from_cluster(lambda handler, _line: handler.children("base.pool") or [])


def _pools_and_volumes(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Return the pools, and once one is on the line, its volumes."""
    named = [word for word in (line.get("pool"), *(line.get("words") or ())) if word]
    known = handler.children("base.pool") or []
    if not named:
        return known
    return handler.children(("volume", named[0])) or [] if named[1:] == [] and named[0] in known else []


pools_and_volumes = _from_cluster(_pools_and_volumes)


def _vf_words(handler: ZKHandler, line: Mapping[str, Any]) -> Iterable[str]:
    """Offer the next word of NODE VF or NODE/VF; then nothing."""
    from pvc_cli.cluster.sriov.model import list_refs

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


pf_words = _from_cluster(_pf_words)
vf_words, claim_words = _from_cluster(_vf_words), _from_cluster(_claim_words)


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


keys = _from_cluster(_look_for_keys)


def _states(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the states that PVC gives VMs."""
    return [CompletionItem(state) for state in STATES if state.startswith(incomplete)]


states = _listed(_states)


def columns(_context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the columns of a list, one after the other; behind a minus, too."""
    before, comma, word = incomplete.rpartition(",")
    start = f"{before}{comma}{'-' if word.startswith('-') else ''}"
    names = dict.fromkeys(map(word_for, getattr(parameter, "known", ())))
    return [CompletionItem(f"{start}{name}") for name in names if name.startswith(word.removeprefix("-").upper())]


def changes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what is in the history, if it can be read."""
    from pvc_cli.connections.history import list_entries

    names = ["last"]
    with suppress(PvcError):
        names += [entry.id for entry in list_entries()]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def clusters(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the saved connections and a sandbox that runs, one after the other; each once."""
    before, comma, word = incomplete.rpartition(",")
    named = before.split(",")
    names = [item.value for item in connections(context, parameter, word)]
    if SANDBOX.startswith(word) and SANDBOX not in names and sandbox_hosts():
        names.append(SANDBOX)
    return [CompletionItem(f"{before}{comma}{name}") for name in names if name not in named]


def connections(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the entries of the connections file."""
    try:
        names = sorted(Connections.load().hosts)
    except PvcError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
