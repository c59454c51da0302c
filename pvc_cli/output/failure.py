"""Errors: a line for people, and an object for programs."""

import sys
from contextlib import suppress

from pvc_cli.errors import hint_in, printable
from pvc_cli.output.writer import Output
from pvc_cli.program import own_commands, own_hints


def report(output: Output, kind: str, message: str, code: int, *more: str) -> int:
    """Report an error: in a line, and, where results are JSON, as a JSON object, too; return its exit code."""
    output.end_wait()
    with suppress(OSError):
        sys.stdout.flush()
    message = own_commands(message) if more else own_hints(message)
    print(f"Error: {printable(message)}", *map(own_commands, more), sep="\n", file=sys.stderr)
    if output.style in ("json", "json-pretty", "jsonl"):
        # Imported here: few errors need it.
        import json

        error = {"code": code, "kind": kind, "message": message, "hint": hint_in(message)}
        print(json.dumps({"error": error}), file=sys.stderr)
    return code
