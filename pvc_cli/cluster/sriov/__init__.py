"""SR-IOV functions of nodes, as the tree has them since schema version 1."""
