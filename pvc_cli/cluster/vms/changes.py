"""How a VM's XML has changed since a snapshot of it."""

_MOST = 4_000_000
"""How many pairs of lines are compared at most: some seconds, and ten times as many lines as a real VM's XML has."""


def changed_lines(old: str, new: str) -> tuple[str, ...]:
    """Return the lines of a unified diff from *old* to *new* that begin with a plus or a minus, without its head."""
    if old == new:
        return ()
    before, after = old.splitlines(), new.splitlines()
    if len(before) * len(after) > _MOST:
        return (*(f"-{line}" for line in before), *(f"+{line}" for line in after))
    # Imported here: most VMs have not changed.
    from difflib import unified_diff

    lines = list(unified_diff(before, after, n=0, lineterm=""))[2:]
    return tuple(line for line in lines if line.startswith(("+", "-")))
