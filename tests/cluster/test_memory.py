from __future__ import annotations

import pytest

from pvc_cli.cluster.memory import gibibytes


@pytest.mark.parametrize(
    ("amounts", "texts"),
    [
        ((2048,), ["2 GiB"]),
        ((35072, 131072), ["34.25 GiB", "128 GiB"]),
        ((1024, 1023, 0), ["1 GiB", "0.999 GiB", "0 GiB"]),
        ((1024, 1024), ["1 GiB", "1 GiB"]),
        ((), []),
    ],
)
def test_different_amounts_look_different(amounts: tuple[int, ...], texts: list[str]) -> None:
    assert gibibytes(*amounts) == texts


def test_no_two_amounts_look_alike() -> None:
    assert all(len(set(gibibytes(amount, amount + 1))) == 2 for amount in range(2048))
