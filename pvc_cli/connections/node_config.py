"""PVC's configuration of this machine, ``pvc.conf``: where it is, and which cluster it names."""

import os
import socket
from pathlib import Path
from typing import Any

from pvc_cli.connections.yaml_file import parse_yaml, read_bytes, read_yaml
from pvc_cli.errors import ConfigError

PVC_CONFIG = Path("/etc/pvc/pvc.conf")
_ZOOKEEPER_PORT = 2181
_HOW_TO_NAME_ONE = (
    "use --coordinators HOST[:PORT],…, save the servers with"
    " 'pvc connection add NAME HOST[:PORT],…', or try pvc on a demo cluster with 'pvc sandbox start'"
)


def find_node_config(given: Path | None = None) -> Path:
    """Return the path of the configuration: *given*, else PVC_CONFIG_FILE, else PVC's own."""
    return given or Path(os.environ.get("PVC_CONFIG_FILE") or PVC_CONFIG)


def read_node_config(given: Path | None = None) -> tuple[Path, Any]:
    """Return the path of a node's PVC configuration, and its document.

    :raises ConfigError: if the file does not exist or is not YAML.
    """
    path, data = read_config_file(given)
    return path, parse_yaml(path, data)


def read_config_file(given: Path | None = None) -> tuple[Path, bytes]:
    """Return the path of a node's PVC configuration, and its bytes.

    :raises ConfigError: if the file does not exist or cannot be read.
    """
    path = find_node_config(given)
    try:
        return path, read_bytes(path)
    except FileNotFoundError:
        raise ConfigError(f"PVC configuration {path} does not exist: use another with --config") from None


def configured_hosts(given: Path | None = None) -> tuple[str, Path] | None:
    """Return the ZooKeeper servers in PVC's configuration, and its path; None if there is no such file.

    :raises ConfigError: if PVC_CONFIG_FILE is a file that does not exist, or the file is invalid.
    """
    path = find_node_config(given)
    try:
        document = read_yaml(path)
    except FileNotFoundError:
        if os.environ.get("PVC_CONFIG_FILE"):
            raise ConfigError(f"PVC_CONFIG_FILE is {path}, which does not exist: correct or unset it") from None
        return None
    nodes = _dig(document, "cluster", "coordinator_nodes")
    if nodes is None:
        raise ConfigError(f"{path}: cluster.coordinator_nodes is missing: {_HOW_TO_NAME_ONE}")
    if not (isinstance(nodes, list) and nodes and all(isinstance(node, str) and node for node in nodes)):
        raise ConfigError(f"{path}: cluster.coordinator_nodes is not a list of host names: {_HOW_TO_NAME_ONE}")
    port = _dig(document, "database", "zookeeper", "port")
    port = _ZOOKEEPER_PORT if port is None else port
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigError(f"{path}: database.zookeeper.port is not a port: use a number from 1 to 65535")
    domain = _dig(document, "cluster", "networks", "cluster", "domain")
    return ",".join(f"{_resolvable(node, domain)}:{port}" for node in nodes), path


def _dig(document: object, *names: str) -> object:
    """Return what lies under *names* in nested mappings, or None."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _resolvable(node: str, domain: object) -> str:
    """Return *node* as PVC's daemons use it, or in the cluster's domain if that does not resolve."""
    if ":" in node:
        return f"[{node}]"  # an IPv6 address
    if "." in node or not isinstance(domain, str):
        return node
    try:
        socket.getaddrinfo(node, None)
    except OSError:
        return f"{node}.{domain}"
    return node
