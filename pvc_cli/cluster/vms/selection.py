"""Check the words of filters, and explain why they match no VM: a misspelt word is the likeliest reason."""

import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase

from pvc_cli.cluster.patterns import matcher
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.model import STATES
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.cluster.vms.tags import SEE_TAGS, tag_names
from pvc_cli.errors import InvalidInputError, hint, hint_word, quoted
from pvc_cli.zk import ZKHandler


def check_states(handler: ZKHandler, filters: Filters) -> None:
    """Check that the states of *filters* exist: PVC has them, or a VM is in one that is new.

    :raises InvalidInputError: if one does not.
    """
    words = [word.removeprefix("!") for word in filters.states]
    if unknown := [state for state in words if not _matches(state, STATES)]:
        present = handler.read_each("domain.state", handler.children("base.domain") or [])
        for state in unknown:
            if not _matches(state, [text for text in present if text]):
                advice = hint_word("state", state, STATES, f"choose from {', '.join(STATES)}")
                raise InvalidInputError(f"PVC has no state {quoted(state)}: {advice}")


def misspelt_tag(handler: ZKHandler, filters: Filters, *, found: bool) -> str:
    """Return which tag of *filters* is likely misspelt: no VM has it, and it resembles one; else an empty text.

    :param found: whether VMs match: then only a tag that they must not have can be misspelt.
    """
    left_out = {word.removeprefix("!") for word in filters.tag_words if word.startswith("!") != filters.negate}
    if not filters.negate:
        left_out.update(filters.without_tags)
    wanted = [] if found else _wanted_tags(filters)
    tags = _tag_names(handler) if left_out or wanted else []
    for word in (*wanted, *sorted(left_out)):
        if not _matches(word, tags) and (advice := hint(word, tags, "")):
            return f"no VM has a tag {quoted(word)}: {advice}"
    return ""


def explain_no_match(handler: ZKHandler, filters: Filters) -> str:
    """Return why no VM matches *filters*."""
    if wanted := _wanted_tags(filters):
        tags = _tag_names(handler)
        for word in wanted:
            if not _matches(word, tags):
                return f"no VM has a tag {quoted(word)}: {hint(word, tags, SEE_TAGS)}"
    if filters.pattern and filters.pattern in (handler.children("base.node") or []):
        return f"{filters.pattern} is a node: -t {filters.pattern} selects its VMs"
    if filters.pattern and (advice := _instead(filters.pattern, [vm.name for vm in list_vms(handler)])):
        return advice
    if filters.disk and "/" not in filters.disk and not filters.disk.startswith("*"):
        return f"a disk is POOL/VOLUME: use --disk {shlex.quote(f'*/{filters.disk}')} for one in any pool"
    return "no VM matches"


def _instead(pattern: str, names: Sequence[str]) -> str:
    """Return what to give instead of *pattern*, which matches no VM called one of *names*; empty if it does."""
    if any(map(matcher(pattern), names)):
        return ""
    return f"for a list, use --name {shlex.quote(pattern)}" if "," in pattern else hint(pattern, names, "")


def _wanted_tags(filters: Filters) -> list[str]:
    return [] if filters.negate else [word for word in filters.tag_words if not word.startswith("!")]


def _tag_names(handler: ZKHandler) -> list[str]:
    return tag_names(handler, handler.children("base.domain") or [])


def _matches(word: str, known: list[str] | tuple[str, ...]) -> bool:
    return any(word == one or fnmatchcase(one, word) for one in known)
