"""`make test-kernel`: the agent on real kernels, Debian 12's and 13's, with Debian's packages.

Prints all that happens. `scenario` asks the cards for everything, and goes through an agent's life on them; on
Debian 12 it does so with this environment's packages, too. `production` boots systemd with the agent's unit. What
the cards answer is compared with answers.json, to which the simulated card of the unit tests is held; where a newer
kernel answers otherwise, `python -m tests.kernel.check --accept` writes it anew.

Names of releases, of parts and of production's rows limit what is run:
`python -m tests.kernel.check bookworm production boot_without_zookeeper new_node renamed`.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.kernel.guest import SUITES, Guest, LackingError, cache_folder, require

ROOT = Path(__file__).parents[2]
ANSWERS = Path(__file__).with_name("answers.json")
PYTHON = "cd /repo && PYTHONPYCACHEPREFIX=/run/python PYTHONPATH={} python3 -m tests.kernel."
LONGEST = 1800
PARTS = ("scenario", "production")
FEW = ("boot_without_zookeeper", "new_node", "many_vfs", "drift_on_hardware")
"""Rows that show whether the agent works under its unit."""


def main() -> int:
    """Run what is asked for, and return the exit status."""
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    if options not in ([], ["--accept"]):
        print(__doc__)
        return 0 if options == ["--help"] else 2
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    suites = [suite for suite in SUITES if suite in asked] or SUITES
    parts = [part for part in PARTS if part in asked] or PARTS
    rows = [word for word in asked if word not in (*SUITES, *PARTS)]
    try:
        require()
        return max(status for suite in suites for status in check(suite, parts, rows))
    except LackingError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2


def check(suite: str, parts: Sequence[str], rows: Sequence[str]) -> Iterator[int]:
    """Run parts on one release, and yield their exit statuses."""
    guest = Guest(cache_folder(), suite)
    guest.build()
    own, ours = f"Debian {suite}, its own packages", f"Debian {suite}, this environment's packages"
    if "scenario" in parts:
        yield ask_the_cards(guest, own, "/repo")
        if suite == SUITES[0]:
            yield ask_the_cards(guest, ours, "/repo:/environment")
    if "production" in parts:
        yield go_into_production(guest, own, "/repo", rows)
        if suite == SUITES[0] and not rows:
            yield go_into_production(guest, ours, "/repo:/environment", FEW)


@contextmanager
def cluster() -> Iterator[tuple[Path, str]]:
    """A folder, and the servers of a cluster as the guest knows them."""
    with tempfile.TemporaryDirectory() as name, Ensemble(Path(name) / "zookeeper") as servers:
        with ZKHandler(servers.hosts) as handler:
            fill(handler, vms=10, schema=ZKSchema())
        yield Path(name), servers.hosts.replace("127.0.0.1", "10.0.2.2")


def go_into_production(guest: Guest, what: str, path: str, rows: Sequence[str]) -> int:
    """Boot a node with one set of packages, and take it through what happens to nodes."""
    print(f"== In production: {what}", flush=True)
    with cluster() as (_, hosts):
        port = hosts.rpartition(":")[2]
        status, output = guest.run(
            f"{PYTHON.format(path)}production {hosts} {' '.join(rows)}",
            {"/repo": ROOT, "/environment": Path(sysconfig.get_path("purelib"))},
            prepare=f"sh /repo/tests/kernel/prepare.sh {port} {path}",
            timeout=LONGEST,
        )
    print(output, end="", flush=True)
    return status


def ask_the_cards(guest: Guest, what: str, path: str) -> int:
    """Run the scenario with one set of packages."""
    print(f"== The cards: {what}", flush=True)
    with cluster() as (folder, hosts):
        answers = folder / "share" / "answers.json"
        answers.parent.mkdir()
        status, output = guest.run(
            f"{PYTHON.format(path)}scenario {hosts} /share/answers.json",
            {"/repo": ROOT, "/environment": Path(sysconfig.get_path("purelib")), "/share": answers.parent},
        )
        print(output, end="", flush=True)
        if "--accept" in sys.argv:
            ANSWERS.write_text(answers.read_text())
        elif status == 0 and (found := answers.read_text()) != ANSWERS.read_text():
            known, now = json.loads(ANSWERS.read_text()), json.loads(found)
            for card in now:
                for question in now[card]:
                    if known[card].get(question) != now[card][question]:
                        print(f"{card}: {question}: {now[card][question]}, and not {known[card].get(question)}")
            print(f"The cards answer otherwise than {ANSWERS.name} says")
            return 1
        return status


if __name__ == "__main__":
    sys.exit(main())
