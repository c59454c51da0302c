"""Storage: Ceph's status, its OSDs, pools, volumes and snapshots, as the tree has them."""
