from __future__ import annotations

import os
import socket

import pytest

from pvc_cli import identity


def test_who_called_sudo_is_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    assert identity.user() == "alice"


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert identity.user() == "uid 3999999"


@pytest.mark.parametrize("name", ["pvchv1", "pvchv1.example.net"])
def test_a_node_is_its_host_name_up_to_the_first_dot(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert identity.host() == "pvchv1"
