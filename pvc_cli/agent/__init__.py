"""The node's side of SR-IOV: keep its network cards and the tree in sync."""
