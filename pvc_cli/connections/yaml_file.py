"""Read and write YAML files, with one-line errors.

YAML is imported where it is used: most commands do not need it, and would start a fifth slower.
"""

from pathlib import Path
from typing import Any

from pvc_cli.errors import ConfigError
from pvc_cli.files import cannot_read, cannot_write, write_file

_MOST_VALUES = 100_000


def read_yaml(path: Path, *, typed: bool = True) -> Any:  # noqa: ANN401 - a foreign document can be anything
    """Return the document in the YAML file at *path*.

    :param typed: False to read every value as the text that is written there: a password may look like a number.
    :raises FileNotFoundError: if there is no such file.
    :raises ConfigError: if it cannot be read, is not YAML, or is a small file that expands to a huge document.
    """
    return parse_yaml(path, read_bytes(path), typed=typed)


def read_bytes(path: Path) -> bytes:
    """Return what is in the file at *path*.

    :raises FileNotFoundError: if there is no such file.
    :raises ConfigError: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        # A folder that is a file holds none.
        raise FileNotFoundError(*error.args) from None
    except OSError as error:
        raise cannot_read(path, error) from None


def parse_yaml(path: Path, data: bytes, *, typed: bool = True) -> Any:  # noqa: ANN401 - a foreign document can be anything
    """Return the document in *data*, which is what is in the file at *path*.

    :raises ConfigError: as :func:`read_yaml`.
    """
    import yaml

    try:
        document = yaml.load(data.decode("utf-8"), Loader=yaml.SafeLoader if typed else yaml.BaseLoader)  # noqa: S506 - both are safe
        size = _size(document, {})
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{path}{where} is not valid YAML: {reason}") from None
    if size > _MOST_VALUES:
        raise ConfigError(f"{path} has more than {_MOST_VALUES:,} values: check its aliases")
    return document


def _size(node: object, sizes: dict[int, int]) -> int:
    """Return how many values *node* has once its aliases are expanded; *sizes* has those of shared parts."""
    if not isinstance(node, (dict, list)):
        return 1
    if id(node) not in sizes:
        sizes[id(node)] = _MOST_VALUES + 1  # for a part that contains itself
        parts = [*node, *node.values()] if isinstance(node, dict) else node
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]


def write_yaml(path: Path, document: object) -> None:
    """Replace the YAML file at *path*.

    :raises ConfigError: if it cannot be written.
    """
    from pvc_cli.yaml_text import dump

    try:
        write_file(path, dump(document))
    except OSError as error:
        raise cannot_write(path, error) from None
