"""Turn the texts that PVC keeps in znodes into values, without trusting them to be what they should."""

import json
import re
from typing import Any

Json = dict[str, Any]
"""A JSON object, whatever it holds."""

_WORDS = dict.fromkeys(("y", "yes", "t", "true", "on", "1"), True)
_WORDS |= dict.fromkeys(("n", "no", "f", "false", "off", "0", ""), False)
_DIGITS = re.compile(r"\d+")
_LENGTHS = tuple(f"\0{digits:07}" for digits in range(32))
_DEEPEST = 32
"""How deep JSON may be nested: more than PVC's ever is, and little enough for whatever writes it again."""


def parse_bool(text: str | None) -> bool | None:
    """Return the boolean that *text* spells, as PVC reads it; None for what is none, or is missing."""
    return None if text is None else _WORDS.get(text.strip().lower())


def parse_flag(text: str | None) -> bool | None:
    """Return the boolean that a flag of a VM spells; None also for an empty one, on which PVC fails."""
    return parse_bool(text or None)


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


# Made once, where each json.loads with these arguments would make one.
_DECODER = json.JSONDecoder(parse_float=parse_float, parse_constant=lambda _: None)


def parse_list(text: str | None, separator: str | None = ",") -> tuple[str, ...]:
    """Return the parts of *text* between its separators (white space if None), without empty ones."""
    return tuple([part.strip() for part in text.split(separator) if part.strip()]) if text else ()


def parse_text(text: str | None) -> str | None:
    """Return *text*, or None for an empty one and for ``None``, which PVC writes for what is not set."""
    return None if text in (None, "", "None") else text


def parse_json(text: str | None) -> Any:  # noqa: ANN401 - JSON
    """Return what JSON *text* holds; None for what cannot be parsed, is missing, or nested without measure.

    Numbers that JSON cannot hold, such as ``NaN``, become None, and halves of surrogate pairs a question mark.
    """
    text = text or "null"
    try:
        found = _DECODER.decode(text)
        if "\\ud" in text.lower():
            found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    # Most texts do not even have so many brackets, and to count them takes no time.
    return found if text.count("[") + text.count("{") <= _DEEPEST or _is_shallow(found, _DEEPEST) else None


def parse_object(text: str | None) -> Json | None:
    """Return the JSON object that *text* holds, None for anything else."""
    found = parse_json(text)
    return found if isinstance(found, dict) else None


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in inner)


def natural_key(name: str) -> tuple[str, str]:
    """Return a sort key that puts ``ens1f0v2`` before ``ens1f0v10``."""
    return _DIGITS.sub(_by_length, name), name


def _by_length(number: re.Match[str]) -> str:
    """Return a number as text that sorts where the number does: before all other text, and a longer one later."""
    digits = number[0].lstrip("0")
    length = len(digits)
    # Made once: to format takes as long as all else.
    return (_LENGTHS[length] if length < len(_LENGTHS) else f"\0{length:07}") + digits


def in_words(text: str | None) -> str:
    """Return a value of the tree for people."""
    return {"True": "on", "False": "off"}.get(text or "", text or "none")
