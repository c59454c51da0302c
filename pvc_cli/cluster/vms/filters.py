"""Which VMs are meant: filters on what the tree and their XML say."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pvc_cli.cluster.vms.hardware import Hardware

_MAC = re.compile(
    r"[0-9a-f]{2}(?:(:|-)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{10})|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}", re.IGNORECASE
)


class Filters(NamedTuple):
    """Which VMs to select: all filters must match; *negate* inverts each but the pattern and the names."""

    pattern: str | None = None
    """A regular expression found anywhere in the name, or a whole UUID."""
    names: tuple[str, ...] = ()
    """Names, UUIDs or glob patterns, of which each must match a VM."""
    nodes: tuple[str, ...] = ()
    """Any of these; with a ``!`` in front, none of them. They may be glob patterns."""
    states: tuple[str, ...] = ()
    """Like the nodes."""
    tags: tuple[str, ...] = ()
    """All of these; with a ``!`` in front, none of them. They may be glob patterns; of those with commas between, one
    is enough."""
    without_tags: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    """VNIs or descriptions of networks, or what a VM's document has in place of a VNI: ``hostdev:ens1f0v0``."""
    mac: str | None = None
    """In any spelling of :func:`is_mac`."""
    disk: str | None = None
    """A glob pattern of a volume ``POOL/VOLUME``, or of a file."""
    min_memory: int | None = None
    """In MiB."""
    max_memory: int | None = None
    min_vcpus: int | None = None
    max_vcpus: int | None = None
    sriov: bool = False
    """Whether a VM must use a device of its node: a VF, or another one that is passed through."""
    negate: bool = False

    @property
    def tag_words(self) -> tuple[str, ...]:
        """Each of the tags by itself, where commas stand between some."""
        return tuple(part for word in self.tags for part in _parts(word))

    @property
    def needs_xml(self) -> bool:
        """Whether one of them looks into the XML."""
        return self._replace(negate=False) != Filters(*self[:6])


def is_mac(text: str) -> bool:
    """Tell whether *text* is a MAC address: ``52:54:00:12:34:56``, ``52-54-…``, ``5254.0012.3456`` or bare digits."""
    return bool(_MAC.fullmatch(text))


def _mac_digits(mac: str) -> str:
    """Return the digits of a MAC address, by which two spellings of it are equal."""
    return re.sub(r"[:.-]", "", mac).lower()


def match_value(value: str, wanted: Sequence[str]) -> bool:
    """Tell whether *value* is any of *wanted*, and none of those with a ``!`` in front."""
    return _match((value,), wanted)


def _match(values: Collection[str], wanted: Sequence[str]) -> bool:
    no = [word[1:] for word in wanted if word.startswith("!")]
    yes = [word for word in wanted if not word.startswith("!")]
    return (not yes or any(_has(values, word) for word in yes)) and not any(_has(values, word) for word in no)


def _parts(word: str) -> list[str]:
    return [part for part in word.split(",") if part]


def match_tags(tags: Collection[str], wanted: Filters) -> bool:
    """Tell whether *tags* match the filters on tags."""
    return all(result != wanted.negate for result in _tag_results(tags, wanted))


def _tag_results(tags: Collection[str], wanted: Filters) -> Iterator[bool]:
    for word in wanted.tags:
        yield _match(tags, _parts(word))
    for word in wanted.without_tags:
        yield not _has(tags, word)


def _has(tags: Collection[str], word: str) -> bool:
    return any(_is(tag, word) for tag in tags)


def _is(value: str, word: str) -> bool:
    return value == word or fnmatchcase(value, word)


def match_hardware(found: Hardware, wanted: Filters) -> bool:
    """Tell whether a VM's hardware matches the filters that look into the XML."""
    return all(result != wanted.negate for result in _results(found, wanted))


def _results(found: Hardware, wanted: Filters) -> Iterator[bool]:
    """Yield the result of each filter that is set."""
    for vni in wanted.networks:
        yield any(str(nic.vni) == vni for nic in found.networks)
    if wanted.mac is not None:
        yield any(_mac_digits(nic.mac or "") == _mac_digits(wanted.mac) for nic in found.networks)
    if wanted.disk is not None:
        yield any(fnmatchcase(disk.name or "", wanted.disk) for disk in found.disks)
    for amount, least, most in (
        (found.memory, wanted.min_memory, wanted.max_memory),
        (found.vcpu, wanted.min_vcpus, wanted.max_vcpus),
    ):
        if least is not None:
            yield amount is not None and amount >= least
        if most is not None:
            yield amount is not None and amount <= most
    if wanted.sriov:
        yield bool(found.pci_devices) or any(nic.type in ("direct", "hostdev") for nic in found.networks)
