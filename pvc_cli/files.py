"""Where pvc keeps its files, and how it writes one: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Put *text* into the file at *path*, its folder made private where it has to be created.

    :raises OSError: if that cannot be done; what was there before is still there then.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def config_folder() -> Path:
    """Return the folder of pvc's configuration."""
    return _folder("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """Return the folder of what pvc keeps of its own accord: backups, and the sandbox."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, default: str) -> Path:
    """Return pvc's folder below the one that *variable* names."""
    given = os.environ.get(variable)
    return (Path(given) if given else Path.home() / default) / "pvc"
