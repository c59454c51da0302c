"""Two kinds of patterns: regular expressions, found anywhere in a name as in PVC's client, and the shell's."""

import re
from collections.abc import Callable
from fnmatch import translate

from pvc_cli.errors import InvalidInputError, quoted, quoted_whole

_GLOB = re.compile(r"[*?\[]")
_ONLY_GLOB = re.compile(r"(?:^|[^.\])}\\])[*?]")
"""What repeats nothing, or a single letter: hardly meant so."""
_ONLY_EXPRESSION = re.compile(r"[\\^$|(){}+]|\.\*|\.\+")


def check_pattern(pattern: str) -> str:
    """Return *pattern* if it is a regular expression.

    :raises InvalidInputError: if it is not.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        advice = f"; try {quoted_whole(_as_expression(pattern))}" if looks_like_glob(pattern) else ""
        raise InvalidInputError(f"invalid regular expression {quoted(pattern)}: {error}{advice}") from None
    return pattern


def matcher(pattern: str | None, *, as_glob: str = "") -> Callable[..., bool]:
    """Return what tells whether *pattern* is found in one of its arguments; without a pattern, it always is.

    That raises `InvalidInputError` where *pattern* looks like a shell pattern, and as one says otherwise: a script
    would work on other things than were meant.

    :param as_glob: how to give it as a shell pattern, if not as another expression.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    search = re.compile(check_pattern(pattern or "")).search
    if pattern is None or not looks_like_glob(pattern):
        return lambda *texts: any(search(text) for text in texts)
    glob = re.compile(translate(pattern)).match

    def found(*texts: str) -> bool:
        matches = any(search(text) for text in texts)
        if matches != any(glob(text) for text in texts):
            raise InvalidInputError(
                f"{quoted(pattern)} could be a shell pattern, which matches others than the regular expression: use"
                f" {as_glob or quoted_whole(_as_expression(pattern))} for the shell pattern, or"
                f" {quoted_whole(f'({pattern})')} for the expression"
            )
        return matches

    return found


def is_glob(word: str) -> bool:
    """Tell whether *word* is a shell pattern, not a name."""
    return bool(_GLOB.search(word))


def looks_like_glob(pattern: str) -> bool:
    """Tell whether who gave *pattern* as a regular expression probably meant the shell's kind."""
    return bool(_ONLY_GLOB.search(pattern)) and not _ONLY_EXPRESSION.search(pattern)


def glob_instead(word: str) -> str | None:
    """Return the shell pattern for a regular expression, or None if *word* is not one, or has no such pattern."""
    if not _ONLY_EXPRESSION.search(word):
        return None
    start, end = word.startswith("^"), word.endswith("$")
    glob = word.removeprefix("^").removesuffix("$").replace(".*", "*")
    # A bracket that repeats is any number of letters, to a shell.
    glob = re.sub(r"\[[^\]]+\][+*]", "*", glob)
    if _ONLY_EXPRESSION.search(glob):
        return None
    return re.sub(r"\*+", "*", f"{'' if start else '*'}{glob}{'' if end else '*'}")


def _as_expression(glob: str) -> str:
    """Return the regular expression for a shell pattern."""
    parts = {"*": ".*", "?": ".", "[": "[", "]": "]"}
    expression = "".join(parts.get(letter) or re.escape(letter) for letter in glob).replace(r"\-", "-")
    return f"^{expression}$".removeprefix("^.*").removesuffix(".*$")
