"""Explain why filters match no VM: a misspelt word is the likeliest reason."""

from typing import NamedTuple

from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.model import STATES
from pvc_cli.cluster.vms.tags import count_tags
from pvc_cli.errors import hint, quoted
from pvc_cli.zk import ZKHandler

_SEE_TAGS = "see 'pvc vm tag list'"


class NoMatch(NamedTuple):
    """Why no VM matches; *misspelt* if a word is one that hardly can match any."""

    reason: str
    misspelt: bool


def explain_no_match(handler: ZKHandler, filters: Filters) -> NoMatch:
    """Return why no VM matches *filters*.

    A state that PVC does not have is misspelt, and so is a tag that no VM has and that resembles one.
    """
    if filters.state is not None and filters.state not in STATES:
        advice = hint(filters.state, STATES, f"choose from {', '.join(STATES)}")
        return NoMatch(f"PVC has no state {quoted(filters.state)}: {advice}", misspelt=True)
    if filters.tags and not filters.negate:
        tags = [tag.name for tag in count_tags(handler)]
        for tag in filters.tags:
            if tag not in tags:
                advice = hint(tag, tags, _SEE_TAGS)
                return NoMatch(f"no VM has a tag {quoted(tag)}: {advice}", misspelt=advice != _SEE_TAGS)
    return NoMatch("no VM matches", misspelt=False)
