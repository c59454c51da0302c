"""Read a file of desired state: everything that can be wrong on any cluster is refused, with its line."""

from collections.abc import Iterator, Mapping

from pvc_cli.cluster.desired.model import VERSION, Part, Place, Said, State, VfEntry, VmEntry, Word
from pvc_cli.cluster.sriov.model import SETTINGS, Settings, Value
from pvc_cli.cluster.sriov.settings import LINK_STATES, RANGES, check_settings
from pvc_cli.cluster.vms.metadata import KEYS, METHODS, MOST_MS, NODE_SELECTORS
from pvc_cli.errors import InvalidInputError, InvalidItemError, hint, quoted
from pvc_cli.yaml_nodes import Node, parse_nodes
from pvc_cli.zk.names import check_item

_TAG_TYPES = ("user", "system")


def read_state(text: str, source: str) -> State:
    """Return what a file says.

    :param text: what is in it.
    :param source: what it is called in messages.
    :raises ConfigError: naming the line, if it is not such a file.
    """
    top = parse_nodes(text, source).entries(("version", "vms", "vf_profiles", "vfs"), required=("version",))
    _check_version(top["version"])
    profiles = _profiles(top["vf_profiles"]) if "vf_profiles" in top else {}
    return State(
        source,
        tuple(map(_vm_entry, top["vms"].items("a list of VMs") if "vms" in top else ())),
        tuple(_vf_entry(node, profiles) for node in (top["vfs"].items("a list of VFs") if "vfs" in top else ())),
    )


def _check_version(node: Node) -> None:
    version = node.number(10**9)
    if version != VERSION:
        raise node.fault(f"this pvc reads version {VERSION} of such files, not {version}: upgrade pvc")


def _place(node: Node) -> Place:
    return Place(node.source, node.line)


def _words(node: Node, what: str) -> tuple[Word, ...]:
    return tuple(Word(one.text(what), _place(one)) for one in node.texts(what))


def _vm_entry(node: Node) -> VmEntry:
    found = node.entries(("vm", "tags", "metadata"), required=("vm",))
    if len(found) == 1:
        raise node.fault("the entry says nothing about its VMs: give tags or metadata")
    said: dict[Part, tuple[object, Place]] = {}
    for tag in found["tags"].items("a list of tags") if "tags" in found else ():
        _add_tag(tag, said)
    if "metadata" in found:
        for name, value in found["metadata"].entries(tuple(KEYS)).items():
            said[Part("metadata", name)] = _metadata(name, value), _place(value)
    return VmEntry(_words(found["vm"], "the name of a VM, a pattern, or a list of them"), said, "tags" in found)


def _add_tag(node: Node, said: dict[Part, tuple[object, Place]]) -> None:
    """Add what a tag's line says: its name alone, or a mapping with more."""
    detailed = isinstance(node.value, dict)
    found = node.entries(("name", "type", "protected"), required=("name",)) if detailed else {"name": node}
    name = found["name"].text("the name of a tag, or a mapping with name, type and protected")
    try:
        check_item(name, "tag")
    except InvalidItemError as error:
        raise found["name"].fault(str(error)) from None
    if Part("tag", name) in said:
        raise node.fault(f"the tag {quoted(name)} stands in this entry twice: remove one")
    said[Part("tag", name)] = True, _place(node)
    if "type" in found:
        said[Part("type", name)] = found["type"].choice(_TAG_TYPES), _place(found["type"])
    if "protected" in found:
        said[Part("protected", name)] = found["protected"].flag(), _place(found["protected"])


def _metadata(name: str, node: Node) -> object:
    """Return the value of one field of a VM's metadata."""
    if name == "node_limit":
        nodes = [one.text("the name of a node") for one in node.items("a list of nodes")]
        for one, text in zip(node.items(""), nodes, strict=True):
            if "," in text or not text.strip():
                raise one.fault(f"{quoted(text)} is not the name of a node: give one name an item")
        return tuple(dict.fromkeys(nodes))
    if name == "node_selector":
        return node.choice(NODE_SELECTORS)
    if name == "migration_method":
        return node.choice(METHODS)
    if name == "node_autostart":
        return node.flag()
    if name == "migration_max_downtime":
        return node.number(MOST_MS)
    return node.text("the name of a profile")


def _profiles(node: Node) -> dict[str, Said]:
    """Return the settings of each named profile."""
    return {name: _settings(one) for name, one in node.mapping("a mapping of names to settings").items()}


def _settings(node: Node) -> Said:
    found = {Part("setting", name): (_setting(name, one), _place(one)) for name, one in _entries(node)}
    if not found:
        raise node.fault(f"it sets nothing: give at least one of {', '.join(SETTINGS)}")
    _check_together(node, found)
    return found


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    yield from node.entries(SETTINGS).items()


def _setting(name: str, node: Node) -> Value:
    if name in RANGES:
        return node.number(RANGES[name])
    return node.choice(LINK_STATES) if name == "link_state" else node.flag()


def _check_together(node: Node, said: Said) -> None:
    """Refuse settings that exclude each other."""
    try:
        check_settings(settings_of(said))
    except InvalidInputError as error:
        raise node.fault(str(error)) from None


def settings_of(said: Said) -> Settings:
    """Return the settings of a VF that are *said*."""
    return {
        part.name: value for part, (value, _) in said.items() if part.kind == "setting" and isinstance(value, Value)
    }


def _vf_entry(node: Node, profiles: Mapping[str, Said]) -> VfEntry:
    found = node.entries(("node", "vf", "profile", "config"), required=("node", "vf"))
    if not {"profile", "config"} & found.keys():
        raise node.fault("the entry says nothing about its VFs: give a profile or a config")
    said: dict[Part, tuple[object, Place]] = {}
    if "profile" in found:
        name = found["profile"].text("the name of one of the vf_profiles")
        if name not in profiles:
            advice = hint(name, profiles, "give it in vf_profiles")
            raise found["profile"].fault(f"there is no profile {quoted(name)}: {advice}")
        said |= {part: (value, _place(found["profile"])) for part, (value, _) in profiles[name].items()}
    if "config" in found:
        said |= _settings(found["config"])
    _check_together(node, said)
    return VfEntry(
        _words(found["node"], "the name of a node, a pattern, or a list of them"),
        _words(found["vf"], "the name of a VF, a pattern, or a list of them"),
        said,
    )
