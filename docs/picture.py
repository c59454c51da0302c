"""Draw the README's pictures: run pvc on sandboxes of its own, on a terminal, and turn what it shows into SVG."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler, ZKSchema

COMMANDS = (
    "pvc vm list --state start --tag production --target pvchv1",
    "pvc vm tag add 'web-*' reviewed --protected",
    "pvc vm tag list web-01",
    "pvc vm tag remove web-01 reviewed",
    "pvc schema show",
    "pvc cluster status",
)
TROUBLE = ("pvc cluster status",)
CHARACTER, LINE, MARGIN = 8.4, 19, 16
STYLES = {
    "1": "font-weight:bold",
    "2": "fill:#8a8f98",
    "31": "fill:#f07178",
    "32": "fill:#9ccc65",
    "33": "fill:#e6c07b",
    "34": "fill:#61afef",
}
_COLOUR = re.compile(r"\x1b\[(\d+)m")


def on_terminal(command: list[str], columns: int) -> str:
    """Return what *command* shows on a terminal of so many *columns*."""
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        os.execvp(command[0], command)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # how a terminal says that its last user is gone
    os.waitpid(process, 0)
    return shown.decode().replace("\r\n", "\n")


def words(line: str) -> Iterator[tuple[int, str, str]]:
    """Yield the column, the text and the style of every word of a line; a renderer may mend white space."""
    column, style = 0, ""
    for number, part in enumerate(_COLOUR.split(line)):
        if number % 2:
            style = STYLES.get(part, "")
            continue
        for word in re.finditer(r"\S+", part):
            yield column + word.start(), word.group(), style
        column += len(part)


def svg(lines: list[str], columns: int) -> str:
    """Return the picture of a terminal that shows *lines*."""
    width, height = columns * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    drawn = [
        f'<text x="{MARGIN + column * CHARACTER:.1f}" y="{MARGIN + (row + 0.75) * LINE:.1f}"'
        f' textLength="{len(word) * CHARACTER:.1f}" style="{style}">{escape(word)}</text>'
        for row, line in enumerate(lines)
        for column, word, style in words(line)
    ]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}">',
            f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#21252b"/>',
            '<g font-family="monospace" font-size="14" fill="#d7dae0">',
            *drawn,
            "</g>",
            "</svg>\n",
        )
    )


def draw(name: str, commands: Sequence[str], columns: int, prepare: Callable[[ZKHandler], object]) -> None:
    """Write the picture *name* of what *commands* show on a demo cluster."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Ensemble(Path(folder)) as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=20, schema=ZKSchema())
            prepare(handler)
        os.environ["PVC_COORDINATORS"] = ensemble.hosts
        for command in commands:
            shown = on_terminal(shlex.split(command), columns)
            lines += [f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m", *shown.split("\n")]
    Path(__file__).with_name(name).write_text(svg(lines[:-1], columns))


def main() -> None:
    """Write docs/pvc.svg and docs/trouble.svg."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    draw("pvc.svg", COMMANDS, 108, lambda _: None)
    draw("trouble.svg", TROUBLE, 80, make_trouble)


if __name__ == "__main__":
    main()
