"""A walk of a tree that changes under it, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from pvc_cli.zk import walk as module
from pvc_cli.zk.flow import Sizes
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.store import Op, Read, ReadResult
from pvc_cli.zk.walk import walk


def move(store: SnapshotStore, old: str, new: str) -> None:
    store.commit([Op("create", new, b"moved"), Op("delete", old)])


class Moving(SnapshotStore):
    """A store in which something happens before the read of some number."""

    def __init__(self, act: Callable[[SnapshotStore, int], None]) -> None:
        super().__init__(dict.fromkeys(("/", "/a", "/b", "/a/1", "/a/2", "/b/1"), b""))
        self._act, self._reads = act, 0

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        self._reads += 1
        self._act(self, self._reads)
        return super().read(reads)


@pytest.mark.parametrize("group", [1, 2, 20_000])
@pytest.mark.parametrize("at", range(1, 14))
@pytest.mark.parametrize("name", ["/a/3", "/a/0", "/b/2"])
def test_what_is_renamed_between_two_reads_is_found(
    monkeypatch: pytest.MonkeyPatch, group: int, at: int, name: str
) -> None:
    monkeypatch.setattr(module, "GROUP", group)
    store = Moving(lambda store, number: move(store, "/a/1", name) if number == at else None)
    found = [path for path, _ in walk(store, ["/"])]
    assert {"/", "/a", "/b", "/a/2", "/b/1"} <= set(found)
    assert {"/a/1", name} & set(found)
    assert len(found) == len(set(found))
    for path in found:
        assert path == "/" or found.index(path.rpartition("/")[0] or "/") < found.index(path)


def test_what_never_stops_moving_is_named() -> None:
    def move_on(store: SnapshotStore, number: int) -> None:
        store.commit([Op("create", f"/a/new{number}")])

    moving: list[str] = []
    assert len(list(walk(Moving(move_on), ["/"], moving.append))) > 6
    assert moving == ["/a"]


def test_a_reply_is_expected_to_be_modest() -> None:
    sizes = Sizes()
    reads = [Read(f"/domains/{n}/{name}") for n in range(1000) for name in ("state", "node", "consolelog")]
    batches = list(sizes.batches(reads))
    assert [read for batch in batches for read in batch] == reads
    assert max(sum(read.path.endswith("consolelog") for read in batch) for batch in batches) == 1
    logs = [read for read in reads if read.path.endswith("consolelog")]
    for _ in range(10):
        sizes.learn(logs[:4], ["short"] * 4)
    assert max(map(len, sizes.batches(logs))) == 9
    sizes.learn(logs[:1], ["x" * 3_000_000])
    assert max(map(len, sizes.batches(logs))) == 1
    sizes.learn([Read("/domains/1/xml")], ["x" * 50_000])
    assert max(map(len, sizes.batches([Read(f"/domains/{n}/xml") for n in range(1000)]))) == 19


def test_what_is_created_again_while_its_parent_is_listed_is_found() -> None:
    """A device that is registered anew: gone when its children are asked for, and whole again right after."""

    def register_anew(store: SnapshotStore, number: int) -> None:
        if number == 3:  # /a is known, its children are asked for next
            store.commit([Op("delete", path) for path in ("/a/1", "/a/2", "/a")])
        elif number == 4:
            store.commit([Op("create", path, b"new") for path in ("/a", "/a/1")])

    for number in range(2, 8):
        store = Moving(lambda store, at, number=number: register_anew(store, at - number + 3))  # type: ignore[misc]
        found = Counter(path for path, _ in walk(store, ["/"]))
        assert {"/a", "/a/1"} <= found.keys(), number
        assert max(found.values()) <= 2, number


@pytest.mark.parametrize("group", [1, 20_000])
@pytest.mark.parametrize("at", range(1, 14))
def test_what_is_moved_to_where_nothing_was_is_found(monkeypatch: pytest.MonkeyPatch, group: int, at: int) -> None:
    """A snapshot, to a VM that had none."""
    monkeypatch.setattr(module, "GROUP", group)
    store = Moving(lambda store, number: move(store, "/b/1", "/a/tags/1") if number == at else None)
    store.commit([Op("create", "/a/tags")])
    found = [path for path, _ in walk(store, ["/"])]
    assert {"/b/1", "/a/tags/1"} & set(found)
    assert len(found) == len(set(found))
