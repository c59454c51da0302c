"""Turn the texts that PVC keeps in znodes into values, without trusting them to be what they should."""

import re
from typing import Any

_WORDS = dict.fromkeys(("y", "yes", "t", "true", "on", "1"), True)
_WORDS |= dict.fromkeys(("n", "no", "f", "false", "off", "0", ""), False)
_DIGITS = re.compile(r"(\d+)")


def parse_bool(text: str | None) -> bool | None:
    """Return the boolean that *text* spells, as PVC reads it; None for what is none, or is missing."""
    return None if text is None else _WORDS.get(text.strip().lower())


def parse_int(text: str | None) -> int | None:
    """Return the number that *text* spells in decimal, or None for what is none, or is missing."""
    try:
        return int(text) if text else None
    except ValueError:
        return None


def parse_float(text: str | None) -> float | None:
    """Return the finite number that *text* spells, or None for what is none, or is missing."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) != float("inf") and number == number else None


def parse_list(text: str | None, separator: str | None = ",") -> tuple[str, ...]:
    """Return the parts of *text* between its separators (white space if None), without empty ones."""
    return tuple(part.strip() for part in (text or "").split(separator) if part.strip())


def natural_key(name: str) -> tuple[list[Any], str]:
    """Return a sort key that puts ``ens1f0v2`` before ``ens1f0v10``."""
    parts: list[Any] = _DIGITS.split(name)
    # Every second part is a number: a longer one is greater, once its zeros in front are gone.
    parts[1::2] = [(len(digits), digits) for part in parts[1::2] for digits in [part.lstrip("0")]]
    return parts, name
