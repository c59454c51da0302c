"""How to authenticate: from a saved connection, the environment and password files; never a command line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pvc_cli.errors import ConfigError, quoted
from pvc_cli.zk.access import Access, Tls

_VARIABLES = {
    "user": "PVC_ZK_USER",
    "password": "PVC_ZK_PASSWORD",
    "password_file": "PVC_ZK_PASSWORD_FILE",
    "login": "PVC_ZK_LOGIN",
    "tls": "PVC_ZK_TLS",
    "ca": "PVC_ZK_CA",
    "certificate": "PVC_ZK_CERTIFICATE",
    "key": "PVC_ZK_KEY",
    "check_hostname": "PVC_ZK_CHECK_HOSTNAME",
    "acl": "PVC_ZK_ACL",
}
_PASSWORDS = ("password", "password_file")


def environment_access() -> Access:
    """Return how to authenticate to a cluster that is named by its servers: as the environment says.

    :raises ConfigError: if a value is invalid, or a password file is readable by others.
    """
    return _read_access(_from_environment(), "")


def saved_access(entry: Mapping[str, Any], where: str) -> Access:
    """Return how to authenticate to a saved connection.

    The environment, which may be meant for another cluster, gives at most the password that an entry with a user
    leaves out.

    :param where: where the entry is, for the error message.
    :raises ConfigError: if a value is invalid, or a password file is readable by others.
    """
    if unknown := entry.keys() - _VARIABLES.keys():
        raise ConfigError(f"{where}unknown setting {quoted(min(unknown))}: use one of {', '.join(_VARIABLES)}")
    values = dict(entry)
    if values.get("user") and not values.keys() & set(_PASSWORDS):
        values |= {name: value for name, value in _from_environment().items() if name in _PASSWORDS}
    return _read_access(values, where)


def _from_environment() -> dict[str, str]:
    return {name: os.environ[variable] for name, variable in _VARIABLES.items() if os.environ.get(variable)}


def _read_access(values: dict[str, Any], where: str) -> Access:
    if "password" not in values and "password_file" in values:
        values["password"] = _read_password(Path(str(values["password_file"])).expanduser())
    paths = {name: Path(str(values[name])).expanduser() for name in ("ca", "certificate", "key") if values.get(name)}
    check = _flag(values.get("check_hostname", True), f"{where}check_hostname")
    wants_tls = _flag(values.get("tls", bool(paths) or not check), f"{where}tls")
    try:
        return Access(
            user=str(values.get("user", "")),
            password=str(values.get("password", "")),
            scheme=values.get("login", "digest"),
            tls=Tls(**paths, check_hostname=check) if wants_tls else None,
            acl=str(values.get("acl", "open")),
        ).checked()
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from None


def _flag(value: object, what: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    flag = words.get(str(value).lower())
    if flag is None:
        raise ConfigError(f"{what} is {quoted(value)}: use yes or no")
    return flag


def _read_password(path: Path) -> str:
    try:
        require_private(path)
        return path.read_text(encoding="utf-8").rstrip("\n")
    except FileNotFoundError:
        raise ConfigError(f"password file {path} does not exist: check the connection's password_file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read password file {path}: {error}") from None


def require_private(path: Path) -> None:
    """Check that nobody else can read a file with a password in it.

    :raises ConfigError: if others can.
    :raises OSError: if there is no such file.
    """
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} contains a password and others can read it: run chmod 600 {path}")
