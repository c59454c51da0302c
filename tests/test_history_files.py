"""The files of the history: on the disk before a change is sent, whole from the start, and private."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.connections import entry_writer, recorder
from pvc_cli.connections.entry import history_folder
from pvc_cli.connections.history import list_entries
from pvc_cli.connections.recorder import Recorder, make_room
from pvc_cli.files import make_folder, sync_folder
from pvc_cli.zk.undo import Changed

CHANGE = Changed("/a", b"1", b"2", 1, 1)


def change(*command: str, on_error: Callable[[str], object] = pytest.fail) -> None:
    """Record a change as a command does."""
    its = Recorder("hv1:2181", ["pvc", *command], on_error)
    its.record([CHANGE])([CHANGE])
    its.close()


def test_a_change_is_on_the_disk_before_it_is_sent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fdatasync = os.fdatasync

    def sync_file(descriptor: int) -> None:
        steps.append(f"file with {os.pread(descriptor, 1 << 20, 0).count(b'intended')} intention")
        fdatasync(descriptor)

    def sync_name(folder: Path) -> None:
        steps.append(f"name of {len(list(folder.glob('*.jsonl')))} entry")
        sync_folder(folder)

    monkeypatch.setattr(os, "fdatasync", sync_file)
    monkeypatch.setattr(entry_writer, "sync_folder", sync_name)
    its = Recorder("hv1:2181", ["pvc"], pytest.fail)
    its.record([CHANGE])
    assert steps == ["name of 1 entry", "file with 1 intention"]
    its.close()


def test_the_names_of_all_new_folders_are_on_the_disk_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("pvc_cli.files.sync_folder", synced.append)
    make_folder(tmp_path / "state" / "pvc" / "history")
    made = [tmp_path / "state", tmp_path / "state" / "pvc", tmp_path / "state" / "pvc" / "history"]
    assert synced == [folder.parent for folder in made]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in made} == {0o700}


def test_a_change_that_is_just_beginning_keeps_its_entry_when_another_makes_room(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_ENTRIES", 5)
    for number in range(5):
        change(f"old{number}")
    flock = fcntl.flock

    def meet_a_rival(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        make_room()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", meet_a_rival)
    change("new")
    assert list_entries()[0].command == ("pvc", "new")
    assert {path.suffix for path in history_folder().iterdir()} == {".jsonl"}


@pytest.mark.parametrize(
    "name", ["99991231-235959-999999Z", "99991231-235959-999998Z", "29991231-235959-000000Z", "zZ"]
)
def test_no_name_of_a_file_stops_a_change(home: Path, name: str) -> None:
    change("before")
    (history_folder() / f"{name}.jsonl").touch()
    change("one")
    change("two")
    assert [entry.command[-1] for entry in list_entries()] == ["two", "one", "before"]
