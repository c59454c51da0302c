from __future__ import annotations

import pytest

from pvc_cli.suggest import likely

VMS = [f"app-{number:02}" for number in range(1, 41)]


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("app-1", VMS, ["app-01"]),
        ("app-021", VMS, ["app-21"]),
        ("APP-01", VMS, ["app-01"]),
        ("web1", ["web01", "web-01", "web10"], ["web01"]),
        ("--vlan", ["--plan", "--vlan-id", "--vlan-qos"], ["--vlan-id", "--vlan-qos"]),
        ("--last", ["--plan", "--paths"], []),
        ("--dry_run", ["--dry-run", "--day"], ["--dry-run"]),
        ("app-99", VMS, []),  # four and more are as likely
        ("pvchv9", ["pvchv1", "pvchv2", "pvchv3"], ["pvchv1", "pvchv2", "pvchv3"]),
        ("renam", ["add", "list", "rename"], ["rename"]),
        ("zzz", VMS, []),
        ("", VMS, []),
        ("a", [], []),
    ],
)
def test_a_name_is_suggested_unless_many_are_as_likely(name: str, known: list[str], expected: list[str]) -> None:
    assert likely(name, known) == expected
