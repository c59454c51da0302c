"""`make test-kernel`: the agent on a real kernel, once with Debian's packages and once with this environment's.

Prints all that happens. What the cards answer is compared with answers.json, to which the simulated card of the
unit tests is held; where a newer kernel answers otherwise, `python -m tests.kernel.check --accept` writes it anew.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
from pathlib import Path

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.kernel.guest import Guest, LackingError, cache_folder, require

ROOT = Path(__file__).parents[2]
ANSWERS = Path(__file__).with_name("answers.json")
WHAT = {
    "Debian 12's click, kazoo, PyYAML, pyroute2 and tabulate": "/repo",
    "this environment's click, kazoo, PyYAML, pyroute2 and tabulate": "/repo:/environment",
}


def main() -> int:
    """Run the scenario, and return the exit status."""
    try:
        require()
        guest = Guest(cache_folder())
        guest.build()
        return max(check(guest, what, path) for what, path in WHAT.items())
    except LackingError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2


def check(guest: Guest, what: str, path: str) -> int:
    """Run the scenario with one set of packages."""
    print(f"== On {what}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ensemble(folder / "zookeeper") as servers:
            with ZKHandler(servers.hosts) as handler:
                fill(handler, vms=10, schema=ZKSchema())
            answers = folder / "share" / "answers.json"
            answers.parent.mkdir()
            hosts = servers.hosts.replace("127.0.0.1", "10.0.2.2")
            status, output = guest.run(
                f"cd /repo && PYTHONPYCACHEPREFIX=/run/python PYTHONPATH={path}"
                f" python3 -m tests.kernel.scenario {hosts} /share/answers.json",
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
