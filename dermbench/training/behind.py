"""Writing beside the training: files are written by a thread while the next steps are taken.

On a GPU the state of a run is copied to main memory, which takes milliseconds, and its way to the disk, which
takes longer, need not hold up the device. On a CPU there is nothing to hold up, and files are written at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from torch import Tensor


class Writer:
    """Does writing jobs in the order they are given.

    Parameters
    ----------
    behind
        Whether a thread does them; otherwise each is done when it is given.
    """

    def __init__(self, *, behind: bool) -> None:
        self.behind = behind
        self._pool: ThreadPoolExecutor | None = None
        self._pending: list[Future[None]] = []

    def do(self, job: Callable[[], None]) -> None:
        """Do a job, now or as soon as the ones before it are done; after one that failed none is begun."""
        if not self.behind:
            job()
            return
        self._pool = self._pool or ThreadPoolExecutor(1, "writer")
        before = self._pending[-1] if self._pending else None

        def after() -> None:
            if before is not None:
                before.result()
            job()

        self._pending.append(self._pool.submit(after))

    def wait(self) -> None:
        """Wait for all jobs given so far.

        Raises
        ------
        Exception
            That of the first job that failed.
        """
        pending, self._pending = self._pending, []
        for future in pending:
            future.result()

    def close(self) -> None:
        """Wait for all jobs and end the thread; as :meth:`wait` otherwise."""
        try:
            self.wait()
        finally:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    def kept(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors as they are now, whatever the next steps do to them: copies where a thread writes."""
        if not self.behind:
            return dict(tensors)
        return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
