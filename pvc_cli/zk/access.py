"""How to be let in: who we are, how the wire is protected, and who may do what with what we create."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pvc_cli.errors import ConfigError, quoted

Scheme = Literal["digest", "sasl"]
SCHEMES: tuple[Scheme, ...] = ("digest", "sasl")
_ACL = re.compile(r"(?P<scheme>[a-z0-9]+):(?P<id>.+):(?P<permissions>[cdrwa]+)")


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS to the servers.

    :raises ConfigError: if there is a certificate without a key, or a key without a certificate.
    """

    ca: Path | None = None
    """Whose certificates are believed; those that this machine believes, if not given."""
    certificate: Path | None = None
    """The client's own, for servers that ask for one."""
    key: Path | None = None
    check_hostname: bool = True
    """Whether the server's certificate has to be for the name that it was called by."""

    def __post_init__(self) -> None:
        """Refuse half of a pair."""
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("a client certificate and its key go together: give both 'certificate' and 'key'")


@dataclass(frozen=True, slots=True)
class Access:
    """What a session needs beside the servers' addresses; by default nothing, as most PVC clusters have it.

    :raises ConfigError: if something of it makes no sense.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    scheme: Scheme = "digest"
    """How *user* and *password* are shown: ZooKeeper's own digest, or SASL's DIGEST-MD5."""
    tls: Tls | None = None
    acl: str = "open"
    """Who may use what we create: ``open``, ``creator``, or a list: ``world:anyone:r,digest:pvc:HASH=:cdrwa``."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sent."""
        if self.scheme not in SCHEMES:
            raise ConfigError(f"{quoted(self.scheme)} is no way to log in: give {' or '.join(SCHEMES)}")
        if ":" in self.user and self.scheme == "digest":
            raise ConfigError(f"{quoted(self.user)} cannot be a user: it holds a colon")
        if bool(self.user) != bool(self.password):
            raise ConfigError("a user and a password go together: give both")
        if self.acl == "creator" and not self.user:
            raise ConfigError("an ACL of 'creator' needs a creator: give a user and a password")
        self.entries()

    def entries(self) -> tuple[tuple[str, str, str], ...] | None:
        """Return the ACL's entries as scheme, id and permissions; None where it is `open` or `creator`.

        :raises ConfigError: if the ACL makes no sense.
        """
        if self.acl in ("open", "creator"):
            return None
        entries = []
        for entry in self.acl.split(","):
            match = _ACL.fullmatch(entry.strip())
            if not match:
                raise ConfigError(
                    f"{quoted(entry)} is no entry of an ACL: give open, creator, or SCHEME:ID:PERMISSIONS with commas"
                    " between, such as world:anyone:r"
                )
            entries.append((match["scheme"], match["id"], match["permissions"]))
        return tuple(entries)


NO_ACCESS = Access()
"""What servers that ask for nothing need."""
