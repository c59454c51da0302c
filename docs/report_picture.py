"""Draw docs/report.png: the report on a demo cluster in trouble, as Chromium shows it: `make screenshot`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pvc_cli.cluster.overview import read_overview
from pvc_cli.report.page import render_report
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler, ZKSchema

SIZE, SCALE = "1200,1680", 0.7


def main() -> int:
    """Write docs/report.png."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name, Ensemble(Path(name) / "servers", 3) as ensemble:
        folder = Path(name)
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=10, schema=ZKSchema())
            make_trouble(handler)
            page = folder / "report.html"
            page.write_text("".join(render_report(read_overview(handler), "demo")))
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--hide-scrollbars", f"--window-size={SIZE}", f"--force-device-scale-factor={SCALE}",
                   f"--user-data-dir={folder / 'chromium'}",
                   f"--screenshot={Path(__file__).with_name('report.png')}", page.as_uri()]  # fmt: skip
        return subprocess.run(command, check=False, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main())
