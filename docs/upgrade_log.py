"""Run an upgrade with the model of PVC's node daemons, and put its log into docs/operations.md: `make log`.

python -m docs.upgrade_log, from the root of the project. The page stays as it is if only the times differ.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.pvc.cluster import Daemons, Said

PAGE = Path(__file__).with_name("operations.md")
BEGIN, END = "<!-- The log: written by `make log` -->\n", "<!-- End of the log -->\n"
PRIMARY, SECOND, LAST = NODES = ("pvchv1", "pvchv2", "pvchv3")
OLD, NEW = 12, 15
YOU = "you"


def run(hosts: str, folder: Path) -> list[Said]:
    """Upgrade a cluster in the empty tree at *hosts*, one node after another; return who said what, in order."""
    with ZKHandler(hosts) as handler:
        fill(handler, vms=2, schema=ZKSchema(OLD))
        handler.write([(("node.data.latest_schema", node), str(OLD)) for node in NODES])
    with Daemons(hosts, folder) as daemons:
        ours: list[Said] = []

        def you(*words: str, lines: slice = slice(-1, None)) -> None:
            at, shown = daemons.now, _pvc(hosts, folder, *words)
            ours.extend([Said(at, YOU, f"pvc {' '.join(words)}"), Said(at, YOU, f"  {' '.join(shown[lines])}")])

        for node in NODES:
            daemons.start(node, knows=OLD if node == LAST else NEW)
            daemons.wait_for(f"runs version {OLD}", node)
        you("schema", "show")
        daemons.stop(LAST)
        daemons.start(LAST, knows=NEW)
        daemons.wait_for(f"sees version {NEW}", SECOND, LAST)
        with daemons.paused(SECOND, LAST):
            daemons.wait_for(f"runs version {NEW}", PRIMARY)
            you("schema", "show")
        daemons.wait_for(f"runs version {NEW}", *NODES)
        you("schema", "show")
        you("schema", "validate", "-o", "name", lines=slice(0, -1))
        you("schema", "apply", "--prune", "--yes")
        you("schema", "validate")
        return sorted((*daemons.log(), *ours), key=lambda said: said.at)


def _pvc(hosts: str, folder: Path, *words: str) -> list[str]:
    """Return the lines that pvc prints, white space as in a sentence."""
    environment = os.environ | {"HOME": str(folder), "PVC_COORDINATORS": hosts}
    command = [sys.executable, "-m", "pvc_cli", *words]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return [re.sub(r"\s+", " ", line) for line in run.stdout.splitlines()]


def block(said: Iterable[Said]) -> str:
    """Return the log as it is in the page."""
    lines = (f"{line.at:5.1f}  {line.node:6}  {line.words}".rstrip() for line in said)
    return "\n".join((BEGIN, "```", *lines, "```\n", END))


def parse(page: str) -> dict[str, list[str]]:
    """Return what each said in the log of a page: of the order, only that is the same every time."""
    rows = re.findall(r"^ *[\d.]+  (\w+) +(.*)$", page.partition(BEGIN)[2].partition(END)[0], re.MULTILINE)
    return {name: [words.strip() for other, words in rows if other == name] for name, _ in rows}


def main() -> None:
    """Write the page anew if anything but the times changed."""
    with tempfile.TemporaryDirectory() as name, Ensemble(Path(name, "server")) as server:
        new = block(run(server.hosts, Path(name)))
    page = PAGE.read_text()
    if parse(page) != parse(new):
        PAGE.write_text(page.partition(BEGIN)[0] + new + page.partition(END)[2])


if __name__ == "__main__":
    main()
