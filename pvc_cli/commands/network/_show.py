"""How networks are shown."""

SWITCH = ("off", "on")


def switch_text(flag: bool | None) -> str:
    """Return a switch as text."""
    return "?" if flag is None else SWITCH[flag]
