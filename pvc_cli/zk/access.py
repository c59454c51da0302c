"""How a session authenticates: credentials, TLS, and the ACL of new znodes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from pvc_cli.errors import ConfigError, quoted

Scheme = Literal["digest", "sasl"]
SCHEMES: tuple[Scheme, ...] = ("digest", "sasl")
_ACL = r"(?P<scheme>[a-z0-9]+):(?P<id>.+):(?P<permissions>[cdrwa]+)"


class Tls(NamedTuple):
    """TLS to the servers."""

    ca: Path | None = None
    """CA bundle; the system trust store if None."""
    certificate: Path | None = None
    """The client's own, for servers that ask for one."""
    key: Path | None = None
    check_hostname: bool = True
    """Whether to verify the host name in the server's certificate."""


class Access(NamedTuple):
    """Credentials, TLS and ACL of a session; by default none, as on most PVC clusters."""

    user: str = ""
    password: str = ""
    scheme: Scheme = "digest"
    """How to authenticate: ZooKeeper's own digest, or SASL's DIGEST-MD5."""
    tls: Tls | None = None
    acl: str = "open"
    """ACL of new znodes: ``open``, ``creator``, or a list: ``world:anyone:r,digest:pvc:HASH=:cdrwa``."""

    def __repr__(self) -> str:
        return f"Access(user={self.user!r}, scheme={self.scheme!r}, tls={self.tls!r}, acl={self.acl!r})"

    def checked(self) -> Access:
        """Return this, if it is valid.

        :raises ConfigError: if a value is invalid, or one of a pair is missing.
        """
        if self.tls and (self.tls.certificate is None) != (self.tls.key is None):
            raise ConfigError("a client certificate and its key go together: set both 'certificate' and 'key'")
        if self.scheme not in SCHEMES:
            raise ConfigError(f"unknown login scheme {quoted(self.scheme)}: use {' or '.join(SCHEMES)}")
        if ":" in self.user and self.scheme == "digest":
            raise ConfigError(f"invalid user {quoted(self.user)}: it contains a colon")
        if bool(self.user) != bool(self.password):
            raise ConfigError("a user and a password go together: set both")
        if self.acl == "creator" and not self.user:
            raise ConfigError("ACL 'creator' needs a user and a password: set both")
        self.entries()
        return self

    def entries(self) -> tuple[tuple[str, str, str], ...] | None:
        """Return the ACL's entries as scheme, id and permissions; None where it is `open` or `creator`.

        :raises ConfigError: if the ACL is invalid.
        """
        if self.acl in ("open", "creator"):
            return None
        entries = []
        for entry in self.acl.split(","):
            match = re.fullmatch(_ACL, entry.strip())
            if not match:
                raise ConfigError(
                    f"invalid ACL entry {quoted(entry)}: use open, creator, or"
                    " SCHEME:ID:PERMISSIONS separated by commas, such as world:anyone:r"
                )
            entries.append((match["scheme"], match["id"], match["permissions"]))
        return tuple(entries)


NO_ACCESS = Access()
"""No credentials, no TLS."""
