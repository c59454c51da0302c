"""Read and write YAML files, with one-line errors.

YAML is imported where it is used: most commands do not need it, and would start a fifth slower.
"""

from pathlib import Path
from typing import Any

from pvc_cli.errors import ConfigError
from pvc_cli.files import replace_file


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - a foreign document can be anything
    """Return the document in the YAML file at *path*.

    :raises FileNotFoundError: if there is no such file.
    :raises ConfigError: if it cannot be read, or is not YAML.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    import yaml

    try:
        return yaml.safe_load(data.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{path}{where} is not valid YAML: {reason}") from None


def write_yaml(path: Path, document: object) -> None:
    """Replace the YAML file at *path*.

    :raises ConfigError: if it cannot be written.
    """
    import yaml

    try:
        replace_file(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None
