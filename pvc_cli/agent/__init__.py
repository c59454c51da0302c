"""The node's side of SR-IOV: the network cards and the tree, brought into line."""
