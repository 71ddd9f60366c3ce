"""The version of dermbench."""

__version__ = "0.1.0"
