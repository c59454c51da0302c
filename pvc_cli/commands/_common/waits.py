"""Whether it makes sense to wait for the nodes' daemons."""

from pvc_cli.cluster.waiting import require_daemons
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.errors import InvalidInputError, RefusedError
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler


def require_wait(handler: ZKHandler) -> None:
    """Check that there are daemons to wait for.

    :raises RefusedError: on a backup, and in the sandbox.
    """
    require_daemons(handler)
    refuse_in_sandbox(handler, "omit --wait")


def refuse_in_plan(output: Output) -> None:
    """Refuse to wait where the change is only written to a file.

    :raises InvalidInputError: if a plan is wanted.
    """
    if output.plan:
        raise InvalidInputError("a plan waits for nothing when it is carried out: drop --wait, or --plan")


def refuse_in_sandbox(handler: ZKHandler, advice: str) -> None:
    """Refuse to wait in the sandbox, and give *advice*.

    :raises RefusedError: if it is the sandbox.
    """
    if handler.hosts == sandbox_hosts():
        raise RefusedError(f"cannot wait: the sandbox runs no node daemons, which would act on it; {advice}")
