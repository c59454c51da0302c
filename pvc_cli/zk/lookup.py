"""Look up the names of servers while they are waited for: unknown names are not worth a wait."""

import socket
import threading
from collections.abc import Sequence


class NameLookup:
    """Looks up the names of *addresses*, in a thread of its own: a name server may take its time."""

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self.failure = ""
        """Why no name can be resolved, now or later; empty as long as one may be."""
        threading.Thread(target=self._run, args=(list(addresses),), name="name lookup", daemon=True).start()

    def _run(self, addresses: Sequence[tuple[str, int]]) -> None:
        reason = ""
        for name, port in addresses:
            try:
                socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            except socket.gaierror as error:
                # A name server that is away for a moment may know the name soon.
                if error.errno == socket.EAI_AGAIN:
                    return
                reason = error.strerror or str(error)
            except (OSError, UnicodeError) as error:
                reason = str(error)
            else:
                return
        self.failure = reason
