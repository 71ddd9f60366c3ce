"""The version of dermbench."""

__version__ = "0.2.0"
