"""Where pvc keeps its files, and how it writes one: completely or not at all, and without harming what is there."""

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from pvc_cli.errors import ConfigError, LockError, RefusedError

_DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd")
_GLANCE = 0.05
_LOCK_TIMEOUT = 10.0


def cannot_read(path: object, error: OSError) -> ConfigError:
    """Return the error for a file that cannot be read."""
    return ConfigError(f"cannot read {path}: {error.strerror}")


def cannot_write(path: object, error: OSError) -> RefusedError | ConfigError:
    """Return the error for a file that cannot be written: refused if one is there that is not to be replaced."""
    if isinstance(error, FileExistsError):
        return RefusedError(f"{path} exists: choose another file, or replace it with --overwrite")
    return ConfigError(f"cannot write {path}: {error.strerror}")


def write_file(
    path: Path, text: str | Iterable[str], *, mode: int = 0o600, overwrite: bool = True
) -> os.stat_result | None:
    """Write *text* to the file at *path*, creating its folder with mode 0700 if needed.

    A regular file appears complete or not at all; one that is replaced keeps its owner and mode, and a link to it
    stays. A device, a pipe or an open descriptor such as /dev/stdout is written to.

    :param text: all of it, or its parts in order.
    :param mode: the mode of a new file.
    :param overwrite: whether to replace a file that is not empty.
    :returns: the record of the new file, None if it is a device or the like.
    :raises FileExistsError: if there is one, and it is not to be replaced.
    :raises OSError: if that fails; the previous file is kept.
    """
    parts = (text,) if isinstance(text, str) else text
    try:
        found = path.stat()
    except FileNotFoundError:
        found = None
    if found and (not stat.S_ISREG(found.st_mode) or _is_descriptor(path)):
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(parts)
        return None
    if found and found.st_size and not overwrite:
        raise FileExistsError(f"{path} exists")
    target = Path(os.path.realpath(path))
    make_folder(target.parent)
    return _replace(target, parts, found, mode, overwrite=overwrite)


def _replace(
    target: Path, parts: Iterable[str], found: os.stat_result | None, mode: int, *, overwrite: bool
) -> os.stat_result:
    # Imported here: most commands write no file.
    import tempfile

    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(parts)
            file.flush()
            if found and (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), found.st_uid, found.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode) if found else mode)
            os.fsync(file.fileno())
            written = os.fstat(file.fileno())
        if overwrite:
            Path(temporary).replace(target)
        elif found:
            _replace_empty(Path(temporary), target)
        else:
            put_new(Path(temporary), target)
        sync_folder(target.parent)
        return written
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def put_new(source: Path, target: Path) -> None:
    """Give one file the name of another, which must not exist.

    :raises FileExistsError: if there is one.
    """
    try:
        # Unlike a rename, a link fails if another process was faster.
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # some file systems have no links
        if target.exists():
            raise FileExistsError(f"{target} exists") from None
        source.replace(target)
    else:
        source.unlink()


def _replace_empty(source: Path, target: Path) -> None:
    """Put one file in the place of another that is empty, unless another process filled that meanwhile."""
    with FileLock(target, _LOCK_TIMEOUT):
        if target.stat().st_size:
            raise FileExistsError(f"{target} exists")
        source.replace(target)


def make_folder(folder: Path) -> None:
    """Create *folder*, and what it is in, with mode 0700 where needed, so that their names last.

    :raises OSError: if that fails.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        # It is not what was to be written that exists, but something in its folder's place.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the new name last, too: without this, a power cut may bring the old file back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_descriptor(path: Path) -> bool:
    """Tell whether *path* stands for an open file of a process: replacing the file would leave that one behind."""
    for _ in range(40):
        folder = os.path.realpath(path.parent)
        if _DESCRIPTORS.fullmatch(folder):
            return True
        if not path.is_symlink():
            return False
        path = Path(folder, path.readlink())
    return False


class FileLock:
    """Keeps out other pvc processes while a file is read, changed and replaced.

    :param path: the file; it is created empty if it does not exist.
    :param timeout: how long, in seconds, to wait for another process.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path, self._timeout = path, timeout
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Wait for the lock; does nothing if it is held.

        :raises LockError: if another process held it for too long.
        :raises OSError: if the file cannot be opened.
        """
        import fcntl

        until = time.monotonic() + self._timeout
        while self._descriptor is None:
            make_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Who held it may have replaced the file meanwhile: the lock on the old one keeps out nobody.
                if self._is_current(descriptor):
                    self._descriptor = descriptor
                    return
            except BlockingIOError:
                if time.monotonic() >= until:
                    os.close(descriptor)
                    raise LockError(
                        f"could not lock {self._path} within {self._timeout:g} s: another pvc changes it; retry"
                    ) from None
                time.sleep(_GLANCE)
            os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


def config_folder() -> Path:
    """Return the folder of pvc's configuration."""
    return _folder("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """Return the folder of automatic backups and of the sandbox."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, default: str) -> Path:
    """Return pvc's folder below the one in *variable*."""
    given = os.environ.get(variable)
    try:
        return (Path(given) if given else Path.home() / default) / "pvc"
    except RuntimeError:
        raise ConfigError(f"cannot tell the home directory: set HOME, or {variable}") from None
