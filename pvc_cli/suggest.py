"""Which known name a mistyped one stands for."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_MOST = 3
"""More names than these help nobody."""


def likely(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that *name* most likely stands for: one, a few that are as likely, or none.

    What differs only in case or in how numbers are padded (``app-1``, ``app-01``) comes before what looks alike, and
    so does the option of which only the first words are given (``--vlan``).
    """
    names = list(dict.fromkeys(known))
    begun = [one for one in names if name.startswith("--") and one.startswith(f"{name}-")]
    found = [one for one in names if _bare(one) == _bare(name)] or begun or _closest(name, names)
    return found if len(found) <= _MOST else []


def _bare(name: str) -> str:
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", name).casefold()


def _closest(name: str, names: list[str]) -> list[str]:
    """Return the names that resemble *name* most; there may be a few of the same likeness."""
    # The dashes that every option has make none of them alike.
    bare = {one: one.removeprefix("--") for one in names}
    wanted = name.removeprefix("--")
    near = get_close_matches(wanted, bare.values(), n=_MOST + 1)
    best = {one for one in near if _likeness(one, wanted) == _likeness(near[0], wanted)}
    return [one for one in names if bare[one] in best]


def _likeness(one: str, name: str) -> float:
    return SequenceMatcher(None, one, name).ratio()
