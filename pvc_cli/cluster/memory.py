"""Amounts of memory, for people: always in GiB, so that the eye can compare."""

_DECIMALS = (2, 3, 4)
"""With four decimals, no two amounts in MiB look alike."""


def gibibytes(*mebibytes: int) -> list[str]:
    """Return amounts of memory as texts, with as many decimals as it takes to tell them apart."""
    texts: list[str] = []
    for decimals in _DECIMALS:
        texts = [f"{amount / 1024:.{decimals}f}".rstrip("0").removesuffix(".") + " GiB" for amount in mebibytes]
        if len(set(texts)) == len(set(mebibytes)):
            break
    return texts
