"""Sizes for people."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size_text(amount: float | None, *, unit: int = 1) -> str:
    """Return a size with a unit; *amount* is in units of so many bytes."""
    if amount is None:
        return "?"
    size = amount * unit
    for name in _UNITS:
        if abs(size) < 1024 or name == _UNITS[-1]:
            break
        size /= 1024
    return f"{size:.1f}".removesuffix(".0") + f" {name}"
