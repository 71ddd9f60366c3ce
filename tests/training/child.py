"""What a process of the tests does, forked from one that has imported torch already.

Run by ``runpy.run_path`` with these globals: ``ENVIRONMENT`` to set, ``ARGUMENTS`` of the command line,
``OUTPUT`` file for everything printed, ``KILL_AT`` step in which the process gets SIGKILL (or None),
``FORBIDDEN`` beginnings of paths that must not be opened, and ``SITE`` folders of further packages.
"""

import os
import signal
import sys


def _kill_in_step(number):
    from dermbench.training.run.step import Stepper

    update = Stepper._update

    def killed(self, steps):
        if steps == number:  # gradients are there, parameters not yet moved
            os.kill(os.getpid(), signal.SIGKILL)
        update(self, steps)

    Stepper._update = killed


def _forbid(prefixes):
    def watch(event, arguments):
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if path.startswith(prefixes):
                sys.stderr.write(f"opened {path}\n")
                os._exit(77)

    sys.addaudithook(watch)


sys.path[:0] = SITE  # noqa: F821 - given by the caller
os.environ.update(ENVIRONMENT)  # noqa: F821
sys.stdout = sys.stderr = open(OUTPUT, "w", buffering=1, encoding="utf-8")  # noqa: F821, SIM115, PTH123
if KILL_AT is not None:  # noqa: F821
    _kill_in_step(KILL_AT)  # noqa: F821
if FORBIDDEN:  # noqa: F821
    _forbid(tuple(FORBIDDEN))  # noqa: F821
sys.argv = ["dermbench", *ARGUMENTS]  # noqa: F821

from dermbench.cli import main  # noqa: E402

main()
