"""A real Chromium without a window."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.report.test_html import Reader
from tests.tools import tool

_OPTIONS = (
    # It runs as root in containers, where its own sandbox does not work, and shared memory is small.
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync"),
)


def browse(page: Path, *options: str, fragment: str = "") -> str:
    """Open *page* and return the document as it is once its script has run."""
    url = f"{page.as_uri()}{'#' if fragment else ''}{fragment}"
    run = subprocess.run(
        [tool("chromium", "chromium-browser", "google-chrome"), *_OPTIONS, "--dump-dom",
         f"--user-data-dir={page.parent / 'chromium'}", *options, url],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def title(document: str) -> str:
    """Return the title of a document."""
    return document.partition("<title>")[2].partition("</title>")[0]


def rows(document: str) -> list[list[str]]:
    """Return the cells of each row of the table of VMs that is not hidden, as text."""
    table = document.partition('id="vms"')[2].partition("</table>")[0].partition("<tbody>")[2]
    found = (row.partition(">") for row in table.split("<tr")[1:])
    return [
        [Reader(f"<td{cell}").text for cell in rest.split("<td")[1:]]
        for attributes, _, rest in found
        if "hidden" not in attributes
    ]
