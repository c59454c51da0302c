"""A real ZooKeeper on this machine's loopback, filled with a demo cluster: to try pvc on, and to test it."""
