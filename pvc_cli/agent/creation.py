"""Create VFs without waiting for the driver, which may take minutes; retry what failed, ever more rarely."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from pvc_cli.agent.kernel import Kernel, KernelError

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0


@dataclass(slots=True)
class Creation:
    """One PF's VFs that are being created, or could not be."""

    count: int
    error: KernelError | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    failures: int = 0
    retry_at: float = 0.0
    """When to try again, on the monotonic clock."""


@dataclass(slots=True)
class Creations:
    """Creates VFs, each PF's in a thread of its own, so that its other PFs need not wait.

    :param patience: how long, in seconds, to wait for one before going on without it; None for as long as it takes.
    :param on_end: is called in that thread when one has ended that was not waited for.
    """

    kernel: Kernel
    patience: float | None = None
    on_end: Callable[[], object] = lambda: None
    _of: dict[str, Creation] = field(default_factory=dict)

    def create(self, phy: str, count: int) -> bool:
        """Create *count* VFs on a PF that has none, or go on with it; tell whether they are there.

        :raises KernelError: if that failed, also earlier, and it is not time to try again.
        """
        creation = self._of.get(phy)
        if creation is None or (creation.ended.is_set() and self._is_due(creation, count)):
            failures = creation.failures if creation and creation.count == count else 0
            creation = self._of[phy] = Creation(count, failures=failures)
            threading.Thread(
                target=self._run, args=(phy, creation), name=f"creating VFs of {phy}", daemon=True
            ).start()
            creation.ended.wait(self.patience)
        if not creation.ended.is_set():
            return False
        if creation.error:
            raise creation.error
        return True

    def is_due(self, phy: str, count: int) -> bool:
        """Tell whether :meth:`create` would begin now."""
        creation = self._of.get(phy)
        return creation is None or (creation.ended.is_set() and self._is_due(creation, count))

    def is_running(self, phy: str) -> bool:
        """Tell whether a PF's VFs are being created."""
        creation = self._of.get(phy)
        return creation is not None and not creation.ended.is_set()

    def has_finished(self, phy: str) -> bool:
        """Tell whether a PF's VFs were created since :meth:`forget`."""
        creation = self._of.get(phy)
        return creation is not None and creation.ended.is_set() and creation.error is None

    def forget(self, phy: str) -> None:
        """Forget how a PF's last creation ended."""
        if not self.is_running(phy):
            self._of.pop(phy, None)

    def keep_only(self, phys: Collection[str]) -> None:
        """Forget all PFs but *phys*."""
        for phy in [phy for phy in self._of if phy not in phys]:
            self.forget(phy)

    def next_retry(self) -> float | None:
        """Return when the next failed one is due, on the monotonic clock; None if none failed."""
        return min((one.retry_at for one in self._of.values() if one.ended.is_set() and one.error), default=None)

    @staticmethod
    def _is_due(creation: Creation, count: int) -> bool:
        return creation.error is None or creation.count != count or time.monotonic() >= creation.retry_at

    def _run(self, phy: str, creation: Creation) -> None:
        started = time.monotonic()
        try:
            self.kernel.create_vfs(phy, creation.count)
        except KernelError as error:
            creation.failures += 1
            pause = min(_FIRST_PAUSE * 2.0 ** min(creation.failures - 1, 10), _LONGEST_PAUSE)
            creation.error, creation.retry_at = error, time.monotonic() + pause
        creation.ended.set()
        if self.patience is not None and time.monotonic() - started >= self.patience:
            self.on_end()
