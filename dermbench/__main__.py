"""Run the command line as ``python -m dermbench``, the form that torchrun needs."""

from dermbench.cli import main

if __name__ == "__main__":
    main()
