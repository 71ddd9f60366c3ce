"""Parts of :mod:`dermbench.data.sources.synthderm`: dials, plan, colour, shapes, rendering."""
