"""Administer a Parallel Virtual Cluster directly on its ZooKeeper tree."""

__version__ = "0.1.0"
