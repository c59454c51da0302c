"""Explain why filters match no VM: a misspelt word is the likeliest reason."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.model import STATES
from pvc_cli.cluster.vms.tags import SEE_TAGS, count_tags
from pvc_cli.errors import InvalidInputError, hint, quoted
from pvc_cli.zk import ZKHandler


class NoMatch(NamedTuple):
    """Why no VM matches; *misspelt* if a word is one that hardly can match any."""

    reason: str
    misspelt: bool


def explain_no_match(handler: ZKHandler, filters: Filters) -> NoMatch:
    """Return why no VM matches *filters*.

    A state that PVC does not have is misspelt, and so is a tag that no VM has and that resembles one.
    """
    for state in (word.removeprefix("!") for word in filters.states):
        if not any(fnmatchcase(known, state) for known in STATES):
            advice = hint(state, STATES, f"choose from {', '.join(STATES)}")
            return NoMatch(f"PVC has no state {quoted(state)}: {advice}", misspelt=True)
    wanted = [word for word in filters.tag_words if not word.startswith("!")]
    if wanted and not filters.negate:
        tags = [tag.name for tag in count_tags(handler)]
        for word in wanted:
            if not any(word == tag or fnmatchcase(tag, word) for tag in tags):
                advice = hint(word, tags, SEE_TAGS)
                return NoMatch(f"no VM has a tag {quoted(word)}: {advice}", misspelt=advice != SEE_TAGS)
    if filters.pattern and filters.pattern in (handler.children("base.node") or []):
        return NoMatch(f"{filters.pattern} is a node: -t {filters.pattern} selects its VMs", misspelt=False)
    return NoMatch("no VM matches", misspelt=False)


def check_states(filters: Filters, *, found: bool) -> None:
    """Check that the states of *filters* are PVC's.

    :param found: whether VMs match them: then PVC has them, though they may be new here. One that is left out has to
        be known in any case.
    :raises InvalidInputError: if one is misspelt.
    """
    for word in filters.states:
        state = word.removeprefix("!")
        leaves_out = word.startswith("!") != filters.negate
        if (leaves_out or not found) and not any(fnmatchcase(known, state) for known in STATES):
            advice = hint(state, STATES, f"choose from {', '.join(STATES)}")
            raise InvalidInputError(f"PVC has no state {quoted(state)}: {advice}")


def check_exclusions(handler: ZKHandler, filters: Filters) -> None:
    """Check that what *filters* leave out is not misspelt: it would leave out nothing.

    :raises InvalidInputError: if it is.
    """
    states = [word.removeprefix("!") for word in filters.states]
    if any(not any(fnmatchcase(known, state) for known in STATES) for state in states):
        raise InvalidInputError(explain_no_match(handler, filters).reason)
    excluded = {word.removeprefix("!") for word in filters.tag_words if word.startswith("!") != filters.negate}
    if not filters.negate:
        excluded.update(filters.without_tags)
    if not excluded:
        return
    tags = [tag.name for tag in count_tags(handler)]
    for word in sorted(excluded.difference(tags)):
        advice = hint(word, tags, "")
        if advice and not any(fnmatchcase(tag, word) for tag in tags):
            raise InvalidInputError(f"no VM has a tag {quoted(word)}: {advice}")
