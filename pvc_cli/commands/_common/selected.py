"""What the command's options selected, for the plan that is made of it."""

import click

from pvc_cli.cluster.vms.filters import Filters

NOTHING = Filters()


def note_filters(filters: Filters) -> None:
    """Note that *filters* select the VMs that the command changes."""
    click.get_current_context().meta[__name__] = filters


def noted_filters() -> Filters:
    """Return the filters that select the VMs that the command changes, which may be none."""
    found = click.get_current_context().meta.get(__name__, NOTHING)
    return found if isinstance(found, Filters) else NOTHING
