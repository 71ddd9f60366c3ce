"""What :mod:`dermbench.data.synthderm` is made of: dials, plan, colour, shapes, rendering."""
