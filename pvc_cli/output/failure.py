"""Errors: a line for people, and an object for programs."""

import sys

from pvc_cli.errors import EXIT_CONFLICT, EXIT_REFUSED, EXIT_UNREACHABLE, hint_in, printable
from pvc_cli.output.messages import Failure
from pvc_cli.output.streams import OutputError, ReaderGoneError, give_up
from pvc_cli.output.writer import Output
from pvc_cli.program import own_commands, own_hints

_KINDS = {EXIT_REFUSED: "refused", EXIT_UNREACHABLE: "unreachable", EXIT_CONFLICT: "conflict"}
"""Of what kind errors are that a command has only said, by its exit code."""


def report(output: Output, kind: str, message: str, code: int, *more: str) -> int:
    """Report an error: in a line, and, where results are JSON, as a JSON object, too; return its exit code."""
    lines = (_say(output, message, *more), *map(own_commands, more))
    _as_object(output, kind, ", ".join(" ".join(line.split()) for line in lines) if more else lines[0], code)
    return code


def say(output: Output, kind: str, message: str, code: int, *more: str) -> None:
    """Say an error in a line, and go on: :func:`report_said` reports it to programs, with the others."""
    output.failures.append(Failure(_say(output, message, *more), kind, code))


def report_said(output: Output, code: int) -> int:
    """Report to programs, as one JSON object, what a command has said before it ended with an exit code."""
    if code and output.failures:
        worst = next((one for one in output.failures if one.code == code), output.failures[0])
        others = len(output.failures) - 1
        message = f"{worst.message} (and {others} more)" if others else worst.message
        kind = worst.kind if worst.code == code else _KINDS.get(code, "error")
        _as_object(output, kind, own_hints(message), code)
    return code


def _say(output: Output, message: str, *more: str) -> str:
    output.end_wait()
    try:
        sys.stdout.flush()
    except (OutputError, ReaderGoneError):
        give_up(sys.stdout)
    message = own_commands(message) if more else own_hints(message)
    print(f"Error: {printable(message)}", *map(own_commands, more), sep="\n", file=sys.stderr)
    return message


def _as_object(output: Output, kind: str, message: str, code: int) -> None:
    if output.style in ("json", "json-pretty", "jsonl"):
        # Imported here: few errors need it.
        from pvc_cli.output.formats import as_json

        print(as_json(error_document(kind, message, code), sys.stderr), file=sys.stderr)


def error_document(kind: str, message: str, code: int) -> dict[str, dict[str, str | int | None]]:
    """Return the document of an error."""
    return {"error": {"code": code, "kind": kind, "message": message, "hint": hint_in(message)}}
