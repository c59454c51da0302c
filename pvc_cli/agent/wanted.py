"""The settings that are wanted of a node's VFs: read from the tree, and kept on disk for a time without it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pvc_cli.agent.cards import Card
from pvc_cli.cluster.sriov.model import SETTINGS, Settings, parse_config
from pvc_cli.cluster.sriov.settings import find_fault
from pvc_cli.cluster.values import parse_object
from pvc_cli.errors import quoted
from pvc_cli.files import write_file
from pvc_cli.zk import Key, ZKHandler

_VERSION = 1


class Wanted(NamedTuple):
    """The valid settings of a VF in the tree, and why each of the others is ignored."""

    settings: Settings
    invalid: Mapping[str, str]


def wanted_keys(node: str, cards: Iterable[Card]) -> list[Key]:
    """Return the keys of all settings of the VFs of *cards*."""
    names = (name for card in cards for name in card.vfs)
    return [("node.sriov.vf", node, f"sriov_vf.config.{setting}", name) for name in names for setting in SETTINGS]


def read_wanted(handler: ZKHandler, node: str, cards: Sequence[Card]) -> dict[str, Wanted]:
    """Return what is wanted of each VF of *cards*, in one batch."""
    values = iter(handler.read_many(wanted_keys(node, cards)))
    return {name: _valid({s: next(values) for s in SETTINGS}) for card in cards for name in card.vfs}


def _valid(texts: Mapping[str, str | None]) -> Wanted:
    known = parse_config(texts).known()
    settings = {name: value for name, value in known.items() if not find_fault(name, value)}
    return Wanted(settings, {name: quoted(text) for name, text in texts.items() if text and name not in settings})


@dataclass(slots=True)
class SavedWanted:
    """A file with the settings that were last wanted, readable by its owner only.

    :param path: None to keep nothing.
    """

    path: Path | None
    node: str
    _last: str = ""

    def save(self, wanted: Mapping[str, Settings]) -> None:
        """Replace the file, if anything differs.

        :raises OSError: if that fails.
        """
        if self.path is None:
            return
        vfs = {name: dict(settings) for name, settings in sorted(wanted.items())}
        text = json.dumps({"version": _VERSION, "node": self.node, "vfs": vfs}, indent=1) + "\n"
        if text != self._last:
            write_file(self.path, text, mode=0o600)
            self._last = text

    def load(self) -> dict[str, Settings]:
        """Return what is in the file, without what is invalid; nothing if there is none, or it is another node's.

        :raises OSError: if it cannot be read.
        """
        if self.path is None:
            return {}
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return {}
        document = parse_object(text) or {}
        vfs = document.get("vfs")
        if document.get("version") != _VERSION or document.get("node") != self.node or not isinstance(vfs, dict):
            return {}
        return {name: _checked(settings) for name, settings in vfs.items() if isinstance(settings, dict)}


def _checked(settings: Mapping[str, object]) -> Settings:
    # The same check as of what comes from the tree: by the texts.
    return _valid({name: None if settings.get(name) is None else str(settings[name]) for name in SETTINGS}).settings
