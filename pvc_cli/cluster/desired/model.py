"""What a file of desired state says, and what that means for each VM and VF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.cluster.sriov.model import Settings, VfRef
from pvc_cli.cluster.vms.metadata import MetadataChange
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.tagging import TagType
from pvc_cli.errors import PvcError, quoted

VERSION = 1
"""The version of the format that this pvc reads and writes."""


class Place(NamedTuple):
    """Where in a file something stands."""

    source: str
    line: int

    def __str__(self) -> str:
        """Return it as messages begin."""
        return f"{self.source}, line {self.line}"

    def locate(self, error: PvcError) -> PvcError:
        """Return *error* with the place in front."""
        return type(error)(f"{self}: {error}")


class Part(NamedTuple):
    """One thing that an entry says: that a VM has a tag, a tag's type or protection, a field, or a VF's setting."""

    kind: str
    """``tag``, ``type``, ``protected``, ``metadata`` or ``setting``."""
    name: str
    """The tag, the field or the setting."""

    def __str__(self) -> str:
        """Return what people call it."""
        return f"{self.kind} of tag {quoted(self.name)}" if self.kind in ("type", "protected") else self.name


Said = Mapping[Part, tuple[object, Place]]
"""What an entry says, each with its value and its place."""


class Word(NamedTuple):
    """A name or a pattern of an entry."""

    text: str
    place: Place


class VmEntry(NamedTuple):
    """What a file says about the VMs that some words mean."""

    words: tuple[Word, ...]
    said: Said
    tagged: bool
    """Whether it lists tags, even none: those are all that the VMs shall have."""


class VfEntry(NamedTuple):
    """What a file says about the VFs that some words mean."""

    nodes: tuple[Word, ...]
    vfs: tuple[Word, ...]
    said: Said


class State(NamedTuple):
    """What a file of desired state says."""

    source: str
    vms: tuple[VmEntry, ...] = ()
    vfs: tuple[VfEntry, ...] = ()


class TagWish(NamedTuple):
    """A tag that a VM shall have; None is left as it is: a new tag is a ``user`` tag and not protected."""

    name: str
    type: TagType | None
    protected: bool | None


@dataclass(frozen=True)
class VmWish:
    """What is wanted of a VM; it shows as its name."""

    vm: VmRef
    tags: tuple[TagWish, ...]
    metadata: MetadataChange
    prune: tuple[str, ...]
    """Tags that it shall not have."""

    def __str__(self) -> str:
        """Return the VM's name."""
        return self.vm.name

    @property
    def uuid(self) -> str:
        """The VM's UUID."""
        return self.vm.uuid


@dataclass(frozen=True)
class VfWish:
    """What is wanted of a VF; it shows as its node and name."""

    vf: VfRef
    settings: Settings

    def __str__(self) -> str:
        """Return the VF's node and name."""
        return self.vf.name


Wish = VmWish | VfWish
