"""Build the site: gather the pages, write the command reference from the help texts, run mkdocs: `make site`.

The pages are written to be read in the repository. Here their links are turned into links between the site's pages;
a link to any other file leads to the repository. A link that leads nowhere fails the build.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from pvc_cli.app import cli

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "build" / "site-source"
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md",
         "SECURITY.md": "security.md"}  # fmt: skip
PAGES |= {f"docs/{page.name}": page.name for page in sorted((ROOT / "docs").glob("*.md"))}
_LINK = re.compile(r"(\]\()([^)#\s]*)((?:#[^)]*)?\))")


def repository() -> str:
    """Return the project's address, which setup.cfg has."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config["metadata"]["url"]


def page(name: str) -> str:
    """Return a page of the repository with its links turned into the site's."""

    def turn(link: re.Match[str]) -> str:
        target = link[2]
        if not target or "://" in target:
            return link[0]
        path = (ROOT / name).parent.joinpath(target).resolve()
        if not path.exists():
            raise SystemExit(f"{name}: the link to {target} leads nowhere")
        inside = str(path.relative_to(ROOT))
        if inside in PAGES:
            return f"{link[1]}{PAGES[inside]}{link[3]}"
        if path.suffix in (".png", ".svg"):
            return f"{link[1]}{path.name}{link[3]}"
        return f"{link[1]}{repository()}/blob/main/{inside}{link[3]}"

    return _LINK.sub(turn, (ROOT / name).read_text())


def helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the name and the help of a command, and of all below it."""
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            deeper = command.get_command(context, name)
            if deeper and context.command_path + name != "pvcsriov":  # the short name of 'pvc network sriov'
                yield from helps(deeper, click.Context(deeper, info_name=name, parent=context, terminal_width=100))


def reference() -> str:
    """Return the command reference: what each command's --help prints."""
    parts = ["# Commands", "What `--help` prints for each command. `pvc sriov` is short for `pvc network sriov`."]
    for name, text in helps(cli, click.Context(cli, info_name="pvc", terminal_width=100)):
        parts.append(f"## {name}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Gather everything, and build."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for name, target in PAGES.items():
        (SOURCE / target).write_text(page(name))
    for image in (*(ROOT / "docs").glob("*.svg"), *(ROOT / "docs").glob("*.png")):
        shutil.copy(image, SOURCE)
    (SOURCE / "commands.md").write_text(reference())
    build = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--config-file",
        str(ROOT / "mkdocs.yml"),
    ]
    return subprocess.run(build, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
