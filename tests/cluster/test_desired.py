"""What is wrong with a file of desired state on any cluster is refused in one line, with file and line number."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.cluster.desired.model import Part
from pvc_cli.cluster.desired.reading import read_state
from pvc_cli.cluster.sriov.model import SETTINGS
from pvc_cli.errors import ConfigError
from pvc_cli.yaml_text import dump
from pvc_cli.zk.names import check_item


def is_item(name: str) -> bool:
    try:
        return bool(check_item(name)) and name.isprintable()
    except ValueError:
        return False


_LETTERS = st.characters(
    min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Cf", "Cn", "Zl", "Zp"]
)
_ODD = st.sampled_from("0123456789.:-+eExo~#'\"{}[]&*!|>%@`, ")
NAMES = st.text(_ODD | _LETTERS, min_size=1, max_size=12).filter(is_item)
TAG = st.fixed_dictionaries(
    {"name": NAMES}, optional={"type": st.sampled_from(("user", "system")), "protected": st.booleans()}
)
TAGS = st.lists(TAG, unique_by=lambda tag: str(tag["name"]), max_size=4)
METADATA = st.fixed_dictionaries(
    {"profile": NAMES},
    optional={"node_autostart": st.booleans(), "migration_max_downtime": st.integers(0, 2**31 - 1)},
)
CONFIG = st.dictionaries(st.sampled_from(SETTINGS[:2]), st.integers(0, 7), min_size=1)


@given(st.lists(st.tuples(NAMES, TAGS, METADATA), max_size=3), st.lists(st.tuples(NAMES, NAMES, CONFIG), max_size=3))
def test_what_is_written_as_yaml_or_json_is_read_as_it_was_meant(
    vms: list[tuple[str, list[dict[str, object]], dict[str, object]]], vfs: list[tuple[str, str, dict[str, int]]]
) -> None:
    document = {
        "version": 1,
        "vms": [{"vm": name, "tags": tags, "metadata": metadata} for name, tags, metadata in vms],
        "vfs": [{"node": node, "vf": vf, "config": config} for node, vf, config in vfs],
    }
    for text in (dump(document), dump(document, unicode=False), json.dumps(document, ensure_ascii=False)):
        state = read_state(text, "state")
        read = [(e.words[0].text, {part: value for part, (value, _) in e.said.items()}) for e in state.vms]
        assert read == [(name, {**said_of(tags), **fields(metadata, "metadata")}) for name, tags, metadata in vms]
        set_ = [(e.nodes[0].text, e.vfs[0].text, {p: value for p, (value, _) in e.said.items()}) for e in state.vfs]
        assert set_ == [(node, vf, fields(config, "setting")) for node, vf, config in vfs]


def fields(values: object, kind: str) -> dict[Part, object]:
    assert isinstance(values, dict)
    return {Part(kind, name): value for name, value in values.items()}


def said_of(tags: list[dict[str, object]]) -> dict[Part, object]:
    said: dict[Part, object] = {}
    for tag in tags:
        said[Part("tag", str(tag["name"]))] = True
        said |= {Part(key, str(tag["name"])): tag[key] for key in ("type", "protected") if key in tag}
    return said


def state(rest: str) -> str:
    return f"version: 1\n{rest}\n"


def vm(rest: str) -> str:
    return state(f"vms:\n- vm: web-01\n  {rest}")


def vf(config: str) -> str:
    return state(f"vfs:\n- node: pvchv1\n  vf: ens1f0v0\n  config: {{{config}}}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", " is empty: give at least 'version: 1'"),
        ("# nothing\n", " is empty: give at least 'version: 1'"),
        ("vms: []", ", line 1: 'version' is missing: give it"),
        ("version: 2", ", line 1: this pvc reads version 1 of such files, not 2: upgrade pvc"),
        ("version: '1'", ", line 1: version: expected a number from 0 to 1000000000, not '1' in quotes"),
        ("version: 1\nversion: 1", ", line 2: the key 'version' stands here twice: remove one"),
        ("version: 1\n---\nversion: 1", ", line 2: a second document begins: give one file for each"),
        ("version: 1\nvms: [", ", line 3 is not valid YAML: "),
        ("version: 1\n\tvms: []", ", line 2 is not valid YAML: "),
        ("just text", ", line 1: expected a mapping, not a text: give another file"),
        (state("vm: []"), ", line 2: unknown key 'vm': did you mean 'vms'?"),
        (state("vms: {web-01: []}"), ", line 2: vms: expected a list of VMs, not a mapping"),
        (state("vms:\n- web-01"), ", line 3: expected a mapping with vm, tags and metadata, not 'web-01'"),
        (state("vms:\n- tags: [a]"), ", line 3: 'vm' is missing: give it"),
        (state("vms:\n- vm: web-01"), ", line 3: the entry says nothing about its VMs: give tags or metadata"),
        (state("vms:\n- vm: []\n  tags: []"), ", line 3: vm: expected the name of a VM, a pattern, or"),
        (state("vms:\n- vm: ~\n  tags: []"), ", line 3: vm: expected the name of a VM, a pattern, or"),
        (vm("tags: [a]\n  tags: [b]"), ", line 5: the key 'tags' stands here twice: remove one"),
        (vm("tags: a"), ", line 4: tags: expected a list of tags, not 'a'"),
        (vm("tags:"), ", line 4: tags: expected a list of tags, not nothing"),
        (vm("tags: [a, b, a]"), ", line 4: the tag 'a' stands in this entry twice: remove one"),
        (vm("tags: [{type: user}]"), ", line 4: 'name' is missing: give it"),
        (vm("tags: [{name: a, kind: user}]"), ", line 4: unknown key 'kind': use name, type and protected"),
        (vm("tags: [{name: a, type: admin}]"), ", line 4: type: expected user or system, not 'admin'"),
        (vm("tags: [{name: a, protected: yes}]"), ", line 4: protected: expected true or false, not 'yes'"),
        (vm("tags: [{name: a, protected: 'true'}]"), ", line 4: protected: expected true or false, not 'true' in"),
        (vm("tags: [a/b]"), ", line 4: 'a/b' is not a valid tag: it contains a slash"),
        (vm("tags: ['']"), ", line 4: an empty string is not a valid tag"),
        (vm('tags: ["\\e[0m"]'), ", line 4: '\\x1b[0m' does not print: use letters, digits and signs"),
        (vm("tags: [!!str a]"), ", line 4: tags such as tag:yaml.org,2002:str are not supported: remove it"),
        (vm("tags: [&a x, *a]"), ", line 4: aliases are not supported: write out what it stands for"),
        (vm("<<: {tags: [a]}"), ", line 4: unknown key '<<': use vm, tags and metadata"),
        (vm("? [a]\n  : b"), ", line 4: expected a key, not a list or a mapping"),
        (vm(f"tags: {'[' * 50}{']' * 50}"), ", line 4: it is nested too deeply: check the indentation"),
        (vm("metadata: {autostart: true}"), ", line 4: unknown key 'autostart': did you mean 'node_autostart'?"),
        (vm("metadata: {node_limit: pvchv1}"), ", line 4: node_limit: expected a list of nodes, not 'pvchv1'"),
        (vm("metadata: {node_limit: ['a,b']}"), ", line 4: 'a,b' is not the name of a node: give one name an item"),
        (vm("metadata: {migration_max_downtime: 010}"), ", line 4: migration_max_downtime: expected a number from"),
        (vm("metadata: {migration_max_downtime: -1}"), ", line 4: migration_max_downtime: expected a number from"),
        (vm("metadata: {migration_method: fly}"), ", line 4: migration_method: expected none, live or shutdown, not"),
        (vf(""), ", line 5: it sets nothing: give at least one of vlan_id"),
        (vf("vlan_id: 4095"), ", line 5: vlan_id: 4095 is out of range: give 0 to 4094"),
        (vf(f"vlan_id: {'9' * 5000}"), ", line 5: vlan_id: 9999"),
        (vf("vlan: 1"), ", line 5: unknown key 'vlan': did you mean 'vlan_id'?"),
        (vf("link_state: up"), ", line 5: link_state: expected auto, enable or disable, not 'up'"),
        (vf("tx_rate_min: 9, tx_rate_max: 5"), ", line 5: the minimum rate would be 9 Mbit/s, above the maximum"),
        (state("vfs:\n- {node: a, vf: b}"), ", line 3: the entry says nothing about its VFs: give a profile"),
        (state("vfs:\n- {node: a, vf: b, profile: c}"), ", line 3: there is no profile 'c': give it in vf_profiles"),
        (state("vf_profiles: {a: {}}"), ", line 2: it sets nothing: give at least one of vlan_id"),
        ("version: 1\n# \udcff", ", line 2 is not UTF-8 text: save the file as UTF-8"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_state(text, "state.yaml")
    assert str(error.value).startswith(f"state.yaml{said}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["on", "1e3", "010", "12:30", "52:54:00:12:34:56", "true", "'null'", '"a"', "0x1F", "-1"]
)
def test_a_tag_is_the_text_that_is_written(name: str) -> None:
    (entry,) = read_state(vm(f"tags:\n  - {name}\n  - {{name: x}}"), "state.yaml").vms
    assert [part for part in entry.said if part.kind == "tag"] == [Part("tag", name.strip("'\"")), Part("tag", "x")]


def test_json_is_read_as_it_is() -> None:
    text = '{"version": 1, "vms": [{"vm": "web-01", "tags": [{"name": "\\u00e4", "protected": true}],'
    text += ' "metadata": {"profile": "😀", "node_limit": []}}]}'
    (entry,) = read_state(text, "state.json").vms
    assert {part: value for part, (value, _) in entry.said.items()} == {
        Part("tag", "ä"): True,
        Part("protected", "ä"): True,
        Part("metadata", "profile"): "😀",
        Part("metadata", "node_limit"): (),
    }
