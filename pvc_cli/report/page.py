"""Put the page together."""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pvc_cli import __version__
from pvc_cli.report.drawing import sriov_map
from pvc_cli.report.html import Html, element, text
from pvc_cli.report.machines import machine_table
from pvc_cli.report.sections import faults, node_table, problems, schema, servers, summary

if TYPE_CHECKING:
    from pvc_cli.cluster.overview import Overview

_TEMPLATES = Path(__file__).with_name("templates")


def render_report(found: Overview, cluster: str) -> Iterator[str]:
    """Yield the page on a cluster, piece by piece, in ASCII.

    It loads nothing, and runs nothing but its own script: its content security policy has that script's hash.

    :param cluster: what the cluster is called.
    """
    style, script = _template("page.css"), _template("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " base-uri 'none'; form-action 'none'"
    )
    title = text(f"PVC cluster {cluster}")
    yield "<!DOCTYPE html>\n"
    yield '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield element("meta", http_equiv="Content-Security-Policy", content=policy) + "\n"
    yield element("meta", name="viewport", content="width=device-width, initial-scale=1") + "\n"
    yield element("meta", name="referrer", content="no-referrer") + "\n"
    yield f"{element('title', title)}\n<style>\n{style}</style>\n</head>\n<body>\n"
    yield element("header", element("h1", title), element("p", _taken(found)))
    yield "\n<main>\n"
    yield summary(found) + "\n"
    for number, (name, content) in enumerate(_sections(found)):
        if content:
            head = element("h2", name, id=f"s{number}")
            yield element("section", head, content, aria_labelledby=f"s{number}") + "\n"
    yield f"</main>\n<script>{script}</script>\n</body>\n</html>\n"


def _sections(found: Overview) -> Iterator[tuple[str, Html]]:
    yield "Problems", problems(found)
    yield "Nodes", node_table(found)
    yield "VMs", machine_table(found.vms, {node.name for node in found.status.nodes if node.fencing})
    yield "SR-IOV", sriov_map(found)
    yield "Faults", faults(found)
    yield "Schema", schema(found)
    yield "ZooKeeper", servers(found)


def _taken(found: Overview) -> str:
    moment = datetime.datetime.fromtimestamp(found.taken_at, tz=datetime.UTC)
    return f"As of {moment:%Y-%m-%d %H:%M:%S} UTC, by pvc {__version__}"


@cache
def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="ascii")
