"""Keep one sandbox running between commands: start it, say how it is, stop it."""

import contextlib
import json
import os
import shutil
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from pvc_cli.connections.sandbox import is_sandbox_process, sandbox_folder, sandbox_hosts
from pvc_cli.errors import ConfigError, RefusedError
from pvc_cli.files import make_folder, write_file
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler, ZKSchema

_STOP_TIMEOUT = 10.0


class SandboxServer(NamedTuple):
    """A ZooKeeper server of a sandbox."""

    name: str
    """Its address, as clients know it."""
    process: int
    running: bool


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox, as its state file describes it."""

    hosts: str
    processes: list[int]
    vms: int
    schema_version: int

    @property
    def servers(self) -> list[SandboxServer]:
        """Its servers, and which of them run now."""
        return [
            SandboxServer(host, process, is_sandbox_process(process))
            for host, process in zip(self.hosts.split(","), self.processes, strict=True)
        ]


def start(*, servers: int, vms: int, schema_version: int | None, trouble: bool = False) -> Sandbox:
    """Start a sandbox: *servers* ZooKeeper servers with a demo cluster of *vms* VMs.

    :param trouble: bring trouble of every kind to it.
    :raises RefusedError: if one runs already.
    :raises ConfigError: if this machine has no ZooKeeper server or no Java.
    :raises SchemaError: if there is no such schema version.
    """
    if sandbox_hosts():
        raise RefusedError("a sandbox runs already: see 'pvc sandbox status', or end it with 'pvc sandbox stop'")
    schema = ZKSchema(schema_version)
    folder = sandbox_folder()
    _clear(folder)
    make_folder(folder.parent)
    folder.mkdir(mode=0o700)
    # 10,000 VMs are a quarter of a million znodes, which take the JVM about 1 KiB each, twice while it snapshots.
    ensemble = Ensemble(folder, servers, heap=f"{512 + vms // 5}m")
    ensemble.start()
    try:
        with ZKHandler(ensemble.servers[0].hosts) as handler:
            fill(handler, vms=vms, schema=schema)
            if trouble:
                make_trouble(handler)
        sandbox = Sandbox(
            hosts=ensemble.hosts,
            processes=[server.process.pid for server in ensemble.servers if server.process],
            vms=vms,
            schema_version=schema.version,
        )
        write_file(_state_file(folder), json.dumps(asdict(sandbox)))
    except BaseException:
        ensemble.stop()
        raise
    return sandbox


def status() -> Sandbox | None:
    """Return the running sandbox, or None if there is none."""
    if not sandbox_hosts():
        return None
    return Sandbox(**json.loads(_state_file(sandbox_folder()).read_text(encoding="utf-8")))


def stop() -> bool:
    """End the running sandbox and delete its data; return whether there was one."""
    sandbox = status()
    folder = sandbox_folder()
    for process in sandbox.processes if sandbox else ():
        if is_sandbox_process(process):
            os.kill(process, signal.SIGKILL)
    until = time.monotonic() + _STOP_TIMEOUT
    for process in sandbox.processes if sandbox else ():
        while is_sandbox_process(process):
            # Only where this very process started it is it ours to reap.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
            if time.monotonic() > until:
                raise RefusedError(f"the sandbox's process {process} does not end: end it by hand")
            time.sleep(0.01)
    _clear(folder)
    return sandbox is not None


def _clear(folder: Path) -> None:
    """Delete what an earlier sandbox left."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigError(f"{folder} cannot be cleared: {error.strerror}") from None


def _state_file(folder: Path) -> Path:
    return folder / "state.json"
