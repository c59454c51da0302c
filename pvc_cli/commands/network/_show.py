"""How networks are shown."""


def switch_text(flag: bool | None) -> str:
    """Return a switch as text."""
    return "?" if flag is None else ("off", "on")[flag]
