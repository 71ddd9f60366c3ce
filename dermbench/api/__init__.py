"""The functions that people import: paths, data frames and artifacts in, results out.

The command line calls the same functions, so that both do the same.
"""
