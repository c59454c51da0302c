"""How settings are shown."""

from __future__ import annotations

from pvc_cli.output.writer import known

_WORDS = {True: "on", False: "off"}


def word(value: object) -> str:
    return _WORDS[value] if isinstance(value, bool) else known(value)
