"""Comparisons of models on the same images: paired tests and intervals, seeds, ranks, groups, screens."""
