"""The schema of a PVC tree: pure data and path arithmetic, no input or output."""

from pvc_cli.zk.schema.model import Key, ZKSchema

__all__ = ["Key", "ZKSchema"]
