"""``python -m dermbench`` is ``dermbench`` (torchrun starts it this way)."""

from dermbench.cli import main

if __name__ == "__main__":
    main()
