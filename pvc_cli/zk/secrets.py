"""Mask the secrets of a tree, and put them back where a masked value is restored."""

import re

from pvc_cli.zk.schema import MASK, is_secret

_MASK = MASK.encode()
_VM_XML = re.compile(r"/domains/[^/]+(/snapshots/[^/]+)?/xml")
_PASSWORD = re.compile(rb"""(<graphics\b[^>]*?\bpasswd\s*=\s*)("[^"]*"|'[^']*')""")


def mask(path: str, data: bytes) -> bytes:
    """Return *data*, the value at *path*, with a mask in place of each secret that is not empty."""
    if is_secret(path):
        return _MASK if data else data
    if _VM_XML.fullmatch(path):
        return _PASSWORD.sub(lambda found: found[1] + _quoted(found[2]), data)
    return data


def _quoted(secret: bytes) -> bytes:
    quote, text = secret[:1], secret[1:-1]
    return quote + (_MASK if text else b"") + quote


def is_masked(path: str, data: bytes) -> bool:
    """Tell whether a value lacks a secret."""
    if is_secret(path):
        return data == _MASK
    return bool(_VM_XML.fullmatch(path)) and any(found[2][1:-1] == _MASK for found in _PASSWORD.finditer(data))


def unmask(path: str, data: bytes, found: bytes | None) -> bytes:
    """Return a masked value with its secret as it is in the cluster, or with none if there is none.

    :param found: the value that the cluster has at *path*, if any.
    """
    if is_secret(path):
        return found or b""
    secrets = (match[2] for match in _PASSWORD.finditer(found or b""))

    def put_back(match: re.Match[bytes]) -> bytes:
        # The first console's password goes to the first console, and so on.
        secret = next(secrets, match[2][:1] * 2)
        return match[0] if match[2][1:-1] != _MASK else match[1] + secret

    return _PASSWORD.sub(put_back, data)
