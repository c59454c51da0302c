"""Match names by a regular expression found anywhere in them, as PVC's client does."""

import re
from collections.abc import Callable

from pvc_cli.errors import InvalidInputError, quoted


def check_pattern(pattern: str) -> str:
    """Return *pattern* if it is a regular expression.

    :raises InvalidInputError: if it is not.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise InvalidInputError(f"invalid regular expression {quoted(pattern)}: {error}") from None
    return pattern


def matcher(pattern: str | None) -> Callable[..., bool]:
    """Return what tells whether *pattern* is found in one of its arguments; without a pattern, it always is.

    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    search = re.compile(check_pattern(pattern or "")).search
    return lambda *texts: any(search(text) for text in texts)
