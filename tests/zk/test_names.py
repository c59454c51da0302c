from __future__ import annotations

import pytest
from kazoo.exceptions import BadArgumentsError

from pvc_cli.errors import InvalidItemError
from pvc_cli.zk.names import check_item
from tests.conftest import Tree


@pytest.mark.parametrize("name", ["web-01", "a b", "...", "ß", "漢字", "\u202e", "\u200b", "zookeeper"])
def test_what_can_be_one_znode_passes(name: str) -> None:
    assert check_item(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/", "/etc", "a\x00", "\n", "\x1b[2J", "\x7f", "\udcff", "😀"]
)
def test_what_cannot_be_one_znode_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidItemError, match=r"is not a valid znode name|an empty string") as error:
        check_item(name)
    assert str(error.value).isprintable()


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidItemError):
        check_item(None)


def test_the_refused_characters_are_those_that_zookeeper_refuses(empty: Tree) -> None:
    """One character of every hundred, and all at the edges of the refused ranges, asked of the real server."""
    edges = {edge + shift for edge in (0x1F, 0x7F, 0x9F, 0xD7FF, 0xF8FF, 0xFFEF, 0xFFFF) for shift in (-1, 0, 1, 2)}
    sample = {*range(1, 0x11000, 97), *edges, 0x1F600} - {ord("/"), ord(".")}
    for code in sorted(code for code in sample if not 0xD800 <= code <= 0xDFFF):
        character = chr(code)
        try:
            empty.client.create(f"/x{character}y")
            taken = True
        except BadArgumentsError:
            taken = False
        try:
            check_item(f"x{character}y")
            allowed = True
        except InvalidItemError:
            allowed = False
        assert allowed == taken, hex(code)
