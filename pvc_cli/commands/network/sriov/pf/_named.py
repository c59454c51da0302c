"""One PF on the command line: NODE PF, or both in one word."""

import click

from pvc_cli.cluster.sriov.names import names_on, split_pair


def named_pf(node: str, name: str | None) -> tuple[str, str]:
    """Return the node and the name of a PF that is given as NODE PF, or as NODE/PF alone.

    :raises click.UsageError: if the PF is missing.
    :raises InvalidInputError: if the two words name different nodes.
    """
    if name is not None:
        return node, names_on(node, [name])[0]
    if "/" not in node:
        raise click.UsageError("expected NODE PF, or NODE/PF")
    return split_pair(node)
