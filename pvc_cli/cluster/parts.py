"""What a plan is made of: the parts that are done whole or not at all, by the names of what they are of."""

from typing import NamedTuple

from pvc_cli.zk import Transaction


class Part(NamedTuple):
    """What a plan does to one thing, all of it or nothing."""

    name: str
    """What people call the thing."""
    transaction: Transaction
