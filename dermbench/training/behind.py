"""Writing beside the training: files are written by a thread while the next steps are taken.

On a GPU the state of a run is copied within the device's memory, which takes milliseconds; its way to main memory,
on a stream of its own, and to the disk need not hold up the steps. On a CPU there is nothing to hold up, and files
are written at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

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
        self._stream: torch.cuda.Stream | None = None
        self._pending: list[Future[None]] = []

    def do(self, job: Callable[[], None]) -> None:
        """Do a job, now or as soon as the ones before it are done; after one that failed none is begun."""
        if not self.behind:
            job()
            return
        self._pool = self._pool or ThreadPoolExecutor(1, "writer")
        before, stream = self._pending[-1] if self._pending else None, self._stream
        copied = torch.cuda.current_stream(stream.device).record_event() if stream is not None else None

        def after() -> None:
            if before is not None:
                before.result()
            with torch.cuda.stream(stream):  # None changes nothing
                if stream is not None and copied is not None:
                    stream.wait_event(copied)
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
        gpu = next((tensor.device for tensor in tensors.values() if tensor.device.type == "cuda"), None)
        if gpu is not None and self._stream is None:
            self._stream = torch.cuda.Stream(gpu)  # type: ignore[no-untyped-call]
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}
