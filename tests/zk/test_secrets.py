"""Secrets in values: masked, and restored where they were masked."""

from __future__ import annotations

from pvc_cli.zk.secrets import is_masked, mask, unmask

XML = "/domains/6b5299ee-0cbe-57c1-bbca-3fb17f4934f8/xml"


def test_every_console_gets_its_own_password_back() -> None:
    value = b"<graphics type='vnc' passwd='one'/><graphics type='spice'/><graphics type='spice' passwd = \"two\"/>"
    masked = mask(XML, value)
    assert b"one" not in masked
    assert b"two" not in masked
    assert is_masked(XML, masked)
    assert unmask(XML, masked, value) == value
    assert unmask(XML, masked, None) == value.replace(b"one", b"").replace(b"two", b"")
