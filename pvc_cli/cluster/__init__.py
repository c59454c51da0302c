"""What a PVC cluster is made of: plain functions and records over a ZKHandler."""
