"""A node in production, told row by row: the agent under its own unit, from boot on, through what goes wrong.

Runs in the guest as root, beside systemd and the stand-ins of `standin`. Each row prints what the card says.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.kernel import rows_boot, rows_cards, rows_settings
from tests.kernel.node import last_words
from tests.kernel.rows import Tree

ROWS: tuple[Callable[[Tree], str], ...] = (
    rows_boot.boot_without_zookeeper,
    rows_boot.new_node,
    rows_boot.unit,
    rows_settings.many_vfs,
    rows_settings.drift_among_many,
    rows_settings.drift_on_hardware,
    rows_settings.drift_untold,
    rows_settings.tags_and_addresses,
    rows_boot.idle,
    rows_boot.second_agent,
    rows_settings.minimum_rate_refused,
    rows_boot.settings_without_zookeeper,
    rows_boot.start_without_zookeeper,
    rows_boot.signals,
    rows_settings.mtu_refused,
    rows_settings.mtu_of_vfs,
    rows_boot.networking_disabled,
    rows_settings.given_to_vfio,
    rows_cards.two_of_four,
    rows_cards.renamed,
    rows_cards.renamed_for_good,
    rows_cards.slip,
    rows_cards.late_card,
    rows_cards.slow_creation,
    rows_boot.stopped_process,
    rows_cards.resized,
    rows_boot.figures,
)
"""In order: the docstring of each is what must be so; it returns what was seen."""


def main() -> int:
    """Go through the named rows, or all; the status is 1 if one of them is not as it must be."""
    hosts, *names = sys.argv[1:]
    tree = Tree(hosts)
    rows = [row for row in ROWS if row.__name__ in names or not names]
    failed = []
    for row in rows:
        started = time.monotonic()
        try:
            seen = row(tree)
        except Exception as error:
            failed.append(row.__name__)
            seen = f"FAILED: {type(error).__name__}: {error}"
        print(f"-- {row.__name__} ({time.monotonic() - started:.0f} s): {row.__doc__}")
        print("".join(f"   {line}\n" for line in seen.splitlines()), end="", flush=True)
    print(f"{len(rows) - len(failed)} of {len(rows)} rows as they must be", *failed)
    if failed:
        print("The agent's journal ends so:", last_words(40), sep="\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
