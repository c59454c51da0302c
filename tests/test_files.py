from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvc_cli.errors import LockError
from pvc_cli.files import FileLock, put_new, write_file


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_file_is_complete_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    write_file(path, ["ß", "\n"])
    assert path.read_text(encoding="utf-8") == "ß\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["file"]


def test_a_replaced_file_keeps_its_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 5678)
    before = path.stat()
    write_file(path, "new")
    after = path.stat()
    assert (path.read_text(), before.st_ino != after.st_ino) == ("new", True)
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to("there/file")
    for text in ("new", "newer"):
        write_file(link, text)
        assert (link.is_symlink(), (tmp_path / "there" / "file").read_text()) == (True, text)
    assert names(tmp_path) == ["link", "there"]


def test_a_file_is_not_overwritten_unless_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, "", overwrite=False)
    write_file(path, "old", overwrite=False)
    with pytest.raises(FileExistsError):
        write_file(path, "new", overwrite=False)
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def test_of_two_who_create_the_same_file_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"

    class Late:
        """Text whose writing takes so long that another process is faster."""

        def __iter__(self) -> Iterator[str]:
            path.write_text("the other's")
            return iter(["ours"])

    with pytest.raises(FileExistsError):
        write_file(path, Late(), overwrite=False)
    assert (path.read_text(), names(tmp_path)) == ("the other's", ["file"])


def test_a_file_system_without_links_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", link)
    path = tmp_path / "file"
    write_file(path, "ours", overwrite=False)
    assert (path.read_text(), names(tmp_path)) == ("ours", ["file"])
    with pytest.raises(FileExistsError):
        put_new(tmp_path / "file", path)


def test_of_two_who_fill_the_same_empty_file_one_is_refused(tmp_path: Path) -> None:
    """An empty one may be written to, as mktemp makes it."""
    path = tmp_path / "file"
    path.write_text("")

    class Late:
        def __iter__(self) -> Iterator[str]:
            write_file(path, "the other's", overwrite=False)
            return iter(["ours"])

    with pytest.raises(FileExistsError):
        write_file(path, Late(), overwrite=False)
    assert (path.read_text(), names(tmp_path)) == ("the other's", ["file"])


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_device_and_a_pipe_are_written_to(tmp_path: Path, overwrite: bool) -> None:
    before = Path("/dev/null").stat()
    write_file(Path("/dev/null"), "text", overwrite=overwrite)
    after = Path("/dev/null").stat()
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    with pytest.raises(OSError, match="No space left"):
        write_file(Path("/dev/full"), "text", overwrite=overwrite)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_file(pipe, "text", overwrite=overwrite)
    reader.join()
    assert (read, stat.S_ISFIFO(pipe.stat().st_mode)) == (["text"], True)


def test_an_open_file_is_written_to_under_its_names_in_dev_and_proc(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w") as file:
        node = path.stat().st_ino
        for name in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            write_file(Path(name), "text")
            assert (path.read_text(), path.stat().st_ino) == ("text", node)


def test_what_cannot_be_replaced_is_left_and_nothing_else_appears(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_file(tmp_path / "taken", "text")
    assert names(tmp_path) == ["taken"]


COUNT = """
import sys
from pathlib import Path
from pvc_cli.files import FileLock, write_file
path = Path(sys.argv[1])
for _ in range(10):
    with FileLock(path, 20):
        write_file(path, str(int(path.read_text() or 0) + 1))
"""


def test_processes_that_change_one_file_under_its_lock_lose_nothing(tmp_path: Path) -> None:
    """Each replaces the file, so that the next must not be content with the lock on the old one."""
    path = tmp_path / "count"
    # New ones: what is forked from a process with threads may wait for ever for a lock that was held then.
    processes = [subprocess.Popen([sys.executable, "-c", COUNT, str(path)]) for _ in range(6)]
    assert [process.wait(60) for process in processes] == [0] * 6
    assert path.read_text() == "60"


def test_a_lock_that_is_held_too_long_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockError, match=r"could not lock .*file within 0\.1 s: another pvc changes it"):
            FileLock(path, 0.1).acquire()
    with FileLock(path, 0.1):
        pass
