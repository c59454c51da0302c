from __future__ import annotations

import os
import re
import socket

import pytest

from pvc_cli import identity
from pvc_cli.connections.session import log_line


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The user that the kernel keeps of a login: none, unless a test appends one."""
    uids: list[int | None] = [None]
    monkeypatch.setattr(identity, "_login_uid", lambda: uids[-1])
    return uids


def test_root_is_believed_who_called_sudo_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert identity.user() == "alice"
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert identity.user() == "uid 3999999"


def test_the_kernels_login_is_believed_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, login: list[int | None]
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    login.append(3_999_998)
    assert identity.user() == "uid 3999998"


@pytest.mark.parametrize(
    "words",
    [
        ["pvc", "vm", "tag", "add", "--all", "two words"],
        ["pvc", 'a" user="mallory'],
        ["pvc", "a\npvc[1]: user=root"],
        ["pvc", "\udcff\\"],
    ],
)
def test_a_log_line_has_fields_that_nobody_can_forge(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    line = log_line("hv1 user=x,hv2", words)
    assert line.splitlines() == [line]
    assert line.encode()
    prefix = 'user="uid 3999999" uid="3999999" cluster="hv1 user=x,hv2" command="'
    assert line.startswith(prefix)
    assert re.fullmatch(r'(\w+="(?:[^"\\]|\\.)*" ?){4}', line)


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert identity.user() == "uid 3999999"


@pytest.mark.parametrize("name", ["pvchv1", "pvchv1.example.net"])
def test_a_node_is_its_host_name_up_to_the_first_dot(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert identity.host() == "pvchv1"
