"""Two or more models on the same images: paired tests and intervals, seeds, ranks, groups, screens.

Only :mod:`~dermbench.evaluation.comparing.bands` may be imported without loading scipy.
"""
