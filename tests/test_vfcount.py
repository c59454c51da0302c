"""The number of a PF's VFs is changed in a node's configuration, and no other byte is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.connections.vfcount import Edit, edit_vfcount, write_edit
from pvc_cli.errors import ConfigError, ConflictError, NotFoundError, RefusedError
from tests.conftest import examples

CONF = Path("/etc/pvc/pvc.conf")
BLOCK = """\
# Written by hand.
cluster:
  name: "demo"   # its name
guest_networking:
  sriov_enable: yes
  sriov_device:
    # the uplinks
    - phy: ens1f0   # left
      mtu: 9000
      vfcount: 4    # as the switch has it
    - vfcount: 4
      device: ens1f1
subsystem: {enable_networking: yes}
"""


def edit(text: str, phy: str = "ens1f0", count: int = 8) -> Edit:
    return edit_vfcount(CONF, text.encode(), phy, count)


def listed(*entries: str) -> str:
    return "guest_networking:\n  sriov_device:\n" + "".join(f"    - {entry}\n" for entry in entries)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (BLOCK, BLOCK.replace("vfcount: 4    #", "vfcount: 8    #"), 10),
        (BLOCK.replace("\n", "\r\n"), BLOCK.replace("\n", "\r\n").replace("vfcount: 4    #", "vfcount: 8    #"), 10),
        ("\ufeff" + BLOCK, "\ufeff" + BLOCK.replace("vfcount: 4    #", "vfcount: 8    #"), 10),
        (listed("{phy: ens1f0, vfcount: 4}"), listed("{phy: ens1f0, vfcount: 8}"), 3),
        (listed("{vfcount: 04 , phy: ens1f0}"), listed("{vfcount: 8 , phy: ens1f0}"), 3),
        (listed("{phy: ens1f0, vfcount: '4'}"), listed("{phy: ens1f0, vfcount: '8'}"), 3),
        (listed('{"phy":"ens1f0","vfcount":"4"}'), listed('{"phy":"ens1f0","vfcount":"8"}'), 3),
        (listed("phy: ens1f0\n      vfcount:"), listed("phy: ens1f0\n      vfcount: 8"), 4),
        # Where there is none, a line of the entry's own style is added below its name.
        (listed("phy: ens1f0"), listed("phy: ens1f0\n      vfcount: 8"), 4),
        (listed("phy: ens1f0 # left", "phy: b"), listed("phy: ens1f0 # left\n      vfcount: 8", "phy: b"), 4),
        (listed("mtu: 9000\n      phy: ens1f0"), listed("mtu: 9000\n      phy: ens1f0\n      vfcount: 8"), 5),
        (listed('"phy": ens1f0').replace("\n", "\r\n"),
         listed('"phy": ens1f0\n      "vfcount": 8').replace("\n", "\r\n"), 4),
        (listed("phy: ens1f0").rstrip(), listed("phy: ens1f0\n      vfcount: 8").rstrip(), 4),
        (listed("{phy: ens1f0, mtu: 9000}"), listed("{phy: ens1f0, vfcount: 8, mtu: 9000}"), 3),
        (listed('{"phy": "ens1f0"}'), listed('{"phy": "ens1f0", "vfcount": 8}'), 3),
    ],
)  # fmt: skip
def test_only_the_number_changes(before: str, after: str, line: int) -> None:
    made = edit(before)
    assert (made.text.encode(), made.line, made.changes) == (after.encode(), line, True)
    assert yaml.safe_load(made.text) == made.document


def test_the_line_is_shown_before_and_after() -> None:
    made = edit(BLOCK)
    assert (made.before, made.after) == (
        "vfcount: 4    # as the switch has it",
        "vfcount: 8    # as the switch has it",
    )
    assert (made.old, made.new) == (4, 8)
    added = edit(listed("phy: ens1f0"))
    assert (added.before, added.after, added.old) == ("", "vfcount: 8", None)
    assert edit(BLOCK, "ens1f1").before == "- vfcount: 4"


def test_the_same_number_changes_nothing() -> None:
    made = edit(BLOCK, count=4)
    assert (made.changes, made.text) == (False, BLOCK)


@pytest.mark.parametrize(
    "text",
    [
        "n: &n 4\n" + listed("{phy: ens1f0, vfcount: *n}"),
        listed("{phy: ens1f0, vfcount: &n 4}", "{phy: ens1f1, vfcount: *n}"),
        listed("{phy: ens1f0, vfcount: &n 4}"),
        listed("{phy: ens1f0, vfcount: !!int 4}"),
        listed("{phy: ens1f0, vfcount: 4, vfcount: 5}"),
        listed("{phy: ens1f0, vfcount: 4}") + listed("{phy: ens1f0, vfcount: 4}"),
        "base: &base {vfcount: 4}\n" + listed("{<<: *base, phy: ens1f0}"),
        "entry: &entry {phy: ens1f0, vfcount: 4}\n" + listed("*entry"),
        "entry: &entry {phy: ens1f0}\n" + listed("*entry"),
        "name: &name ens1f0\n" + listed("phy: *name"),
        "g: &g {sriov_device: [{phy: ens1f0, vfcount: 4}]}\nguest_networking: *g\n",
        "g: &g {sriov_device: [{phy: ens1f0, vfcount: 4}]}\nguest_networking: {<<: *g}\n",
        listed("phy: ens1f0\n      vfcount: >-\n        4"),
        listed("? phy\n      : ens1f0\n      ? vfcount\n      : |\n       4"),
        listed("phy: >-\n        ens1f0"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_alone_is_left_to_an_editor(text: str) -> None:
    with pytest.raises(
        RefusedError, match=r"pvc\.conf: cannot change the vfcount of ens1f0 alone.*set it to 8 with an"
    ):
        edit(text)


@pytest.mark.parametrize("text", ["{}", "[]", "4", "", "guest_networking: 4", listed("4", "phy: ens2f0")])
def test_a_device_that_is_not_configured_is_not_added(text: str) -> None:
    with pytest.raises(NotFoundError, match=r"has no device 'ens1f0' in guest_networking\.sriov_device: add it"):
        edit(text)


@pytest.mark.parametrize("data", [b"{", b"\xff", b"a: 1\n---\nb: 2\n"])
def test_what_is_not_yaml_is_named(data: bytes) -> None:
    with pytest.raises(ConfigError, match="not valid YAML"):
        edit_vfcount(CONF, data, "ens1f0", 8)


def common(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@examples(100)
@given(
    st.lists(st.fixed_dictionaries({"vfcount": st.integers(0, 300)}, optional={"mtu": st.integers(68, 9999)}),
             min_size=1, max_size=4),
    st.data(),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "'", '"']),
    st.integers(2, 6),
    st.integers(0, 65535),
)  # fmt: skip
def test_no_other_byte_changes_however_it_is_written(
    entries: list[dict[str, object]],
    data: st.DataObject,
    flow: bool | None,
    style: str | None,
    indent: int,
    count: int,
) -> None:
    at = data.draw(st.integers(0, len(entries) - 1))
    devices = [{**entry, "phy": f"ens{number}f0"} for number, entry in enumerate(entries)]
    document = {"cluster": {"name": "ü 4"}, "guest_networking": {"sriov_device": devices}, "vfcount": 4}
    text = yaml.safe_dump(
        document, default_flow_style=flow, default_style=style, indent=indent, allow_unicode=True, width=30
    )
    if style:
        # PyYAML writes a tag to a number in quotes: that is one of the odd ways.
        text = text.replace("!!int ", "")
    made = edit_vfcount(CONF, text.encode(), f"ens{at}f0", count)
    old = devices[at]["vfcount"]
    same = common(text, made.text)
    rest = common(text[same:][::-1], made.text[same:][::-1])
    assert len(text) - same - rest <= len(str(old))
    after = yaml.safe_load(made.text)
    assert int(after["guest_networking"]["sriov_device"][at].pop("vfcount")) == count
    before = yaml.safe_load(text)
    del before["guest_networking"]["sriov_device"][at]["vfcount"]
    assert after == before


def test_owner_mode_and_link_of_the_file_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.conf", tmp_path / "pvc.conf"
    real.write_bytes(BLOCK.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    link.symlink_to(real)
    write_edit(edit_vfcount(link, link.read_bytes(), "ens1f0", 8))
    assert real.read_bytes() == BLOCK.replace("vfcount: 4    #", "vfcount: 8    #").replace("\n", "\r\n").encode()
    assert (link.is_symlink(), real.stat().st_mode & 0o7777) == (True, 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pvc.conf", "real.conf"]


def test_a_file_that_changed_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pvc.conf"
    path.write_text(BLOCK)
    made = edit_vfcount(path, path.read_bytes(), "ens1f0", 8)
    path.write_text(BLOCK + "# by another program\n")
    with pytest.raises(ConflictError, match="was changed meanwhile, and left as it is: rerun"):
        write_edit(made)
    assert path.read_text() == BLOCK + "# by another program\n"
