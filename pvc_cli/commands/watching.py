"""Show something again whenever it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from pvc_cli.output import Format

if TYPE_CHECKING:
    from pvc_cli.zk import ZKHandler
    from pvc_cli.zk.watch import Watcher


def again(handler: ZKHandler, arm: Callable[[ZKHandler, Watcher], None], style: Format) -> Iterator[None]:
    """Yield at once, and after every change of what *arm* watches; a table gets a clear screen each time."""
    watcher = handler.watcher()
    while True:
        arm(handler, watcher)
        if style == "table":
            click.clear()
        yield
        watcher.wait()
