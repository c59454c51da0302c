"""Where pvc keeps its files, and how it replaces one: completely, or not at all."""

import contextlib
import os
from pathlib import Path


def replace_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write *text* to the file at *path*, creating its folder with mode 0700 if needed.

    :raises OSError: if that fails; the previous file is kept.
    """
    # Imported here: most commands write no file.
    import tempfile

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
    """Return the folder of automatic backups and of the sandbox."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, default: str) -> Path:
    """Return pvc's folder below the one in *variable*."""
    given = os.environ.get(variable)
    return (Path(given) if given else Path.home() / default) / "pvc"
