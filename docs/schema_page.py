"""Write docs/schema.md from the schema's version files."""

from __future__ import annotations

from pathlib import Path

from pvc_cli.zk import ZKSchema

PAGE = Path(__file__).with_name("schema.md")
INTRODUCTION = """\
# The schema

Every key of the tree, in every version from 0 to {newest}: made by `make docs` from
[the version files](../pvc_cli/zk/schema/versions). A key is `GROUP.KEY`; a path of a `base` key is whole, any other
follows the path of its item. `pvc schema path KEY [ITEM…]` resolves one on a cluster, `pvc schema diff A B` compares
two versions.

## Versions
"""


def table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [headers, tuple("---" for _ in headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page() -> str:
    """Return the whole page."""
    newest = ZKSchema()
    parts = [INTRODUCTION.format(newest=newest.version)]
    parts.append(table(("version", "what it brought"), [(str(v.number), v.summary) for v in newest.known]))
    every: dict[str, str] = {}
    groups: dict[str, str] = {"base": "Keys of the cluster itself."}
    for number in range(newest.version + 1):
        schema = ZKSchema.at(number)
        every |= {key: definition.path for key, definition in schema.keys.items()}
        for name, group in schema.groups.items():
            where = schema.keys[group.base].path if group.base else ""
            names = "/".join(("POOL", "VOLUME", "SNAPSHOT")[: group.depth]) if group.depth > 1 else "ITEM"
            groups[name] = (
                f"Items are at `{where}/{names}`."
                if group.base
                else f"Items are children of {' and '.join(f'`{key}`' for key in group.under)}."
            )
    for name, where in groups.items():
        rows = [
            (
                f"`{key}`",
                f"`{path}`" if path else "the item itself",
                str(newest.since(key)),
                "" if newest.until(key) is None else str(newest.until(key)),
                f"`{newest.keys[key].default}`" if key in newest.keys and newest.keys[key].default else "",
            )
            for key, path in every.items()
            if newest.group_of(key) == name
        ]
        parts.append(f"\n## {name}\n\n{where}\n")
        parts.append(table(("key", "path", "since", "gone in", "value where it is new"), rows))
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
