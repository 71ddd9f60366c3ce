"""What :mod:`dermbench.data.sources.synthderm` is made of: dials, plan, colour, shapes, rendering."""
