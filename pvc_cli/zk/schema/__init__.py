"""The schema of a PVC tree: pure data and path arithmetic, no input or output."""

from pvc_cli.zk.schema.installed import find_schema
from pvc_cli.zk.schema.model import (
    MASK,
    Key,
    KeyChange,
    ZKSchema,
    container_names,
    diff,
    is_secret,
    parse_version,
    pvcs_roots,
)

__all__ = [
    "MASK",
    "Key",
    "KeyChange",
    "ZKSchema",
    "container_names",
    "diff",
    "find_schema",
    "is_secret",
    "parse_version",
    "pvcs_roots",
]
