"""Handle signals to stop a run; they are held back until the run can be saved."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dermbench.errors import DermbenchError, ResumableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
FORCE_SECONDS = 3.0
"""Time after which a second signal stops the run at once; launchers send the first signal twice."""


class InterruptedRunError(ResumableError):
    """A run that the user or the system stopped."""

    exit_code = 130


class Stopper:
    """Turns SIGTERM and Ctrl-C into ``KeyboardInterrupt``, or sets ``requested`` while they are held back."""

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0
        self._held = 0

    @contextmanager
    def listening(self, *, launched: bool = False) -> Iterator[None]:
        """Handle the signals during the block; without effect outside the main thread.

        Under a launcher, signals stay ignored after an error, because the launcher stops processes while they
        still print the error.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {number: signal.signal(number, self._handle) for number in SIGNALS}
        try:
            yield
        except DermbenchError:
            before = dict.fromkeys(SIGNALS, signal.SIG_IGN) if launched else before
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Only record signals in ``requested`` during the block."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of handlers
        again = self.requested and time.monotonic() - self._since > FORCE_SECONDS
        if not self.requested:
            self.requested, self._since = True, time.monotonic()
        if again or not self._held:
            raise KeyboardInterrupt
