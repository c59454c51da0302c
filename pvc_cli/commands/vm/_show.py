"""How VMs are shown."""

from pvc_cli.output.writer import known

STATE_COLOURS = {"start": "green", "fail": "red", "stop": "yellow", "disable": "dim"}


def memory_text(mebibytes: int | None) -> str:
    if mebibytes is None or mebibytes % 1024:
        return f"{known(mebibytes)} MiB"
    return f"{mebibytes // 1024} GiB"
