"""Two or more models on the same images: paired tests and intervals, seeds, ranks, groups, screens."""
