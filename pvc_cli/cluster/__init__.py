"""What a PVC cluster is made of: plain functions and dataclasses over a ZKHandler."""
