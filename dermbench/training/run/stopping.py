"""Signals that ask a run to stop, held back until the run stands where it can be saved."""

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
SECOND = 3.0
"""Seconds after which another signal means "at once"; launchers send the first one twice."""


class InterruptedRunError(ResumableError):
    """A run that the user or the system stopped."""

    exit_code = 130


class Stopper:
    """Turns SIGTERM and Ctrl-C into ``KeyboardInterrupt``, or into ``requested`` while they are held back."""

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0
        self._held = 0

    @contextmanager
    def listening(self, *, launched: bool = False) -> Iterator[None]:
        """Handle the signals during the block; only the main thread of a program can.

        When a launcher started this process, an error that ends the block leaves signals ignored: the launcher
        asks processes to end while they still print it.
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
        """Only note signals in ``requested`` during the block."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the form of a handler
        again = self.requested and time.monotonic() - self._since > SECOND
        if not self.requested:
            self.requested, self._since = True, time.monotonic()
        if again or not self._held:
            raise KeyboardInterrupt
