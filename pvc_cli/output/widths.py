"""How many columns of a terminal a text takes: two for a wide character, none for a combining one."""

from wcwidth import wcwidth


def width(text: str) -> int:
    """Return how many columns *text* takes; it has no control characters."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, columns: int) -> str:
    """Return *text* in at most so many *columns*; what had to go is shown as an ellipsis."""
    if width(text) <= columns:
        return text
    return f"{_beginning(text, columns - 1)}…" if columns > 0 else ""


def wrap(text: str, columns: int) -> list[str]:
    """Return *text* in lines of at most so many *columns*, which is two or more; broken at spaces where it can be."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined) <= columns:
            lines[-1] = joined
            continue
        rest = word
        while width(rest) > columns:
            part = _beginning(rest, columns)
            lines.append(part)
            rest = rest[len(part) :]
        lines.append(rest)
    return [line for line in lines if line] or [""]


def _beginning(text: str, columns: int) -> str:
    taken = 0
    for at, char in enumerate(text):
        taken += _width(char)
        if taken > columns:
            return text[:at]
    return text


def _width(char: str) -> int:
    return 1 if char.isascii() else max(wcwidth(char), 0)
