"""Draw the README's picture: run pvc on a sandbox of its own, on a terminal, and turn what it shows into SVG."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import shlex
import struct
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema

WIDTH = 100
COMMANDS = (
    "pvc vm list --state start --tag production --target pvchv1",
    "pvc vm tag add 'web-*' reviewed --protected",
    "pvc vm tag list web-01",
    "pvc vm tag remove web-01 reviewed",
    "pvc schema show",
)
# rich's own template loads fonts from the network: a picture should not.
TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" class="rich-terminal" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def on_terminal(command: list[str]) -> str:
    """Return what *command* shows on a terminal."""
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
        os.execvp(command[0], command)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # how a terminal says that its last user is gone
    os.waitpid(process, 0)
    return shown.decode().replace("\r\n", "\n")


def main() -> None:
    """Write docs/pvc.svg."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ["TERM"] = "xterm-256color"
    with tempfile.TemporaryDirectory() as folder, Ensemble(Path(folder)) as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=20, schema=ZKSchema())
        os.environ["PVC_COORDINATORS"] = ensemble.hosts
        for command in COMMANDS:
            console.print(Text(f"$ {command}", style="bold green"))
            console.print(Text.from_ansi(on_terminal(shlex.split(command))))
    svg = console.export_svg(title="pvc", code_format=TEMPLATE, unique_id="pvc")
    Path(__file__).with_name("pvc.svg").write_text(svg)


if __name__ == "__main__":
    main()
