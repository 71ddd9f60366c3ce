"""Self-contained HTML pages, and the HTML that a notebook shows for a result."""
