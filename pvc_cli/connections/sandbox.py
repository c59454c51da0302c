"""Where the sandbox keeps its state, and whether it runs."""

import json
from pathlib import Path

from pvc_cli.files import state_folder


def sandbox_folder() -> Path:
    """Return the folder of the sandbox's data and state."""
    return state_folder() / "sandbox"


def sandbox_hosts() -> str | None:
    """Return the running sandbox's servers, or None if it does not run."""
    try:
        state = json.loads((sandbox_folder() / "state.json").read_text(encoding="utf-8"))
        hosts, processes = str(state["hosts"]), [int(process) for process in state["processes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return hosts if any(is_sandbox_process(process) for process in processes) else None


def is_sandbox_process(process: int) -> bool:
    """Tell whether *process* is one of the sandbox's servers, not a later process with the same number."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return str(sandbox_folder()).encode() in command
