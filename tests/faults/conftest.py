"""Three servers for all faults of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.trio import Trio


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    trio = Trio(tmp_path_factory.mktemp("trio"))
    yield trio
    trio.ensemble.stop()
