"""The multiRead codec, without a server: its own bytes, and bytes that lie."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.errors import AccessDeniedError, ProtocolError
from pvc_cli.zk.multiread import MultiRead
from pvc_cli.zk.store import Read, Znode

STAT = bytes(range(68))
READS = [Read("/a"), Read("/b", children=True), Read("/gone")]
REPLY = (
    struct.pack(">i?ii", 4, False, 0, 2) + b"hi" + STAT
    + struct.pack(">i?iii", 8, False, 0, 2, 1) + b"x" + struct.pack(">i", 2) + b"yz"
    + struct.pack(">i?ii", -1, False, -101, -101)
    + struct.pack(">i?i", -1, True, -1)
)  # fmt: skip


def test_a_request_has_zookeepers_layout() -> None:
    assert MultiRead([Read("/a"), Read("/b", children=True)]).serialize() == (
        b"\0\0\0\4\0\xff\xff\xff\xff" + b"\0\0\0\2/a\0"
        b"\0\0\0\x08\0\xff\xff\xff\xff" + b"\0\0\0\2/b\0"
        b"\xff\xff\xff\xff\1\xff\xff\xff\xff"
    )


def test_a_reply_is_read_in_order() -> None:
    assert MultiRead(READS).deserialize(b"head" + REPLY, 4) == [Znode(b"hi", STAT), ["x", "yz"], None]


def test_a_value_that_is_null_is_empty() -> None:
    reply = struct.pack(">i?ii", 4, False, 0, -1) + STAT + struct.pack(">i?i", -1, True, -1)
    assert MultiRead([Read("/a")]).deserialize(reply, 0) == [Znode(b"", STAT)]


@pytest.mark.parametrize("length", range(len(REPLY)))
def test_a_reply_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError):
        MultiRead(READS).deserialize(REPLY[:length], 0)


@pytest.mark.parametrize("reads", [READS[:2], [*READS, Read("/more")]])
def test_another_number_of_results_than_reads_is_refused(reads: list[Read]) -> None:
    with pytest.raises(ProtocolError):
        MultiRead(reads).deserialize(REPLY, 0)


def test_a_znode_that_may_not_be_read_is_named() -> None:
    reply = struct.pack(">i?ii", -1, False, -102, -102)
    with pytest.raises(AccessDeniedError, match="/secret"):
        MultiRead([Read("/secret")]).deserialize(reply, 0)


def test_another_error_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="-1"):
        MultiRead([Read("/a")]).deserialize(struct.pack(">i?ii", -1, False, -1, -1), 0)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_do_anything_but_answer_or_refuse(reply: bytes) -> None:
    with contextlib.suppress(ProtocolError, AccessDeniedError):
        assert len(MultiRead(READS).deserialize(reply, 0)) == 3


@given(st.integers(0, len(REPLY) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_no_crash(position: int, value: int) -> None:
    reply = bytearray(REPLY)
    reply[position] = value
    with contextlib.suppress(ProtocolError, AccessDeniedError):
        assert len(MultiRead(READS).deserialize(bytes(reply), 0)) == 3
