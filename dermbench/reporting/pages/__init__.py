"""Pages of html, each one file that needs no other, and what a notebook shows of a result."""
