"""The schema of a PVC tree: pure data and path arithmetic, no input or output."""

from pvc_cli.zk.schema.installed import find_schema
from pvc_cli.zk.schema.model import Key, ZKSchema, parse_version

__all__ = ["Key", "ZKSchema", "find_schema", "parse_version"]
